"""Families of rules: what reports group findings by, and whether a run looked at them at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from builder.report.model import Report
from envspec.system.finding import Finding, Severity
from envspec.system.rules import RULES


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Rules that look at one side of an environment."""

    key: str
    title: str
    phase: str
    """The phase of a run that looks."""
    prefixes: tuple[str, ...]
    """What the ids of its rules begin with."""
    thorough: bool = False
    """Whether a fast verification leaves it out."""

    def holds(self, rule: str) -> bool:
        """Whether a rule belongs here."""
        return rule.startswith(self.prefixes)


FAMILIES = (
    Family(key="spec", title="The spec", phase="lint", prefixes=("EV0",)),
    Family(key="lock", title="The lock's proof", phase="prove", prefixes=("EV1",)),
    Family(key="imports", title="Imports", phase="verify", prefixes=("EV20", "EV21")),
    Family(key="abi", title="Compiled modules and libraries", phase="verify", prefixes=("EV22",)),
    Family(key="files", title="Installed files", phase="verify", prefixes=("EV23",)),
    Family(key="surroundings", title="Surroundings", phase="verify", prefixes=("EV24",)),
    Family(key="requirements", title="Requirements", phase="verify", prefixes=("EV25",)),
    Family(key="use", title="Use of each other", phase="verify", prefixes=("EV26",), thorough=True),
    Family(key="exchange", title="Exchange of arrays", phase="verify", prefixes=("EV27",), thorough=True),
    Family(key="drift", title="Drift from the lock", phase="verify", prefixes=("EV28",)),
    Family(key="judge", title="The judge itself", phase="verify", prefixes=("EV29",)),
    Family(key="payload", title="The programs", phase="verify", prefixes=("EV3",)),
)
OTHER = Family(key="other", title="Other findings", phase="", prefixes=())


def family_of(rule: str) -> Family:
    """The family of a rule; `OTHER` for ids that nobody knows."""
    return next((family for family in FAMILIES if family.holds(rule)), OTHER)


def title_of(rule: str) -> str:
    """What a rule looks for, in a few words; its family's title for ids that nobody knows."""
    return RULES[rule].title if rule in RULES else family_of(rule).title


def of_family(family: Family, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that belong to a family, in their order."""
    return tuple(finding for finding in findings if family_of(finding.rule) is family)


def not_looked_at(family: Family, report: Report) -> str | None:
    """Why a run did not look at a family; None when it did."""
    if of_family(family, report.findings):
        return None
    if family.phase == "verify" and report.verdict is None:
        return "nothing was verified"
    if family.phase not in report.seconds:
        return f"the run had no phase {family.phase}"
    if family.key == "payload" and not report.trials:
        return "no program was tried"
    if family.key == "drift" and report.lock is None:
        return "no lock was given"
    if family.thorough and report.verdict is not None and report.verdict.fast:
        return "left out by --fast"
    return None


def counts(findings: Iterable[Finding]) -> dict[Severity, int]:
    """How many findings there are of each severity, heaviest first, zeros included."""
    found = [finding.severity for finding in findings]
    return {severity: found.count(severity) for severity in Severity}


def tally(findings: Iterable[Finding]) -> str:
    """The counts in words: `1 error, 0 warnings, 3 infos`."""
    return ", ".join(
        f"{count} {severity}{'s' if count != 1 else ''}" for severity, count in counts(findings).items()
    )
