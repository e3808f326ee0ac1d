"""Pins, and what becomes of a word about a package when a later stage pins that package anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envspec.spec.model import Spec
from envspec.spec.target import target_of


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """What one stage asks for by name."""

    stage: str
    where: str
    """Key path, such as `stage[0].install[1]`."""
    requirement: Requirement
    pin: str | None
    """The exact version that it demands."""

    @property
    def name(self) -> str:
        """Canonical."""
        return canonicalize_name(self.requirement.name)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Repin:
    """A pin of a later stage that takes the place of what earlier stages asked for."""

    word: Word
    instead_of: tuple[Word, ...]
    """What it contradicts, first said first; none of it counts."""


def pinned(requirement: Requirement) -> str | None:
    """The exact version that a requirement demands; None where it leaves a choice."""
    exact = [
        specifier.version
        for specifier in requirement.specifier
        if specifier.operator in {"==", "==="} and not specifier.version.endswith(".*")
    ]
    return exact[0] if exact else None


def contradict(one: Word, other: Word) -> bool:
    """Whether the exact pin of one is outside what the other allows."""
    pins = [pin for pin in (one.pin, other.pin) if pin is not None]
    return not all(
        part.requirement.specifier.contains(pin, prereleases=True) for pin in pins for part in (one, other)
    )


def words(spec: Spec) -> Iterator[Word]:
    """All that stages install from indexes by name on the target, in order."""
    target = target_of(spec)
    for number, stage in enumerate(spec.stage):
        for position, requirement in enumerate(stage.words):
            if isinstance(requirement, Requirement) and target.wants(requirement.marker):
                yield Word(
                    stage=stage.name,
                    where=f"stage[{number}].install[{position}]",
                    requirement=requirement,
                    pin=pinned(requirement),
                )


def repins(spec: Spec) -> dict[str, Repin]:
    """The packages that a later stage pins to what an earlier stage's word excludes.

    Such a pin counts from the first stage on: its version is the only one that is ever installed, so that no
    stage moves what stands. What other packages require of it cannot be heeded either.
    """
    found: dict[str, Repin] = {}
    counting: dict[str, list[Word]] = {}
    for word in words(spec):  # a package has few words: `envspec.system.limits.NAMINGS`
        earlier = counting.setdefault(word.name, [])
        clashes = [other for other in earlier if contradict(other, word)]
        if clashes and word.pin and all(other.stage != word.stage for other in clashes):
            before = found[word.name].instead_of if word.name in found else ()
            found[word.name] = Repin(word=word, instead_of=(*before, *clashes))
            counting[word.name] = [other for other in earlier if other not in clashes]
        counting[word.name].append(word)
    return found


def replaced(spec: Spec) -> frozenset[str]:
    """Key paths of the words that do not count."""
    return frozenset(word.where for repin in repins(spec).values() for word in repin.instead_of)
