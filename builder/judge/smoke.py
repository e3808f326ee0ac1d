"""The spec's smoke checks as the judge uses them: what to import, what to ignore."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable

from envspec.spec.model import Smoke
from envspec.system.finding import Finding


def attributes_by_module(smoke: Smoke) -> dict[str, list[str]]:
    """The attributes that must exist, by the module that must have them."""
    found: dict[str, list[str]] = {}
    for entry in smoke.attributes:
        module, _, attribute = entry.partition(":")
        found.setdefault(module, []).append(attribute)
    return found


def without_ignored(findings: Iterable[Finding], smoke: Smoke) -> tuple[Finding, ...]:
    """The findings that count.

    `EV203` ignores a rule, `EV203:name` where a shell pattern matches the place or a part of it.
    """
    return tuple(each for each in findings if not any(_matches(each, rule) for rule in smoke.ignore))


def _matches(finding: Finding, pattern: str) -> bool:
    rule, _, place = pattern.partition(":")
    if finding.rule != rule:
        return False
    parts = {finding.where, *finding.where.split("."), *finding.where.split("/")}
    return not place or any(fnmatch.fnmatchcase(part, place) for part in parts)
