"""The judge: says of any Python environment whether it may ship, why not, and what to do."""

from __future__ import annotations

from builder.verify.judge import verify
from builder.verify.smoke import SmokeChecks
from builder.verify.target import Interpreter, Target

__all__ = ["Interpreter", "SmokeChecks", "Target", "verify"]
