"""What a report says of programs that were tried: a line each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from builder.report.model import Report
from envspec.spec.program import MAIN
from envspec.system.finding import Finding, must_fix

NOT_RUN = "not run"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ProgramLine:
    """One program as it was tried."""

    name: str
    words: str
    """How it went, in a few words."""
    findings: tuple[Finding, ...]
    """What the judge says of it."""
    seconds: float
    """That it and its trials took, as far as they were measured."""

    @property
    def well(self) -> bool:
        """Whether nothing of it must be fixed."""
        return not must_fix(self.findings)


def program_lines(report: Report) -> Iterator[ProgramLine]:
    """The programs of a report, in their order."""
    for name, facts in report.trials.items():
        found = tuple(finding for finding in report.findings if _is_of(name, finding))
        line = ProgramLine(name=name, words="", findings=found, seconds=_seconds(facts))
        words = _words(facts, len(facts.get("trials", ()))) if line.well else "must be fixed"
        yield dataclasses.replace(line, words=words)


def _is_of(name: str, finding: Finding) -> bool:
    if not finding.rule.startswith("EV30"):
        return False
    places = ("run", "service") if name == MAIN else (f"run.{name}",)
    return any(finding.where == place or finding.where.startswith(f"{place}.trial") for place in places)


def _words(facts: Mapping[str, Any], trials: int) -> str:
    if "in_use" in facts or "found" in facts:
        return NOT_RUN
    made = sum("lacks" not in trial for trial in facts.get("trials", ()))
    tried = f", {made} of {trials} trial{'s' if trials != 1 else ''} made" if trials else ""
    if "ready_seconds" not in facts:
        return f"ends as it should{tried}"
    ready = f"ready after {facts['ready_seconds']:.1f} s"
    return f"{ready}, {facts.get('memory', 0) / 1e6:.0f} MB{tried}"


def _seconds(facts: Mapping[str, Any]) -> float:
    trials = (float(trial.get("seconds", 0.0)) for trial in facts.get("trials", ()))
    return float(facts.get("ready_seconds", 0.0)) + sum(trials)
