"""Who wants what of whom in an environment of metadata: why things change, what does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envspec.order.model import PipDistribution

Environment = Mapping[str, PipDistribution]


def because(
    name: str, before: str, environment: Environment, requested: Iterable[str], markers: Mapping[str, str]
) -> tuple[str, ...]:
    """The requirements in `environment`, and those asked for, that version `before` of `name` violates."""
    reasons = [
        f"the stage asks for {wanted}"
        for wanted in _parsed(requested)
        if canonicalize_name(wanted.name) == name and not _allows(wanted, before)
    ]
    reasons += [
        f"{owner.name} {owner.version} needs {_plain(wanted)}"
        for owner, wanted in wants(environment, requested, markers)
        if canonicalize_name(wanted.name) == name and not _allows(wanted, before)
    ]
    return tuple(dict.fromkeys(reasons)) or ("pip prefers it while it resolves the stage",)


def unsatisfied(
    environment: Environment, requested: Iterable[str], markers: Mapping[str, str]
) -> tuple[str, ...]:
    """Every requirement of what is installed that does not hold, sorted."""
    found: list[str] = []
    for owner, wanted in wants(environment, requested, markers):
        there = environment.get(canonicalize_name(wanted.name))
        if there is None:
            found.append(f"{owner.name} {owner.version} needs {_plain(wanted)}, which is not installed")
        elif not _allows(wanted, there.version):
            needs = f"{owner.name} {owner.version} needs {_plain(wanted)}"
            found.append(f"{needs}; {there.name} {there.version} is installed")
    return tuple(sorted(set(found)))


def wants(
    environment: Environment, requested: Iterable[str], markers: Mapping[str, str]
) -> Iterator[tuple[PipDistribution, Requirement]]:
    """(owner, requirement) of all requirements that apply, those of extras that somebody asked for too."""
    extras = _extras(environment, requested, markers)
    for owner in environment.values():
        for wanted in _parsed(owner.requires):
            if _applies(wanted, extras.get(owner.name, set()), markers):
                yield owner, wanted


def _extras(
    environment: Environment, requested: Iterable[str], markers: Mapping[str, str]
) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    queue = [wanted for wanted in _parsed(requested) if wanted.extras]
    queue += [
        wanted
        for owner in environment.values()
        for wanted in _parsed(owner.requires)
        if wanted.extras and _applies(wanted, set(), markers)
    ]
    while queue:
        asked = queue.pop()
        name = canonicalize_name(asked.name)
        fresh = {canonicalize_name(extra) for extra in asked.extras} - found.get(name, set())
        if not fresh:
            continue
        found.setdefault(name, set()).update(fresh)
        owner = environment.get(name)
        queue += [
            w for w in _parsed(owner.requires if owner else ()) if w.extras and _applies(w, fresh, markers)
        ]
    return found


def _applies(wanted: Requirement, extras: Set[str], markers: Mapping[str, str]) -> bool:
    if wanted.marker is None:
        return True
    return any(wanted.marker.evaluate({**markers, "extra": extra}) for extra in ("", *sorted(extras)))


def _allows(wanted: Requirement, version: str) -> bool:
    return wanted.specifier.contains(version, prereleases=True)


def _plain(wanted: Requirement) -> str:
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    return f"{wanted.name}{extras}{wanted.specifier}"


def _parsed(texts: Iterable[str]) -> Iterator[Requirement]:
    """Requirements that can be read; paths and addresses, which pip takes as well, say nothing here."""
    for text in texts:
        try:
            yield Requirement(text)
        except InvalidRequirement:
            continue
