"""The last report of a folder, read back, and what a new one has that it had not."""

from __future__ import annotations

import pathlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import pydantic
from packaging.utils import canonicalize_name

from builder.report.changes import Changes, Moved
from builder.report.families import FAMILIES, family_of, not_looked_at
from builder.report.model import Report
from envspec.system.errors import SpecError
from envspec.system.finding import Finding, Severity
from envspec.system.reading import read_bytes

LIMIT = 64 << 20
"""Bytes of a report that are read back; the largest that was seen has a tenth of it."""


class _Part(pydantic.BaseModel):
    """A part of the JSON form, of which only what is compared is read."""

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")


class _Occasion(_Part):
    date: str = ""


class _Finding(_Part):
    rule: str
    severity: Severity
    message: str
    hint: str = ""
    where: str = ""


class _Stage(_Part):
    packages: dict[str, str]
    size: int


class _Installed(_Part):
    name: str
    version: str
    size: int


class _Verification(_Part):
    distributions: list[_Installed] = []


class LastReport(_Part):
    """A report as `report.json` kept it."""

    name: str
    variant: str | None = None
    verdict: str
    run: _Occasion = _Occasion()
    findings: list[_Finding]
    stages: list[_Stage] = []
    verification: _Verification | None = None
    seconds: dict[str, float] = {}


def read_last(file: pathlib.Path) -> LastReport | None:
    """The report in a file; None where there is none, or nothing that this version understands."""
    if not file.is_file():
        return None
    try:
        return LastReport.model_validate_json(read_bytes(file, LIMIT))
    except (SpecError, pydantic.ValidationError):
        return None


def compare(last: LastReport | None, report: Report) -> Changes | None:
    """What changed since the last report; None where that spoke of something else.

    `report` is as it leaves, without what is private: the last one was written so, and is held against that.
    """
    if last is None or (last.name, last.variant) != (report.name, report.variant):
        return None
    both = {family.key for family in FAMILIES if _looked(last, family.phase) and _looks(report, family.key)}
    before = [
        Finding.from_dict(each.model_dump()) for each in last.findings if family_of(each.rule).key in both
    ]
    after = [each for each in report.findings if family_of(each.rule).key in both]
    return Changes(
        since=last.run.date,
        verdicts=(last.verdict, report.words),
        new=tuple(_beyond(after, before)),
        gone=tuple(_beyond(before, after)),
        moved=tuple(_moved(_versions_before(last), _versions_after(report))),
        sizes=_sizes(last, report),
        aside=tuple(_aside(last, report)),
    )


def _looked(last: LastReport, phase: str) -> bool:
    return phase in last.seconds and (phase != "verify" or last.verification is not None)


def _looks(report: Report, key: str) -> bool:
    family = next(family for family in FAMILIES if family.key == key)
    return family.phase in report.seconds and (
        family.phase != "verify" or not_looked_at(family, report) is None
    )


def _identity(finding: Finding) -> tuple[str, str, str, str]:
    """What makes two findings one: a time or a size that is a little different makes no other."""
    words = re.sub(r"\d+(?:\.\d+)*", "#", finding.message)
    return finding.rule, finding.severity, finding.where, words


def _beyond(some: Iterable[Finding], others: Iterable[Finding]) -> Iterator[Finding]:
    """Those of `some` that are not among `others`, each as often as it is there."""
    left = Counter(_identity(each) for each in others)
    for finding in some:
        if left[identity := _identity(finding)]:
            left[identity] -= 1
        else:
            yield finding


def _versions_before(last: LastReport) -> Mapping[str, str]:
    if last.stages:
        return {name: version for stage in last.stages for name, version in stage.packages.items()}
    return {each.name: each.version for each in last.verification.distributions} if last.verification else {}


def _versions_after(report: Report) -> Mapping[str, str]:
    if report.stages:
        return {name: version for stage in report.stages for name, version in stage.packages.items()}
    return {each.name: each.version for each in report.verdict.distributions} if report.verdict else {}


def _moved(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Moved]:
    if not before or not after:
        return
    old, new = (
        {canonicalize_name(name): version for name, version in versions.items()}
        for versions in (before, after)
    )
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield Moved(name=name, before=old.get(name, ""), after=new.get(name, ""))


def _sizes(last: LastReport, report: Report) -> tuple[int, int] | None:
    if last.verification and report.verdict:
        pair = last.verification.distributions, report.verdict.distributions
        return sum(each.size for each in pair[0]), sum(each.size for each in pair[1])
    if last.stages and report.stages:
        return sum(stage.size for stage in last.stages), sum(stage.size for stage in report.stages)
    return None


def _aside(last: LastReport, report: Report) -> Iterator[str]:
    for phase, what in (("prove", "the lock's proof"), ("verify", "the verification")):
        then, now = (
            _looked(last, phase),
            phase in report.seconds and (phase != "verify" or report.verdict is not None),
        )
        if then and not now:
            yield f"this run did not come to {what}: its findings of last time are not counted as gone"
        if now and not then:
            yield f"the last run did not come to {what}: its findings are not counted as new"
