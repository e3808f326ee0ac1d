"""One run under way: what was asked for, what has come of it so far, and the report that grows with it."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from builder.backends.port import Backend
from builder.flow.project import Project
from builder.report.model import Report
from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.request import Request
from builder.values.shipping import Shipped
from builder.values.verdict import Verdict
from envspec.lockfile.lock import Lock
from envspec.system.finding import Finding, weigh_strictly
from envspec.system.progress import Progress

_Value = TypeVar("_Value")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run between two phases. What a phase makes is None before it."""

    request: Request
    project: Project
    progress: Progress
    report: Report
    lock: Lock | None = None
    served: tuple[str, ...] | None = None
    """The words that serve what `[service]` names, where the lock decides them."""
    plan: Plan | None = None
    backend: Backend | None = None
    environment: Environment | None = None
    verdict: Verdict | None = None
    shipped: Shipped | None = None

    def reporting(self, *findings: Finding, **changes: Any) -> Run:
        """The run with more findings, as heavy as the request wants them, and other changes of its report."""
        weighed = weigh_strictly(findings) if self.request.strict else findings
        return dataclasses.replace(self, report=self.report.having(*weighed, **changes))


def already_made(value: _Value | None) -> _Value:
    """What an earlier phase made. Raises `LookupError` where the phases stand in the wrong order."""
    if value is None:
        raise LookupError("a phase was begun before the one that it depends on")
    return value
