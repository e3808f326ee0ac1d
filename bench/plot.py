"""The results as a picture: one panel a question, one bar a side, a whisker from the least to the most.

It is written here as SVG, because bars are rectangles: nothing to install, the same text for the same values,
and sharp in a browser and in a README.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from bench.measured import Measured, Skipped

_WIDTH, _NAMES, _BARS = 960, 330, 450
_ROW, _HEAD, _GAP = 20, 26, 14
_OWN, _OTHER = "#1f6f8b", "#b8b8b8"


def plot(results: Mapping[str, Sequence[Measured | Skipped]]) -> str:
    """An SVG document."""
    body: list[str] = []
    y = _GAP
    for name, found in results.items():
        for one in found:
            if isinstance(one, Measured):
                body += _panel(f"{name}: {one.name}", one, y)
                y += _HEAD + _ROW * len(one.sides) + _GAP
    size = f'viewBox="0 0 {_WIDTH} {y}" font-family="sans-serif" font-size="12"'
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            "<style>text { fill: #222 } .title { font-weight: bold } .spread { stroke: #222 }</style>",
            f'<rect width="{_WIDTH}" height="{y}" fill="#fff"/>',
            *body,
            "</svg>\n",
        )
    )


def _panel(title: str, one: Measured, top: int) -> Iterator[str]:
    better = "more" if one.unit.more_is_better else "less"
    yield (
        f'<text class="title" x="10" y="{top + 14}">{escape(title)} '
        f"({escape(one.unit.symbol)}, {better} is better)</text>"
    )
    most = max(max(side.values) for side in one.sides) or 1
    for number, side in enumerate(one.sides):
        y = top + _HEAD + number * _ROW
        length, least, longest = (
            _BARS * value / most for value in (side.median, min(side.values), max(side.values))
        )
        middle = y + _ROW / 2 - 2
        ratio = one.ratio(side)
        said = one.unit.shown(side.median) + (f"  ({ratio:.1f}x)" if ratio is not None else "")
        yield f'<text x="{_NAMES - 8}" y="{y + 12}" text-anchor="end">{escape(side.name)}</text>'
        yield (
            f'<rect x="{_NAMES}" y="{y}" width="{max(length, 1):.1f}" height="{_ROW - 4}" '
            f'fill="{_OTHER if number else _OWN}"/>'
        )
        yield (
            f'<line class="spread" x1="{_NAMES + least:.1f}" x2="{_NAMES + longest:.1f}" '
            f'y1="{middle}" y2="{middle}"/>'
        )
        yield f'<text x="{_NAMES + longest + 8:.1f}" y="{y + 12}">{escape(said)}</text>'
