"""A Debian package as an archive's index describes it, and what it depends on."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping

from builder.debian.version import satisfies

_RELATION = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?::[a-z0-9-]+)?\s*(?:\((?P<how><<|<=|=|>=|>>)\s*(?P<version>[^)\s]+)\s*\))?"
    r"(?:\s*\[(?P<machines>[^\]]*)\])?(?:\s*<[^>]*>)*"
)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Relation:
    """A package that would do, in some versions."""

    name: str
    how: str = ""
    """`<<`, `<=`, `=`, `>=` or `>>`; empty where any version does."""
    version: str = ""

    def accepts(self, candidate: str) -> bool:
        """Whether that version does."""
        return not self.how or satisfies(candidate, self.how, self.version)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class OfferedPackage:
    """One version of a Debian package, as an archive offers it."""

    name: str
    version: str
    machine: str
    """Debian's name of the processor, or `all`."""
    path: str
    """Below the archive's root."""
    sha256: str
    size: int
    """In bytes."""
    archive: str = ""
    """Address of the archive it was found in; never kept in a file."""
    depends: tuple[tuple[Relation, ...], ...] = ()
    """Groups of alternatives; each group needs one."""
    provides: tuple[Relation, ...] = ()


def read_relations(text: str) -> Iterator[tuple[Relation, ...]]:
    """The groups of a dependency field; what cannot be read is passed over."""
    for group in text.replace("\n", " ").split(","):
        found = [_RELATION.fullmatch(part.strip()) for part in group.split("|")]
        alternatives = tuple(
            Relation(name=match["name"], how=match["how"] or "", version=match["version"] or "")
            for match in found
            if match
        )
        if alternatives:
            yield alternatives


def read_package(fields: Mapping[str, str], archive: str = "") -> OfferedPackage | None:
    """The package that a paragraph of an index describes; None when something needed is missing."""
    try:
        return OfferedPackage(
            name=fields["Package"],
            version=fields["Version"],
            machine=fields["Architecture"],
            path=fields["Filename"],
            sha256=fields["SHA256"].lower(),
            size=int(fields["Size"]),
            archive=archive,
            depends=tuple(
                group
                for field in ("Pre-Depends", "Depends")
                for group in read_relations(fields.get(field, ""))
            ),
            provides=tuple(group[0] for group in read_relations(fields.get("Provides", ""))),
        )
    except (KeyError, ValueError):
        return None
