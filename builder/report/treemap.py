"""A treemap of sizes: where each rectangle lies, and what is written on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

HEAD = 20.0
"""Height of a group's own line above its tiles."""
GAP = 2.0
"""Space between tiles."""
SMALLEST = 0.002
"""Share of the whole below which tiles of a group are put together."""
_LETTER = 8.0
"""Width of a letter in the font of the tiles, 13 px: what most letters need."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A rectangle, in pixels from the upper left."""

    x: float
    y: float
    width: float
    height: float

    def inset(self, edge: float, top: float) -> Box:
        """The rectangle within, `edge` away from each side and `top` from the upper one."""
        return Box(
            x=self.x + edge,
            y=self.y + top,
            width=max(self.width - 2 * edge, 0.0),
            height=max(self.height - top - edge, 0.0),
        )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """One rectangle with its words."""

    box: Box
    name: str
    size: int
    """Bytes."""
    label: str
    """As much of the name as fits; may be empty."""
    room: bool
    """Whether the size fits below the name."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TileGroup:
    """Tiles that belong together, such as those of a stage."""

    box: Box
    name: str
    size: int
    label: str
    tiles: tuple[Tile, ...]


def treemap(groups: Mapping[str, Mapping[str, int]], width: float, height: float) -> tuple[TileGroup, ...]:
    """A treemap of named sizes in named groups, largest first; empty ones are left out."""
    totals = {name: sum(sizes.values()) for name, sizes in groups.items()}
    names = sorted((name for name in totals if totals[name] > 0), key=lambda name: -totals[name])
    whole = sum(totals.values())
    boxes = squarified([totals[name] for name in names], Box(x=0.0, y=0.0, width=width, height=height))
    return tuple(
        TileGroup(
            box=box,
            name=name,
            size=totals[name],
            label=_fitting(name, box.width - 8),
            tiles=tuple(_tiles(_merged(groups[name], whole), box.inset(GAP, HEAD))),
        )
        for name, box in zip(names, boxes, strict=True)
    )


def _merged(sizes: Mapping[str, int], whole: int) -> dict[str, int]:
    large = {name: size for name, size in sizes.items() if size >= SMALLEST * whole}
    small = {name: size for name, size in sizes.items() if name not in large and size > 0}
    if len(small) > 1:
        return {**large, f"{len(small)} smaller": sum(small.values())}
    return {**large, **small}


def _tiles(sizes: Mapping[str, int], box: Box) -> Iterator[Tile]:
    names = sorted(sizes, key=lambda name: -sizes[name])
    for name, outer in zip(names, squarified([sizes[name] for name in names], box), strict=True):
        inner = outer.inset(GAP / 2, GAP / 2)
        yield Tile(
            box=inner,
            name=name,
            size=sizes[name],
            label=_fitting(name, inner.width - 10) if inner.height >= 20 else "",
            room=inner.height >= 38 and inner.width >= 62,
        )


def _fitting(name: str, width: float) -> str:
    letters = int(width / _LETTER)
    if len(name) <= letters:
        return name
    return f"{name[: letters - 1]}…" if letters >= 5 else ""


def squarified(sizes: Sequence[float], box: Box) -> list[Box]:
    """Boxes with areas in proportion to `sizes`, which must fall, as square as a greedy row allows.

    The algorithm of Bruls, Huizing and van Wijk, Squarified Treemaps (2000).
    """
    whole = sum(sizes)
    if not sizes or whole <= 0:
        return []
    scale = box.width * box.height / whole
    areas = [size * scale for size in sizes]
    placed: list[Box] = []
    while areas:
        side = min(box.width, box.height)
        length = 1
        while length < len(areas) and _worst(areas[: length + 1], side) <= _worst(areas[:length], side):
            length += 1
        row, areas = areas[:length], areas[length:]
        boxes, box = _laid(row, box)
        placed += boxes
    return placed


def _worst(row: Sequence[float], side: float) -> float:
    """The largest ratio of long to short side in a row laid along `side`."""
    total = sum(row)
    if total <= 0 or side <= 0 or min(row) <= 0:
        return float("inf")
    return max(side * side * max(row) / total**2, total**2 / (side * side * min(row)))


def _laid(row: Sequence[float], box: Box) -> tuple[list[Box], Box]:
    """The boxes of a row along the shorter side, and what is left of the box."""
    total = sum(row)
    upright = box.width >= box.height
    side = box.height if upright else box.width
    depth = min(total / side if side > 0 else 0.0, box.width if upright else box.height)
    boxes, offset = [], 0.0
    for area in row:
        length = side * area / total if total > 0 else 0.0
        if upright:
            boxes.append(Box(x=box.x, y=box.y + offset, width=depth, height=length))
        else:
            boxes.append(Box(x=box.x + offset, y=box.y, width=length, height=depth))
        offset += length
    if upright:
        return boxes, Box(x=box.x + depth, y=box.y, width=box.width - depth, height=box.height)
    return boxes, Box(x=box.x, y=box.y + depth, width=box.width, height=box.height - depth)
