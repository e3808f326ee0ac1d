"""What a user declares to be checked in an environment, besides everything that is checked anyway."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Iterable

from envspec.system.finding import Finding


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SmokeChecks:
    """Declared checks."""

    imports: tuple[str, ...] = ()
    """Dotted modules that must import."""
    attributes: tuple[str, ...] = ()
    """`module:dotted.attribute` that must exist."""
    exchange: bool = True
    """Whether arrays travel through every NumPy consumer found."""
    ignore: tuple[str, ...] = ()
    """Findings to leave out: `EV203`, or `EV203:name` with a shell pattern for the place or a part of it."""

    def attributes_by_module(self) -> dict[str, list[str]]:
        """Attributes by the module that must have them; an entry without a colon is a module."""
        found: dict[str, list[str]] = {}
        for entry in self.attributes:
            module, _, attribute = entry.partition(":")
            found.setdefault(module, []).extend([attribute] if attribute else [])
        return found

    def kept(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings that are not ignored."""
        return tuple(each for each in findings if not any(_matches(each, rule) for rule in self.ignore))


def _matches(finding: Finding, pattern: str) -> bool:
    rule, _, place = pattern.partition(":")
    if finding.rule != rule:
        return False
    parts = {finding.where, *finding.where.split("."), *finding.where.split("/")}
    return not place or any(fnmatch.fnmatchcase(part, place) for part in parts)
