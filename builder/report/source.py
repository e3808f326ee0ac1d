"""The spec file that a report speaks of, so that findings can point at its lines."""

from __future__ import annotations

import dataclasses
import re

_HEADER = re.compile(r"\s*\[{1,2}\s*[\w.-]+\s*\]")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A spec file as it was read."""

    file: str
    """Its path as a user would write it, relative to the folder of the run."""
    text: str

    def line(self, where: str) -> int | None:
        """1-based line of a finding's place; None where the file does not speak of it.

        The place is a key path such as `stage[1].install[0]`, or the name of a package, which stands
        where the spec requires it.
        """
        lines = self.text.splitlines()
        table = re.match(r"(?P<name>\w+)(?:\[(?P<number>\d+)\]|\.(?P<inner>[\w-]+))?(?P<rest>.*)", where)
        if table is None:
            return None
        return _key_path(lines, table) or _requirement(lines, where)


def _key_path(lines: list[str], table: re.Match[str]) -> int | None:
    name, number, inner = table["name"], table["number"], table["inner"]
    if number is not None:
        return _within(lines, rf"\[\[\s*{name}\s*\]\]", int(number), table["rest"].lstrip("."))
    if inner is not None:
        key = f"{inner}{table['rest']}"
        own = _within(lines, rf"\[\s*{name}\s*\.\s*{re.escape(inner)}\s*\]", 0, table["rest"].lstrip("."))
        return own or _within(lines, rf"\[\s*{name}\s*\]", 0, key)
    return _first(lines, rf"(?:{name}\s*=|\[\s*{name}\s*\])")


def _within(lines: list[str], header: str, number: int, key: str) -> int | None:
    """Line of a key in the table whose header is the `number`th of its kind; else of the header."""
    heads = [place for place, line in enumerate(lines) if re.match(rf"\s*{header}", line)]
    if number >= len(heads):
        return None
    start = heads[number]
    body = lines[start + 1 :]
    end = next(
        (place for place, line in enumerate(body) if re.match(r"\s*\[{1,2}\s*[\w.-]+\s*\]", line)), None
    )
    word = re.split(r"[.\[]", key, maxsplit=1)[0]
    found = _first(body[:end], rf"{re.escape(word)}\s*=") if word else None
    return start + 1 + (found or 0)


def _requirement(lines: list[str], package: str) -> int | None:
    name = re.sub(r"[-_.]+", "[-_.]+", re.split(r"[^\w.-]", package, maxsplit=1)[0])
    for number, line in enumerate(lines, 1):
        if name and re.search(rf"[\"']{name}\s*(?:[=<>!~;\[]|[\"'])", line, re.IGNORECASE):
            return number
    return None


def _first(lines: list[str], pattern: str) -> int | None:
    return next((number for number, line in enumerate(lines, 1) if re.match(rf"\s*{pattern}", line)), None)
