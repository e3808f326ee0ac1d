"""What linking found, in the one shape of all findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envspec.proof.abi.libraries import what_brings
from envspec.proof.abi.packages import DEFAULT_SUITE
from envspec.proof.departed import departed
from envspec.proof.history.table import breaks_with
from envspec.proof.imports.link import Failure, LinkReport
from envspec.proof.stdlib.continued import continued_in
from envspec.system import rules
from envspec.system.finding import Finding

_OF_BASES = frozenset({"library", "binary", "platform-name"})
"""Kinds of faults that another machine than the target may not have."""
NO_HINTS: Mapping[str, str] = {}


def link_findings(
    report: LinkReport,
    versions: Mapping[str, str],
    *,
    python: str,
    suite: str = DEFAULT_SUITE,
    hints: Mapping[str, str] = NO_HINTS,
) -> Iterator[Finding]:
    """EV140 for imports that surely fail, EV141 for doubtful ones, EV142 for placeholders.

    `hints` tells what to do about compiled modules that cannot be loaded, by the reason.
    """
    for failure in report.failures:
        named = f"{failure.package} {failure.version}"
        if failure.fault.kind == "stub":
            yield rules.LINK_PLACEHOLDER.finding(
                failure.message,
                hint="the real package has another name, another index, or another version",
                where=failure.package,
            )
            continue
        fails = "fails" if failure.certain else "may fail"
        why = _why(failure, versions, python)
        rule = rules.LINK_FAILS if failure.certain else rules.LINK_DOUBTFUL
        yield rule.finding(
            f"`import {failure.module}` of {named} {fails}: {why}",
            hint=hints.get(failure.fault.wanted) or _hint(failure, versions, python, suite),
            where=str(failure.fault.where),
            module="" if failure.fault.kind in _OF_BASES else failure.module,
            between=_between(failure, versions),
            lacks=failure.fault.wanted if failure.fault.kind in ("name", "module") else "",
        )


def _between(failure: Failure, versions: Mapping[str, str]) -> Iterator[str]:
    """The package that is imported, the one whose code fails, and the one that has not what it wants."""
    yield failure.package
    if failure.user:
        yield failure.user
    if failure.fault.owner in versions:
        yield failure.fault.owner
    elif failure.fault.kind == "module" and (left := departed(failure.fault.wanted)):
        yield left.package
    elif failure.fault.kind == "stdlib-module" and (heir := continued_in(failure.fault.wanted)):
        yield heir


def _why(failure: Failure, versions: Mapping[str, str], python: str) -> str:
    fault = failure.fault
    if fault.kind == "name":
        owner = f"{fault.owner} {versions.get(fault.owner, '')}".strip()
        return f"{owner or 'the module'} has no {fault.wanted}"
    if fault.kind == "module":
        owned = f" in {fault.owner} {versions.get(fault.owner, '')}".rstrip() if fault.owner else ""
        if (left := departed(fault.wanted)) and left.package in versions:
            owned = f"; {left.package} {versions[left.package]} has none any more"
        return f"there is no module {fault.wanted}{owned}"
    if fault.kind in ("stdlib-module", "stdlib-name", "platform-name"):
        return f"Python {python} has no {fault.wanted}"
    if fault.kind == "syntax":
        return f"Python {python} cannot parse it ({fault.wanted})"
    if fault.kind == "library":
        return f"the base has no {fault.wanted}"
    if fault.kind == "binary":
        return f"{fault.owner} cannot be loaded: {fault.wanted}"
    return failure.message or fault.wanted or failure.exception


def _hint(failure: Failure, versions: Mapping[str, str], python: str, suite: str) -> str:
    fault = failure.fault
    if fault.kind == "library":
        return what_brings([fault.wanted], suite)
    if fault.kind in ("name", "module") and fault.owner == failure.package:
        return (
            "take another version of it, or, where the code is your own, generate there first what it lacks"
        )
    if fault.kind in ("name", "module") and fault.owner in versions:
        pinned = versions[fault.owner]
        if failure.user and (
            known := breaks_with(failure.user, versions.get(failure.user, ""), fault.owner, pinned)
        ):
            return f"pin another {fault.owner}: {failure.user} works with it {known.words}"
        # Whether the name is gone or not there yet, no file tells.
        knows = f"a {failure.package} that knows {fault.owner} {versions[fault.owner]}"
        return f"pin an older or a newer {fault.owner}, or {knows}"
    if fault.kind == "module":
        top = fault.wanted.partition(".")[0]
        left = departed(fault.wanted)
        such = f", such as {left.package} below {left.below}" if left else ""
        return f"add a package that provides {top} to a stage{such}"
    if fault.kind.startswith("stdlib") or fault.kind == "bases":
        heir = continued_in(fault.wanted) if fault.kind == "stdlib-module" else ""
        add = f"; {heir} brings {fault.wanted} to newer Pythons" if heir else ""
        return f"pin a {failure.package} made for Python {python}, or take an older Python{add}"
    return f"try another version of {failure.package}"
