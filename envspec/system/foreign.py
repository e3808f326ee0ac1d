"""Foreign text made fit to be shown: what wheels, indexes, paths and programs say is read and never obeyed.

A terminal obeys control characters, a reader's eye those that turn or hide letters, and a build server lines
that look like its commands.
"""

from __future__ import annotations

import re

LIMIT = 4_000
"""Characters of one text; what a person reads of it is far less."""

_WORD = 512
"""Characters of a word that is rather left out than cut."""

_ACTING = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but for tab and line feed, DEL, C1
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # nothing to see
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"  # no width, other directions, line ends
    "\ud800-\udfff"  # half characters: bytes of a name that are no UTF-8
    "\ufdd0-\ufdef\ufffe\uffff"  # no characters
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000))
    + "]"
)
"""Characters that act, or that nobody sees.

Source: Unicode 15, categories Cc, Cf, Cs, Zl and Zp, the noncharacters, and Default_Ignorable_Code_Point of
DerivedCoreProperties.txt, without the selectors of variants, by which emoji are told from letters.
"""

_COMMAND = re.compile(r"(?m)^([^\S\n]*):(?=:)|(#)(?=#(?:vso|teamcity)?\[)")
"""The beginning of what GitHub Actions, Azure Pipelines and TeamCity read as a command in a program's output.

GitHub's runner looks behind spaces at a line's beginning, and for its older form anywhere in the line
(`ActionCommand.cs`).
"""


def readable(text: str, limit: int = LIMIT) -> str:
    r"""The text with what would act written out, as `\x1b`; beyond `limit` characters its middle goes.

    Letters of every script, emoji, tabs and line ends stay; doing it twice changes nothing more. Words go
    whole: half a password is found by nobody who looks for it later.
    """
    text = _ACTING.sub(_written_out, text.replace("\r\n", "\n"))
    if len(text) <= limit:
        return text
    gap = f" … ({len(text)} characters, too many to show) … "
    kept = max(limit - len(gap), 0)
    tail = kept // 3
    begin, end = text[: kept - tail], text[len(text) - tail :]
    return begin[: _last_space(begin)] + gap + end[len(end) - _last_space(end[::-1]) :]


def _last_space(text: str) -> int:
    """Where the last whole word of a text ends, if that is near its end; otherwise the text's length."""
    for place in range(len(text), max(len(text) - _WORD, 0), -1):
        if text[place - 1].isspace():
            return place
    return len(text)


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def no_commands(text: str) -> str:
    """Lines for a program's output, none of which a build server takes for a command."""
    return _COMMAND.sub(lambda found: f"{found[1] or ''}: " if found[2] is None else "# ", text)
