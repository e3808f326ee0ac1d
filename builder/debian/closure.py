"""Which packages a base needs: the closure of what was asked for, as apt without recommendations has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from builder.debian.lists import PackageList
from builder.debian.package import OfferedPackage, Relation
from builder.debian.request import SCRIPTS_ONLY
from builder.debian.version import version_key
from envspec.system.errors import OutsideError


class Universe:
    """All packages that archives offer, several versions of a name included."""

    def __init__(self, lists: Sequence[PackageList]) -> None:
        self._lists = lists

    def find(self, relation: Relation) -> OfferedPackage | None:
        """The newest package that does; else the first, by name, that provides it."""
        named = self._versions(relation.name)
        providers = (
            versions[0]
            for name in sorted({name for one in self._lists for name in one.providers(relation.name)})
            if (versions := self._versions(name)) and provides(versions[0], relation)
        )
        return next((p for p in named if relation.accepts(p.version)), None) or next(providers, None)

    def _versions(self, name: str) -> list[OfferedPackage]:
        """Newest first."""
        found = [package for one in self._lists for package in one.named(name)]
        return sorted(found, key=lambda package: version_key(package.version), reverse=True)


def provides(package: OfferedPackage, relation: Relation) -> bool:
    """Whether the package stands in for what the relation names."""
    return any(
        provided.name == relation.name
        and (not relation.how or (bool(provided.version) and relation.accepts(provided.version)))
        for provided in package.provides
    )


def package_closure(wanted: Sequence[Relation], universe: Universe) -> tuple[OfferedPackage, ...]:
    """Everything that the wanted packages need, themselves included, by name.

    Raises `OutsideError` naming what the archives do not have and who asked for it.
    """
    chosen: dict[str, OfferedPackage] = {}
    queue: deque[tuple[tuple[Relation, ...], str]] = deque(((relation,), "[base] apt") for relation in wanted)
    asked = {relation.name for relation in wanted}
    while queue:
        group, asker = queue.popleft()
        if _satisfied(group, chosen) or (_scripts_only(group) and not asked & {r.name for r in group}):
            continue
        found = next((package for relation in group if (package := universe.find(relation))), None)
        if found is None:
            names = " or ".join(f"{r.name} {r.how} {r.version}".strip() for r in group)
            raise OutsideError(
                f"no archive has the Debian package {names}, which {asker} needs",
                hint="correct its name in [base] apt, or choose another suite",
            )
        chosen[found.name] = found
        queue.extend((group, found.name) for group in found.depends)
    return tuple(chosen[name] for name in sorted(chosen))


def _scripts_only(group: tuple[Relation, ...]) -> bool:
    return any(relation.name in SCRIPTS_ONLY for relation in group)


def _satisfied(group: tuple[Relation, ...], chosen: Mapping[str, OfferedPackage]) -> bool:
    return any(
        ((package := chosen.get(relation.name)) is not None and relation.accepts(package.version))
        or any(provides(other, relation) for other in chosen.values())
        for relation in group
    )
