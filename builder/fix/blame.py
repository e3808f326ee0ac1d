"""Which packages an error may be due to, and which way each is moved first."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from builder.fix.edit import mentioned
from envspec.lockfile.lock import Lock
from envspec.system import rules
from envspec.system.finding import Finding

_OF_PYTHONS = frozenset(
    rule.id for rule in (rules.STDLIB_GONE, rules.OLD_FINDER, rules.PYTHON_UNSUITED, rules.STDLIB_SHADOWED)
)
"""Rules that speak of a package which is too old for its Python."""
_PYTHON = re.compile(r"\bPython 3\.\d+t? (?:has no|cannot parse)")
"""How the proof says the same."""

_COMPILED = frozenset(
    rule.id for rule in (rules.WHEEL_NUMPY, rules.WHEEL_STRUCT, rules.NUMPY_ABI, rules.NUMPY_LATENT)
)
"""Rules that read in compiled code which two packages do not go together."""

NEAR = 3
"""How many of the packages that a blamed one requires are blamed as well."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One package to move one way."""

    name: str
    """Canonical."""
    newer: bool
    added: bool = False
    """Whether the lock has none of it yet."""


def turns(
    error: Finding,
    held: Lock,
    *,
    age: Callable[[str], dt.datetime | None],
    needs: Callable[[str], Iterable[str]],
) -> tuple[Turn, ...]:
    """What to move for an error, the most promising first.

    `age` tells when a locked package was uploaded, `needs` what it requires. Of two that do not go together
    the younger one has lost or changed something, to which the other has not followed yet: it goes back
    first, and then the other one forward.
    """
    met = [name for name in error.between if name in held.pins] or list(_named(error, held))
    absent = [name for name in error.between[-1:] if name not in held.pins]
    found = [Turn(name=name, newer=False, added=True) for name in absent]
    if not met:
        return tuple(found)
    if absent or len(met) == 1:
        first = bool(absent) or _too_old(error)
        found += [Turn(name=met[-1], newer=newer) for newer in (first, not first)]
        if not _too_old(error):
            found[1:1] = [Turn(name=name, newer=False) for name in _youngest(met[-1], held, age, needs, met)]
        return tuple(found)
    user, provider = met[-2:]
    lost = _younger(provider, user, age)
    guessed = () if knows_both(error) else (provider, user)
    rest = [
        *(name for each in guessed for name in _youngest(each, held, age, needs, met)),
        *reversed(met[:-2]),
    ]
    found += [Turn(name=provider, newer=not lost), Turn(name=user, newer=lost)]
    found += [Turn(name=name, newer=False) for name in rest[:1]]
    found += [Turn(name=provider, newer=lost), Turn(name=user, newer=not lost)]
    found += [Turn(name=name, newer=newer) for name in rest for newer in (False, True)]
    return tuple(dict.fromkeys(found))


def knows_both(error: Finding) -> bool:
    """Whether it is sure that no package has a part in an error but those between which it shows."""
    return bool(error.lacks) or error.rule in _COMPILED


def cure(error: Finding, name: str) -> SpecifierSet:
    """The versions of a package that an error itself names as its cure; empty where it names none."""
    demands = mentioned(error.hint, name)
    package = rf"(?<![\w.-]){re.escape(name)}"
    for pattern, operator in ((rf"{package} below ([\w.]+)", "<"), (rf"{package} (\S+) has it", "==")):
        for version in re.findall(pattern, error.hint):
            with contextlib.suppress(InvalidSpecifier):
                demands &= SpecifierSet(f"{operator}{version}")
    return demands


def _too_old(error: Finding) -> bool:
    return error.rule in _OF_PYTHONS or _PYTHON.search(error.message) is not None


def _younger(one: str, other: str, age: Callable[[str], dt.datetime | None]) -> bool:
    """Whether one was uploaded after the other; true where nobody knows."""
    left, right = age(one), age(other)
    return left is None or right is None or left >= right


def _youngest(
    user: str,
    held: Lock,
    age: Callable[[str], dt.datetime | None],
    needs: Callable[[str], Iterable[str]],
    met: Sequence[str],
) -> list[str]:
    """What a package requires that came after it, the youngest first: they may have moved away from it."""
    since = age(user)
    near = [name for name in dict.fromkeys(needs(user)) if name in held.pins and name not in met]
    late = [name for name in near if (when := age(name)) is None or since is None or when > since]
    dated = [(when, name) for name in late if (when := age(name)) is not None]
    undated = [name for name in late if age(name) is None]
    return [*(name for _, name in sorted(dated, reverse=True)), *undated][:NEAR]


def _named(error: Finding, held: Lock) -> Iterator[str]:
    """Locked packages that the words of an error name: those in its text, then the place where it stands."""
    places = [canonicalize_name(place) for place in (re.split("[.:/]", error.where)[0], error.where)]
    words = [canonicalize_name(word) for word in re.findall(r"[\w-]+(?:\.[\w-]+)*", error.message)]
    said = [name for name in dict.fromkeys(words) if name in held.pins]
    found = dict.fromkeys(name for name in (*places, *said) if name in held.pins)
    yield from list(found)[:2]
