"""Judges programs: those that a package runs, and that its own words call necessary, must be there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.judge.facts import Distribution, Facts
from envspec.system import rules
from envspec.system.finding import Finding, Severity

LACK = re.compile(
    r"could ?n[o']?t (?:be )?(?:find|found|locate)|cannot find|can't find|not found|unable to (?:find|locate)"
    r"|not installed|is missing|no .* found",
    re.IGNORECASE,
)
"""How a module says, while it is imported, that something is not there."""


def judge_programs(facts: Facts) -> Iterator[Finding]:
    """Findings about programs that are not on PATH and that a package itself calls necessary."""
    for job in facts.raw["usage"]:
        owner = facts.owner(job["module"])
        if owner is None:
            continue
        said = [
            warning["message"]
            for outcome in facts.imports
            if outcome.module == job["module"]
            for warning in outcome.warnings
            if LACK.search(warning["message"])
        ]
        missed = job.get("programs", {})
        named = [name for name in missed if any(_mentions(text, name) for text in said)]
        made = job.get("wrapped", {}) if facts.is_wanted(owner) else {}
        if named:
            why = "and says so while it is imported"
            # What others brought along may run it for what nobody here does.
            severity = Severity.ERROR if facts.is_wanted(owner) else Severity.INFO
            yield _finding(owner, sorted(named), missed[named[0]], why, severity)
        elif made:
            yield _finding(
                owner, sorted(made), next(iter(made.values())), "and is made for it", Severity.ERROR
            )


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE) is not None


def _finding(owner: Distribution, names: list[str], place: str, why: str, severity: Severity) -> Finding:
    programs = " or ".join(names)
    return rules.PROGRAM.finding(
        f"{owner.name} {owner.version} runs the program {programs}, which is not installed, {why} ({place})",
        hint=f"install the system package that provides {programs}",
        where=owner.name,
        severity=severity,
    )
