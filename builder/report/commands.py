"""Commands in texts for people: told from the words around them, so that a page can offer to copy them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

PROGRAMS = (
    "apt-get", "build-image", "curl", "docker", "envspec", "git", "kubectl", "make", "pip", "podman", "uv",
)  # fmt: skip
"""Programs that hints and results speak of."""

_QUOTED = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(rf"(?:{'|'.join(map(re.escape, PROGRAMS))}) \S.*")
_INSTALL = re.compile(r"apt-get install [\w.+: -]+")
_LAST = re.compile(rf"(?:^|(?<=: ))(?P<command>{_COMMAND.pattern})$")
"""A command that a line ends with: all of it, or what stands behind a colon."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A part of a text."""

    text: str
    kind: str
    """`text`; `code` for what stood between backticks; `command` for what may be typed as it stands."""


def pieces(text: str) -> Iterator[Piece]:
    """A sentence in its pieces: what it has between backticks apart from the rest."""
    if _INSTALL.fullmatch(text):
        yield Piece(text=text, kind="command")
        return
    end = 0
    for found in _QUOTED.finditer(text):
        if found.start() > end:
            yield Piece(text=text[end : found.start()], kind="text")
        yield Piece(text=found[1], kind="command" if _whole(found[1]) else "code")
        end = found.end()
    if end < len(text):
        yield Piece(text=text[end:], kind="text")


def line_pieces(line: str) -> Iterator[Piece]:
    """A line about a result, which may be a command, or end with one behind a colon."""
    found = _LAST.search(line)
    if found is None:
        yield from pieces(line)
        return
    if found.start():
        yield Piece(text=line[: found.start()], kind="text")
    command, bracket, aside = found["command"].partition(" (")
    yield Piece(text=command, kind="command")
    if bracket:
        yield Piece(text=bracket + aside, kind="text")


def _whole(text: str) -> bool:
    """Whether a text is a command that has all its words: capitals such as SPEC stand for what is missing."""
    return bool(_COMMAND.fullmatch(text)) and not re.search(r"\b[A-Z]{3,}\b|…|\.\.\.", text)
