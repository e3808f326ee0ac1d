"""Long arrays of TOML for documents of tomlkit."""

from __future__ import annotations

from collections.abc import Iterable

import tomlkit
from tomlkit.items import Array, Item, Trivia, Whitespace


def array_of(texts: Iterable[str], *, multiline: bool = False) -> Array:
    """An array of texts, each on a line of its own if `multiline`.

    Of a list tomlkit makes one as well, but counts all items anew for each that it adds.
    """
    before = "\n    " if multiline else " "
    parts: list[Item] = []
    for text in texts:
        parts += [Whitespace(before), tomlkit.item(text), Whitespace(",")]
    return Array([*parts, Whitespace("\n")] if parts and multiline else parts[1:-1], Trivia())
