"""What happens to a verified environment: the name, file and registry that a user asked for."""

from __future__ import annotations

import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Shipping:
    """What a user wants of the result."""

    tag: str | None = None
    output: pathlib.Path | None = None
    push: bool = False

    def __bool__(self) -> bool:
        return bool(self.tag or self.output or self.push)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Shipped:
    """What came of it."""

    reference: str
    """Name under which the environment is found now."""
    files: tuple[str, ...] = ()
    """Files written."""
    said: tuple[str, ...] = ()
    """Lines for the user: how to run it, what a registry calls it."""
