"""The judge: says of any Python environment whether it may ship, why not, and what to do."""

from __future__ import annotations

from builder.judge.interpreter import InterpreterTarget
from builder.judge.judge import verify
from builder.values.target import Target

__all__ = ["InterpreterTarget", "Target", "verify"]
