"""The judge: says of any Python environment whether it may ship, why not, and what to do."""

from __future__ import annotations

from builder.judge.judge import verify
from builder.judge.smoke import SmokeChecks
from builder.judge.target import Interpreter, Target

__all__ = ["Interpreter", "SmokeChecks", "Target", "verify"]
