"""Which popular distributions do not go together: a table made from their wheels, for hints alone.

It is never the ground for an error: that is what the wheels of the lock themselves say.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import json
import lzma
from collections.abc import Mapping
from typing import Any

from packaging.version import InvalidVersion, Version


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """What is known of a version of a package and of another package that it uses."""

    works: str
    """A version of the other that has all that is used."""
    breaks: str
    """One that has not: newer than `works`, or older."""
    lacks: str
    """What that one has not, such as a dotted name."""

    @property
    def words(self) -> str:
        """The end of a sentence that begins with the user, such as `works with x up to 2.3`."""
        if Version(self.works) < Version(self.breaks):
            return f"up to {self.works}, and not with {self.breaks}, which has no {self.lacks}"
        return f"from {self.works} on, and not with {self.breaks}, which has no {self.lacks}"


def known_pair(user: str, version: str, provider: str) -> Pair | None:
    """What the table says of a version, or of the last one of its series; None where it says nothing."""
    found = table()["pairs"].get(user, {}).get(_series(version), {}).get(provider)
    return Pair(works=found[0], breaks=found[1], lacks=found[2]) if found else None


def breaks_with(user: str, version: str, provider: str, other: str) -> Pair | None:
    """The pair where the other version is on the side that breaks."""
    pair = known_pair(user, version, provider)
    if pair is None:
        return None
    works, breaks = Version(pair.works), Version(pair.breaks)
    here = Version(other)
    return pair if (here >= breaks if works < breaks else here <= breaks) else None


def _series(version: str) -> str:
    try:
        return ".".join(map(str, Version(version).release[:2]))
    except InvalidVersion:
        return version


@functools.cache
def table() -> Mapping[str, Any]:
    """`made`, a date, and `pairs`: by user, the series of its version, and provider."""
    packed = importlib.resources.files(__package__).joinpath("data", "pairs.json.xz").read_bytes()
    found: dict[str, Any] = json.loads(lzma.decompress(packed))
    return found
