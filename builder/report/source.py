"""The spec file that a report speaks of, so that findings can point at its lines."""

from __future__ import annotations

import dataclasses
import re

from envspec.spec.load import Lines, path_of


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
        return Lines(self.text).of(path_of(where)) or _requirement(self.text.splitlines(), where)


def _requirement(lines: list[str], package: str) -> int | None:
    name = re.sub(r"[-_.]+", "[-_.]+", re.split(r"[^\w.-]", package, maxsplit=1)[0])
    for number, line in enumerate(lines, 1):
        if name and re.search(rf"[\"']{name}\s*(?:[=<>!~;\[]|[\"'])", line, re.IGNORECASE):
            return number
    return None
