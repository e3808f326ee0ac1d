"""How far reading may still go, and how sure it is of what it reads."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
from collections.abc import Iterator


class Exhausted(Exception):  # noqa: N818 — the end of a budget, no error
    """More statements than the budget allows."""


@dataclasses.dataclass(kw_only=True, slots=True)
class Course:
    """The one counter of an interpreter, which all its parts keep."""

    budget: int
    """Statements that may still be read."""
    call_end: int = 0
    """The budget at which the call that is being followed is given up."""
    doubt: int = 0
    """Above 0 while reading what may never run."""
    name_guards: int = 0
    """Handlers around the statement that take NameError: only then a name without a binding counts."""
    depth: int = 0
    """Calls within calls."""
    calling: list[ast.AST] = dataclasses.field(default_factory=list)
    """Functions that are being followed, innermost last."""

    def step(self) -> None:
        """Take one statement off the budget; `Exhausted` at its end."""
        self.budget -= 1
        if self.budget < self.call_end:
            raise Exhausted

    @contextlib.contextmanager
    def doubtful(self) -> Iterator[None]:
        """A part of the program that may not run."""
        self.doubt += 1
        try:
            yield
        finally:
            self.doubt -= 1

    @contextlib.contextmanager
    def afresh(self) -> Iterator[None]:
        """A module is read: whatever imports it, doubtful or within calls, its own body surely runs."""
        before = self.doubt, self.depth, self.calling, self.name_guards
        end, budget = self.call_end, self.budget
        self.doubt, self.depth, self.calling, self.name_guards = 0, 0, [], 0
        self.call_end = 0
        try:
            yield
        finally:
            self.doubt, self.depth, self.calling, self.name_guards = before
            # What a call imports is not the call's own work.
            self.call_end = max(0, end - (budget - self.budget))
