"""EV170, EV171, EV174.

Whether a set has code for the cards that are meant, and runs with the driver there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from envspec.proof.gpu.served import NOTHING, UNKNOWN, GpuProof, Row, version_key
from envspec.proof.nvidia.releases import drops, first_release
from envspec.spec.cards import Architecture, architecture
from envspec.spec.drivers import TEGRA, Driver, driver_for
from envspec.system import rules
from envspec.system.finding import Finding, Severity

_NAMED = 4
"""Packages that one finding names."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """What decides how much a finding weighs."""

    requested: frozenset[str] = frozenset()
    """Packages that the spec names itself."""
    linked: frozenset[str] = frozenset()
    """Packages whose libraries others of the set are linked with."""
    compat: bool = False
    """Whether the base may bring newer driver libraries of its own (CUDA's forward compatibility)."""


def card_findings(proof: GpuProof, around: Around) -> Iterator[Finding]:
    """All that is to be said of a set's device code and its driver."""
    lacking = [*_lacking(proof, around)]
    yield from lacking
    if not lacking:
        yield from _dropped(proof)
    yield from _too_old(proof, around)
    yield from _open(proof)


def _lacking(proof: GpuProof, around: Around) -> Iterator[Finding]:
    """EV170: a package that computes and has no code for a card."""
    cards = [Architecture.parse(card) for card in proof.cards]
    for row in proof.computing:
        without = [card for card, each in zip(cards, row.served, strict=True) if each.by == NOTHING]
        if not without:
            continue
        others = [
            other
            for other in proof.computing
            if other is not row and all(other.served[cards.index(card)].by != NOTHING for card in without)
        ]
        # Where something else computes on the card, what nobody asked for may never be called.
        certain = row.package in around.requested or row.package in around.linked or not others
        named = _listed([_card(proof, card) for card in without])
        yield rules.NO_KERNELS.finding(
            f"{row.named} has no code that starts on {named}: {_contents(row)}",
            hint=_for_cards(row, without),
            where=row.package,
            severity=Severity.ERROR if certain else Severity.WARNING,
        )


def _contents(row: Row) -> str:
    machine = f"its machine code is for {', '.join(row.machine)}" if row.machine else "it has no machine code"
    ptx = f"its PTX, which a driver compiles for newer cards, is for {', '.join(row.ptx)}"
    return f"{machine}; {ptx if row.ptx else 'it has no PTX that a driver could compile'}"


def _for_cards(row: Row, cards: Sequence[Architecture]) -> str:
    newest, oldest = max(cards), min(cards)
    if row.cuda and (bound := drops(row.cuda, oldest)):
        return (
            f"CUDA {row.cuda} is for cards from {bound} on: pin a {row.package} that was made with CUDA "
            f"{row.cuda - 1}"
        )
    begins = min(map(Architecture.parse, (*row.machine, *row.ptx)), default=newest)
    if newest.number < begins.number:
        return f"it begins with {begins}: pin another version or package, or mean another card"
    release = first_release(newest)
    made = f", the first that makes code for {newest}" if release else ""
    since = f" with CUDA {release[0]}.{release[1]} or newer{made}" if release else f" for {newest}"
    return f"pin a {row.package} that was made{since}, or mean another card"


def _card(proof: GpuProof, card: Architecture) -> str:
    """An architecture, with the name that the spec gives it."""
    words = [word for word in proof.words if architecture(word) == card]
    names = [word for word in words if not word.lower().startswith(("sm", "compute")) and "." not in word]
    return f"{card} ({', '.join(names)})" if names else str(card)


def _dropped(proof: GpuProof) -> Iterator[Finding]:
    """EV170 of NVIDIA's own libraries, whose release no longer knows a card.

    Nothing else may compute then.
    """
    known = [row for row in proof.rows if row.nvidia and row.cuda]
    for card in map(Architecture.parse, proof.cards):
        gone = [row for row in known if drops(row.cuda, card)]
        if gone and len(gone) == len(known):
            bound = drops(gone[0].cuda, card)
            yield rules.NO_KERNELS.finding(
                f"{_packages(gone)}: the libraries and compilers of CUDA {gone[0].cuda} are for "
                "cards from "
                f"{bound} on, not for {_card(proof, card)}",
                hint=f"take what is made for CUDA {gone[0].cuda - 1}",
                where=gone[0].package,
            )


def _too_old(proof: GpuProof, around: Around) -> Iterator[Finding]:
    """EV171: the oldest driver of the target is older than what the set computes with wants."""
    cards = [Architecture.parse(card) for card in proof.cards]
    if not proof.driver or (cards and all(card.number in TEGRA for card in cards)):
        return
    driver = Driver(proof.driver)
    wanting = [row for row in proof.computing if row.driver and driver.older_than(row.driver)]
    if not wanting and not any(row.driver for row in proof.computing):
        wanting = _only_nvidia(proof, driver)
    for floor in sorted({row.driver for row in wanting}, key=version_key, reverse=True):
        rows = [row for row in wanting if row.driver == floor]
        first = next((row for row in rows if row.package in around.linked | around.requested), rows[0])
        also = [row for row in rows if row is not first]
        more = f"; so {'does' if len(also) == 1 else 'do'} {_packages(also)}" if also else ""
        yield rules.DRIVER_OLD.finding(
            f"{first.named} wants driver {floor} or newer, since {first.why}; the target's is {driver}{more}",
            hint=_for_driver(first, floor, driver),
            where=first.package,
            severity=Severity.WARNING if around.compat else Severity.ERROR,
        )


def _only_nvidia(proof: GpuProof, driver: Driver) -> list[Row]:
    """NVIDIA's libraries where nothing else tells, if those of no release would do."""
    known = [row for row in proof.rows if row.nvidia and row.driver]
    return known if all(driver.older_than(row.driver) for row in known) else []


def _for_driver(row: Row, floor: str, driver: Driver) -> str:
    fits = next((cuda for cuda in (13, 12, 11) if not driver.older_than(driver_for((cuda, 0)))), None)
    update = f"driver {floor} or newer does"
    if fits is None or not row.cuda or fits >= row.cuda:
        return f"{update}; else pin a {row.package} with machine code for the card"
    return f"{update}; for driver {driver} take a {row.package} that was made with CUDA {fits}"


def _open(proof: GpuProof) -> Iterator[Finding]:
    """EV174: what of the target is left open, and what could not be told."""
    if proof.computing and (proof.open or (proof.cards and not proof.driver)):
        what = "[target] gpu and driver are" if not proof.driver and proof.open else (
            "[target] gpu is" if proof.open else "[target] driver is"
        )  # fmt: skip
        code = f" has code for {_summary(proof.computing[0])}" if proof.open else ""
        floor = (
            f"driver {proof.floor} is the oldest that runs it ({_packages(proof.raising)})"
            if proof.floor
            else ""
        )
        parts = [f"{proof.computing[0].named}{code}" if code else "", floor]
        yield rules.TARGET_OPEN.finding(
            f"{what} left open, so what the set computes with on a card was not proved: "
            f"{'; '.join(filter(None, parts)) or 'name the cards to have it proved'}",
            where="target",
        )
    for row in proof.computing:
        unknown = [card for card, each in zip(proof.cards, row.served, strict=True) if each.by == UNKNOWN]
        if unknown:
            yield rules.TARGET_OPEN.finding(
                f"{row.named}: whether it has code for {_listed(unknown)} cannot be told, since parts of "
                "its device "
                "code are of a form that is not known here",
                where=row.package,
            )


def _summary(row: Row) -> str:
    names = list(row.machine) + [f"PTX {each}" for each in row.ptx]
    return ", ".join(names)


def _packages(rows: Sequence[Row]) -> str:
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return ", ".join(row.named for row in rows[:_NAMED]) + more


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + f" and {words[-1]}" if len(words) > 1 else "".join(words)
