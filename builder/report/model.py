"""The report of one run, whether it went well or not."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

from builder.report.changes import Changes
from builder.report.occasion import Occasion
from builder.report.source import Place, Source
from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.verdict import Verdict
from envspec.proof.gpu import served
from envspec.proof.gpu.served import GpuProof
from envspec.system.errors import EnvspecError
from envspec.system.finding import Finding, Severity, must_fix, order_findings
from envspec.system.rules import BASE_UNREAD

VERSION = 2
"""Of the JSON form; it changes only when a reader would have to."""

MOST = 500
"""Findings of one rule that a form for programs has; the others are counted in one more."""

PHASES = ("lint", "lock", "prove", "plan", "build", "verify", "ship")
"""What a whole run does, in order."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class StageReport:
    """One stage as it was planned."""

    name: str
    why: str
    packages: Mapping[str, str]
    """Version by name."""
    size: int
    """Bytes of its wheels."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CopyReport:
    """One copy as it was planned."""

    source: str
    """File or folder of the spec's folder."""
    to: str
    files: int
    """How many files and links it brings."""
    size: int
    """Their bytes."""
    ignored: int
    """How many files and folders `.gitignore` and `.dockerignore` keep out of it."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All that one run found. A field that a run did not come to is empty."""

    name: str
    variant: str | None = None
    source: Source | None = None
    """The spec as it was read; None where there is none, or where a run does not tell."""
    phase: str = "lint"
    """The last phase that was begun: one of `PHASES`."""
    findings: tuple[Finding, ...] = ()
    """Of every phase, errors first; the verdict's among them."""
    lock: str | None = None
    """Digest of the lock."""
    stages: tuple[StageReport, ...] = ()
    copies: tuple[CopyReport, ...] = ()
    plan: str | None = None
    """Digest of the plan."""
    environment: Environment | None = None
    verdict: Verdict | None = None
    trials: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    """What each program did when it was tried, by its name; see `builder.judge.trial`."""
    files: tuple[str, ...] = ()
    """Files that the run wrote for its user, such as a lock."""
    gpu: GpuProof | None = None
    """What of the set serves which card; None where a run did not prove it."""
    said: tuple[str, ...] = ()
    """Lines for the user that a backend has to say of its result."""
    attachments: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Texts by the name of the file that goes beside the report."""
    failure: EnvspecError | None = None
    """What stopped the run."""
    seconds: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """Time by phase."""
    occasion: Occasion | None = None
    """When, by which command and where; None before somebody writes the report down."""
    changes: Changes | None = None
    """What is different from the last report in the same folder; None where there is none."""

    @property
    def ships(self) -> bool:
        """Whether the environment was built, verified, and nothing must be fixed."""
        return self.verdict is not None and self.sound

    @property
    def sound(self) -> bool:
        """Whether nothing found so far must be fixed, and nothing stopped the run."""
        return self.failure is None and not must_fix(self.findings)

    @property
    def exit_code(self) -> int:
        """0 fine; 1 findings that must be fixed; otherwise that of the failure."""
        if self.failure is not None:
            return self.failure.exit_code
        return 1 if must_fix(self.findings) else 0

    @property
    def words(self) -> str:
        """The verdict in words."""
        if self.failure is not None and self.failure.exit_code != 1:
            return "failed"
        if not self.sound:
            return "must be fixed"
        return "ships" if self.verdict is not None else "sound so far"

    @property
    def sentence(self) -> str:
        """The verdict for people, with what it leaves open."""
        unread = any(finding.rule == BASE_UNREAD.id for finding in self.findings)
        open_end = ", but its base was not read" if unread and self.sound and self.verdict is None else ""
        return f"{self.words}{open_end}"

    def place(self, finding: Finding) -> Place | None:
        """The line of the spec that a finding speaks of; None where there is none, or no spec."""
        return self.source.place(finding.where) if self.source is not None and finding.where else None

    def having(self, *findings: Finding, **changes: Any) -> Report:
        """The report with more findings and other changes."""
        return dataclasses.replace(self, findings=order_findings((*self.findings, *findings)), **changes)

    def bounded(self) -> Report:
        """The report with at most `MOST` findings of a rule; the last of them counts those left out."""
        seen: Counter[tuple[str, Severity]] = Counter()
        kept: list[Finding] = []
        beyond: dict[tuple[str, Severity], Finding] = {}
        for finding in self.findings:
            kind = finding.rule, finding.severity
            seen[kind] += 1
            if seen[kind] <= MOST:
                kept.append(finding)
            else:
                beyond[kind] = finding
        if not beyond:
            return self
        for kind, finding in beyond.items():
            message = f"and {seen[kind] - MOST:,} more findings of {finding.rule}"
            kept.append(dataclasses.replace(finding, message=message, hint="", where=""))
        return dataclasses.replace(self, findings=tuple(kept))

    def as_dict(self) -> dict[str, Any]:
        """JSON form; keys as the fields, empty ones left out."""
        import importlib.metadata  # only documents tell the version

        environment = dataclasses.asdict(self.environment) if self.environment else None
        if environment:
            environment.pop("variables")  # they may hold secrets
            environment.pop("contents")
            environment.pop("folder")
        body = {
            "version": VERSION,
            "tool": f"envspec {importlib.metadata.version('envspec')}",
            "run": self._occasion(),
            "name": self.name,
            "spec": self.source.file if self.source else None,
            "variant": self.variant,
            "verdict": self.words,
            "ships": self.ships,
            "exit_code": self.exit_code,
            "phase": self.phase,
            "findings": [self._finding(finding) for finding in self.findings],
            "changes": self.changes.as_dict() if self.changes is not None else None,
            "lock": self.lock,
            "stages": [dataclasses.asdict(stage) for stage in self.stages],
            "copies": [dataclasses.asdict(copy) for copy in self.copies],
            "gpu": served.as_json(self.gpu) if self.gpu and self.gpu.rows else None,
            "plan": self.plan,
            "environment": environment,
            "verification": self.verdict.as_dict() if self.verdict else None,
            "trials": {name: without_log(facts) for name, facts in self.trials.items()},
            "files": list(self.files),
            "said": list(self.said),
            "failure": {"message": self.failure.message, "hint": self.failure.hint} if self.failure else None,
            "seconds": dict(self.seconds),
        }
        return {key: value for key, value in body.items() if value not in (None, [], {})} | {
            "findings": body["findings"]
        }

    def _occasion(self) -> dict[str, Any] | None:
        fields = dataclasses.asdict(self.occasion) if self.occasion else {}
        return {key: value for key, value in fields.items() if value != ""} or None

    def _finding(self, finding: Finding) -> dict[str, Any]:
        place = self.place(finding)
        return finding.as_dict() | ({"line": place.line} if place else {})


def without_log(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a program's trial but for what it said, which may be anything."""
    return {key: value for key, value in facts.items() if key != "log"}


def stages_of(plan: Plan) -> tuple[StageReport, ...]:
    """The stages of a plan with their sizes."""
    return tuple(
        StageReport(
            name=stage.name,
            why=stage.why,
            packages={wheel.name: wheel.version for wheel in stage.wheels},
            size=sum(wheel.size for wheel in stage.wheels),
        )
        for stage in plan.stages
    )


def copies_of(plan: Plan) -> tuple[CopyReport, ...]:
    """The copies of a plan with what each brings."""
    return tuple(
        CopyReport(
            source=copy.source,
            to=copy.to,
            files=len(copy.files),
            size=copy.size,
            ignored=copy.ignored,
        )
        for copy in plan.copies
    )
