"""What a solver found: for every package one version and the files it is offered as."""

from __future__ import annotations

import dataclasses

from envspec.supply.page import RemoteFile


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Solved:
    """One package of a solution."""

    name: str
    """Canonical."""
    version: str
    index: str
    """Name of the index that its files come from."""
    files: tuple[RemoteFile, ...]
    """Wheels and source distribution of that version, as the index lists them."""


class UnsatisfiableError(Exception):
    """No versions satisfy everything at once; the text is the solver's explanation, without hosts."""
