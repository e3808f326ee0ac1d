"""The instructions of a Dockerfile with their lines, here-documents included.

`dockerfile-parse` knows no here-documents, and had its last release in 2023. Source:
https://docs.docker.com/reference/dockerfile/.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

_WORD = re.compile(r"\s*([A-Za-z]+)(?:\s+(.*))?$", re.DOTALL)
_DIRECTIVE = re.compile(r"#\s*(\w+)\s*=\s*(\S+)\s*$")
_HEREDOC = re.compile(r"<<(-?)\s*([\"']?)([A-Za-z_]\w*)\2")
_FLAG = re.compile(r"\s*(--[a-z][a-z-]*(?:=(?:\"[^\"]*\"|\S*))?)(?=\s|$)")

KNOWN = frozenset(
    {
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
        *("MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    }
)

MOST = 5_000
"""Instructions of one file."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Instruction:
    """One instruction."""

    name: str
    """In capitals."""
    value: str
    """What follows it, continued lines joined, flags and here-documents cut off."""
    line: int
    flags: tuple[str, ...] = ()
    """Such as `--from=build`."""
    heredocs: tuple[tuple[str, str], ...] = ()
    """Name and text of each here-document."""

    def flag(self, name: str) -> str | None:
        """The value of a flag; None without it."""
        start = f"--{name}="
        found = next((flag[len(start) :] for flag in self.flags if flag.startswith(start)), None)
        return found.strip('"') if found is not None else None


def instructions(text: str) -> Iterator[Instruction]:
    """The instructions in order. Raises `ValueError` for what is no Dockerfile."""
    lines = text.splitlines()
    escape = _escape(lines)
    number = count = 0
    while number < len(lines):
        begin = number
        joined: list[str] = []
        while number < len(lines):
            line = lines[number]
            number += 1
            if line.lstrip().startswith("#") or (joined and not line.strip()):
                if joined:
                    continue
                break
            bare = line.rstrip()
            if bare.endswith(escape) and not bare.endswith(escape * 2 if escape == "`" else "\0"):
                joined.append(bare[: -len(escape)])
                continue
            joined.append(line)
            break
        statement = "\n".join(joined) if len(joined) > 1 else "".join(joined)
        if not statement.strip():
            continue
        count += 1
        if count > MOST:
            raise ValueError(f"more than {MOST:,} instructions")
        found = _WORD.match(statement.replace("\n", " \n"))
        name = found[1].upper() if found else ""
        if found is None or name not in KNOWN:
            raise ValueError(f"line {begin + 1}: {statement.split()[0][:40]!r} is no instruction")
        heredocs, number = _heredocs(name, statement, lines, number)
        value = _joined(found[2] or "")
        flags, value = _flags(value)
        yield Instruction(name=name, value=value.strip(), line=begin + 1, flags=flags, heredocs=heredocs)


def _joined(value: str) -> str:
    """A value on one line: what is continued goes on after a blank."""
    return re.sub(r"[ \t]*\n[ \t]*", " ", value)


def _escape(lines: Sequence[str]) -> str:
    for line in lines:
        found = _DIRECTIVE.match(line.strip())
        if not found:
            break
        if found[1].lower() == "escape" and found[2] == "`":
            return "`"
    return "\\"


def _flags(value: str) -> tuple[tuple[str, ...], str]:
    flags, place = [], 0
    while found := _FLAG.match(value, place):
        flags.append(found[1])
        place = found.end()
    return tuple(flags), value[place:]


def _heredocs(
    name: str, statement: str, lines: Sequence[str], number: int
) -> tuple[tuple[tuple[str, str], ...], int]:
    """The here-documents that a statement begins, and the number of the line behind them.

    Raises `ValueError` for one without an end.
    """
    found: list[tuple[str, str]] = []
    for match in _HEREDOC.finditer(statement) if name in {"RUN", "COPY", "ADD"} else ():
        body: list[str] = []
        strip, title = bool(match[1]), match[3]
        while True:
            if number >= len(lines):
                raise ValueError(f"the here-document {title[:40]!r} has no end")
            line = lines[number].lstrip("\t") if strip else lines[number]
            number += 1
            if line == title:
                break
            body.append(line)
        found.append((title, "\n".join(body)))
    return tuple(found), number


def without_heredocs(value: str) -> str:
    """The value without the marks of its here-documents."""
    return _HEREDOC.sub("", value)
