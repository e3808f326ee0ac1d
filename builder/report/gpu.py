"""What reports say of cards: which package serves which card, and who wants the newest driver."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from envspec.proof.gpu import served
from envspec.proof.gpu.served import GpuProof, Row, Served
from envspec.spec.cards import architecture

_SHOWN = 3
"""Packages that a line names; the others are counted."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One architecture of the target, as the head of a column."""

    name: str
    """`sm_89`."""
    words: tuple[str, ...]
    """What the spec calls it, where that is not the architecture: `RTX 4090`."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """How one package serves one card."""

    state: str
    """`ok`, `info` (compiled by the driver), `error` (not at all) or `unknown`."""
    text: str


def shown_cards(proof: GpuProof) -> tuple[Card, ...]:
    """The heads of the columns."""
    meant = {word: str(architecture(word)) for word in proof.words}
    return tuple(
        Card(
            name=name,
            words=tuple(word for word, each in meant.items() if each == name and "sm_" not in word.lower()),
        )
        for name in proof.cards
    )


def cell(found: Served) -> Cell:
    """A served card in words."""
    if found.by == served.MACHINE:
        return Cell(state="ok", text=found.code)
    if found.by == served.PTX:
        return Cell(state="info", text=f"PTX of {found.code}")
    if found.by == served.RELEASE:
        return Cell(state="ok", text="by release")
    if found.by == served.NOTHING:
        return Cell(state="error", text="nothing")
    return Cell(state="unknown", text="not known")


def code_of(row: Row) -> str:
    """What a package has code for: `sm_80 sm_90, PTX of sm_90`."""
    parts = [" ".join(row.machine), f"PTX of {' '.join(row.ptx)}" if row.ptx else ""]
    return ", ".join(filter(None, parts))


def target_words(proof: GpuProof) -> str:
    """The cards of the target in words."""
    if proof.open:
        return "left open"
    if not proof.cards:
        return "none: for machines without a card"
    return ", ".join(
        f"{' and '.join(card.words)} ({card.name})" if card.words else card.name
        for card in shown_cards(proof)
    )


def floor_words(proof: GpuProof) -> str:
    """The driver that is wanted at least, and by whom; empty where nothing wants one."""
    if not proof.floor:
        return ""
    raising = proof.raising
    return f"{proof.floor} or newer, for {_few([row.named for row in raising])}: {raising[0].why}"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def unserved(proof: GpuProof) -> Iterator[tuple[Row, tuple[str, ...]]]:
    """Packages that have nothing for some of the cards, with these."""
    for row in proof.rows:
        lacking = tuple(
            card for card, each in zip(proof.cards, row.served, strict=False) if each.by == served.NOTHING
        )
        if lacking:
            yield row, lacking


def summary(proof: GpuProof) -> Iterator[str]:
    """At most two lines; none for a set that has nothing to do with cards."""
    if not proof.rows:
        return
    floor = floor_words(proof)
    yield f"cards: {target_words(proof)}" + (f"; driver {floor}" if floor else "")
    lacking = [f"{row.named} for {' '.join(cards)}" for row, cards in unserved(proof)]
    if lacking:
        yield f"no code: {_few(lacking)}"


def explanation(proof: GpuProof) -> Iterator[str]:
    """All of it as lines of text: the cards, the driver and why, and a row for each package."""
    yield f"cards   {target_words(proof)}"
    if not proof.rows:
        yield "nothing in this set has to do with cards"
        return
    yield f"driver  {floor_words(proof) or 'nothing wants one'}"
    others: dict[tuple[str, str], list[str]] = {}
    for row in proof.rows:
        if row.driver and row not in proof.raising:
            others.setdefault((row.driver, row.why), []).append(row.named)
    for (driver, why), names in others.items():
        yield f"        {driver} or newer, for {_few(names)}: {why}"
    yield ""
    yield from _columns(proof)


def _columns(proof: GpuProof) -> Iterator[str]:
    head = ("package", "CUDA", "driver", *(proof.cards or ("code for",)))
    table = [head, *(_line(proof, row) for row in proof.rows)]
    widths = [max(len(line[place]) for line in table) for place in range(len(head))]
    for line in table:
        yield "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()


def _line(proof: GpuProof, row: Row) -> tuple[str, ...]:
    cells = tuple(cell(each).text for each in row.served) if proof.cards else (code_of(row) or "by release",)
    return (row.named, str(row.cuda or "–"), row.driver or "–", *cells)
