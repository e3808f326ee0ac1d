"""Modules that a distribution once had, and that no other has instead."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Departure:
    """What had a module, by its canonical name, and the version below which it counts on having it."""

    package: str
    below: str


_DEPARTED = {"pkg_resources": Departure(package="setuptools", below="81")}
"""Source: setuptools' history: deprecated with a last date in 80.9, removed in 82."""


def departed(module: str) -> Departure | None:
    """Where a module was, by its dotted name; None for what never left."""
    return _DEPARTED.get(module.partition(".")[0])
