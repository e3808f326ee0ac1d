"""The results as text: aligned for a terminal, and valid Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bench.measured import Measured, Skipped

_HEAD = ("what", "how", "median", "least to most", "times better", "goal")


def table(results: Mapping[str, Sequence[Measured | Skipped]]) -> str:
    """One table of all benchmarks, and below it what was not measured."""
    rows = [
        row
        for name, found in results.items()
        for one in found
        if isinstance(one, Measured)
        for row in lines(name, one)
    ]
    skipped = [
        f"not measured: {name}: {one.name}: {one.why}"
        for name, found in results.items()
        for one in found
        if isinstance(one, Skipped)
    ]
    return "\n".join([*_aligned([_HEAD, *rows]), *([""] if skipped else []), *skipped]) + "\n"


def lines(benchmark: str, one: Measured) -> Iterable[tuple[str, ...]]:
    """A row for each side."""
    for number, side in enumerate(one.sides):
        ratio = one.ratio(side)
        spread = f"{min(side.values):.{one.unit.digits}f} to {max(side.values):.{one.unit.digits}f}"
        runs = len(side.values)
        yield (
            "" if number else f"{benchmark}: {one.name}",
            f"{side.name} ({side.note})" if side.note else side.name,
            one.unit.shown(side.median),
            f"{spread} ({runs})" if runs > 1 else "",
            "" if ratio is None else f"{ratio:.2f}",
            "" if number or one.goal is None else _goal(one),
        )


def _goal(one: Measured) -> str:
    assert one.goal is not None
    sign = "≥" if one.unit.more_is_better else "≤"
    return f"{sign} {one.unit.shown(one.goal)}: {'yes' if one.reached else 'NO'}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return [text[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *text[1:]]
