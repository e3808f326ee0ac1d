"""The spec file that a report speaks of, so that findings can point at its lines."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import re
from collections.abc import Mapping

from envspec.spec.lines import Lines
from envspec.spec.load import path_of
from envspec.system.quoting import shortened


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One line of the spec."""

    file: str
    line: int
    """1-based."""
    text: str
    """What stands there, without the white space around it; empty where that may not be shown."""

    def __str__(self) -> str:
        """As editors and terminals know it: `examples/espeak/envspec.toml:14`."""
        return f"{self.file}:{self.line}"

    @property
    def short(self) -> str:
        """For who knows which spec is meant: `envspec.toml:14`."""
        return f"{pathlib.PurePath(self.file).name}:{self.line}"


_LONGEST = 200
"""Characters of a line that are shown."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A spec file as it was read."""

    file: str
    """Its path as a user would write it, relative to the folder of the run."""
    text: str
    described: Mapping[str, int] | None = None
    """Of a spec that was made of another description: lines there of packages, by canonical name."""
    shown: Mapping[int, str] = dataclasses.field(default_factory=dict)
    """Lines that findings speak of, as they may be shown, by number: `builder.report.scrubbing` fills it."""

    def place(self, where: str) -> Place | None:
        """Where a finding's place stands in the file; None where the file does not speak of it."""
        if (number := self.line(where)) is None:
            return None
        text = shortened(self.shown.get(number, "").strip(), _LONGEST)
        return Place(file=self.file, line=number, text=text)

    def line(self, where: str) -> int | None:
        """1-based line of a finding's place; None where the file does not speak of it.

        The place is a key path such as `stage[1].install[0]`, or the name of a package, which stands
        where the spec requires it.
        """
        lines, required = _index(self.text)
        name = _canonical(re.split(r"[^\w.-]", where, maxsplit=1)[0])
        number = lines.of(path_of(where))
        if self.described is None:
            return number or required.get(name)
        meant = {line: package for package, line in required.items()}
        return self.described.get(meant.get(number, name) if number else name)


@functools.lru_cache(maxsize=4)
def _index(text: str) -> tuple[Lines, dict[str, int]]:
    """The lines of the keys, and of what is required by its canonical name: read once for all findings."""
    required: dict[str, int] = {}
    named: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        found = named if _NAMING.match(line) else required
        for name in _REQUIRED.findall(line):
            found.setdefault(_canonical(name), number)
    return Lines(text), named | required


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


_NAMING = re.compile(r"\s*+name\s*+=")
"""A line that gives a stage its name, which may be that of a package."""
_REQUIRED = re.compile(r"[\"']([\w.-]++)\s*+[=<>!~;\[\"']")
"""A quoted requirement, as far as its name."""
