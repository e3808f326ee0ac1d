"""How the distributions hang together: who needs whom, under which names, and built for which NumPy."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from builder.report.model import Report
from builder.values.verdict import Installed


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """One requirement of a distribution."""

    name: str
    key: str
    """Canonical name."""
    specifier: str
    state: str
    """`ok`, `warning` where another version is installed, `error` where none is."""
    version: str
    """Installed; empty where it is not."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PackageRelation:
    """One distribution among the others."""

    name: str
    key: str
    version: str
    needs: tuple[Need, ...]
    users: tuple[tuple[str, str], ...]
    """Key and name of the distributions that need it."""
    roots: tuple[str, ...]
    extensions: int
    numpy: str
    """The NumPy that its compiled modules were built for, as a specifier; empty where none is known."""
    numpy_state: str
    """`ok`, `error` where another NumPy is installed, or empty."""


def relations(report: Report) -> tuple[PackageRelation, ...]:
    """By name; nothing where nothing is known of requirements or compiled modules."""
    installed = report.verdict.distributions if report.verdict else ()
    if not any(each.requires or each.roots for each in installed):
        return ()
    versions: dict[str, str] = {canonicalize_name(each.name): each.version for each in installed}
    needs = {canonicalize_name(each.name): tuple(_needs(each, versions)) for each in installed}
    return tuple(
        PackageRelation(
            name=each.name,
            key=(key := canonicalize_name(each.name)),
            version=each.version,
            needs=needs[key],
            users=tuple(
                (canonicalize_name(other.name), other.name)
                for other in installed
                if any(need.key == key for need in needs[canonicalize_name(other.name)])
            ),
            roots=each.roots,
            extensions=each.extensions,
            numpy=each.numpy,
            numpy_state=_fits(each.numpy, versions.get("numpy")) if each.numpy else "",
        )
        for each in sorted(installed, key=lambda each: canonicalize_name(each.name))
    )


def _needs(each: Installed, versions: dict[str, str]) -> Iterator[Need]:
    for text in each.requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        key = canonicalize_name(requirement.name)
        specifier = str(requirement.specifier)
        state = _fits(specifier, versions.get(key))
        yield Need(
            name=requirement.name,
            key=key,
            specifier=specifier,
            state="warning" if state == "error" and key in versions else state,
            version=versions.get(key, ""),
        )


def _fits(specifier: str, version: str | None) -> str:
    """Whether a version suits: `ok` or `error`; one that cannot be read does."""
    if version is None:
        return "error"
    try:
        return "ok" if SpecifierSet(specifier).contains(version, prereleases=True) else "error"
    except (InvalidSpecifier, InvalidVersion):
        return "ok"
