"""The judge: says of any Python environment whether it may ship, why not, and what to do."""

from __future__ import annotations

from builder.judge.interpreter import InterpreterSubject
from builder.judge.judge import judge_subject
from builder.values.subject import Subject

__all__ = ["InterpreterSubject", "Subject", "judge_subject"]
