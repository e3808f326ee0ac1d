"""The matrix: each distribution against what was looked at, dependencies and ABI among it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from packaging.utils import canonicalize_name

from builder.report.families import FAMILIES, Family, family_of, not_looked_at
from builder.report.model import Report
from builder.values.verdict import Installed
from envspec.system.finding import Finding

COLUMNS: Mapping[str, str] = {
    "lock": "Proof",
    "requirements": "Needs",
    "imports": "Imports",
    "abi": "ABI",
    "use": "Use",
    "exchange": "Exchange",
    "files": "Files",
    "surroundings": "Around",
    "drift": "Drift",
}
"""Short heading of each family that looks at distributions, in the order of the columns."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """What one family found of one distribution."""

    state: str
    """A severity; `ok` when nothing was found, `unseen` when nobody looked."""
    count: int = 0
    first: int = 0
    """Index of the first finding in the report, where there is one."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One distribution."""

    name: str
    version: str
    """Installed; empty when it is locked and not installed, or when nothing was verified."""
    locked: str
    """Version in the lock; empty when it is not locked."""
    stage: str
    size: int
    """Bytes of its installed files; 0 when they are not known."""
    cells: tuple[Cell, ...]

    @property
    def concerned(self) -> bool:
        """Whether anything was found of it that is more than information."""
        return any(cell.state in ("error", "warning") for cell in self.cells)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """Rows in the order of installation, then by name; only columns that somebody looked at."""

    columns: tuple[Family, ...]
    rows: tuple[Row, ...]


def matrix(report: Report) -> Matrix:
    """The matrix of a report; without rows when it knows no distribution."""
    families = {family.key: family for family in FAMILIES}
    seen = {key: not_looked_at(families[key], report) is None for key in COLUMNS}
    verified = report.verdict is not None
    columns = tuple(
        families[key] for key in COLUMNS if seen[key] or (verified and families[key].phase == "verify")
    )
    locked: dict[str, tuple[str, str]] = {
        canonicalize_name(name): (stage.name, version)
        for stage in report.stages
        for name, version in stage.packages.items()
    }
    installed: dict[str, Installed] = {
        canonicalize_name(each.name): each
        for each in (report.verdict.distributions if report.verdict else ())
    }
    order = [*locked, *sorted(installed.keys() - locked.keys())]
    names = {name: installed[name].name if name in installed else name for name in order}
    roots = {root: key for key, each in installed.items() for root in each.roots}
    owned = _owned(report.findings, names, roots)
    return Matrix(
        columns=columns,
        rows=tuple(
            Row(
                name=names[name],
                version=installed[name].version if name in installed else "",
                locked=locked[name][1] if name in locked else "",
                stage=locked[name][0] if name in locked else "",
                size=installed[name].size if name in installed else 0,
                cells=tuple(_cell(family, owned.get(name, ()), seen[family.key]) for family in columns),
            )
            for name in order
        ),
    )


def _cell(family: Family, found: Sequence[tuple[int, Finding]], looked: bool) -> Cell:
    own = [(place, finding) for place, finding in found if family_of(finding.rule) is family]
    if own:
        worst = min(own, key=lambda pair: pair[1].severity.rank)
        return Cell(state=str(worst[1].severity), count=len(own), first=worst[0])
    return Cell(state="ok" if looked else "unseen")


def _owned(
    findings: Sequence[Finding], names: Mapping[str, str], roots: Mapping[str, str]
) -> dict[str, list[tuple[int, Finding]]]:
    owned: dict[str, list[tuple[int, Finding]]] = {}
    for place, finding in enumerate(findings):
        if (name := owner(finding, names, roots)) is not None:
            owned.setdefault(name, []).append((place, finding))
    return owned


def owner(finding: Finding, names: Mapping[str, str], roots: Mapping[str, str]) -> str | None:
    """The distribution that a finding speaks of, by canonical name.

    Its place names the distribution, or a module below one of its import roots (`roots` maps them to
    names), or the top module that bears its name; else its message begins with it.
    """
    if family_of(finding.rule).key == "spec":
        return None
    place = re.split(r"[\s:/]", finding.where, maxsplit=1)[0]
    parts = place.split(".")
    if place and (name := canonicalize_name(place)) in names:
        return name
    for depth in range(len(parts), 0, -1):
        if (root := ".".join(parts[:depth])) in roots:
            return roots[root]
    words = finding.message.split(maxsplit=1)
    for word in (parts[0], words[0] if words else ""):
        if word and (key := canonicalize_name(word)) in names:
            return key
    return None
