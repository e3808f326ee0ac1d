"""The words of an order simulation: stages in, changes and environments out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PipStage:
    """One `pip install`, and what is uninstalled right after it."""

    name: str
    requirements: tuple[str, ...]
    """As pip takes them on its command line; no options."""
    options: tuple[str, ...] = ()
    """Further words for pip, such as `--index-url URL`."""
    remove: tuple[str, ...] = ()
    """Names that `pip uninstall` takes away afterwards."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PipDistribution:
    """One installed distribution, as far as pip looks at it."""

    name: str
    """Normalised."""
    version: str
    requires: tuple[str, ...] = ()
    requires_python: str = ""
    extras: tuple[str, ...] = ()
    """Extras that it offers."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PinMove:
    """What a stage did to a package that an earlier stage had installed."""

    name: str
    before: str
    after: str
    """Empty when it was removed."""
    because: tuple[str, ...]
    """The requirements that forced it, such as `pandas 3.1.1 needs numpy>=2.3`."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class StageOutcome:
    """The environment after one stage."""

    name: str
    changes: tuple[PinMove, ...]
    installed: Mapping[str, str]
    """Normalised name to version, everything that is there."""
    added: tuple[str, ...] = ()
    """Names that were not there before, sorted."""
    unsatisfied: tuple[str, ...] = ()
    """Requirements that do not hold, such as `a 1.0 needs b>=2; b 1.9 is installed`."""
    problem: str = ""
    """Why pip would install nothing at all; the stage and those after it left the environment alone."""

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        changes = [
            {"name": c.name, "before": c.before, "after": c.after, "because": list(c.because)}
            for c in self.changes
        ]
        row: dict[str, Any] = {"name": self.name, "changes": changes, "installed": dict(self.installed)}
        if self.unsatisfied:
            row["unsatisfied"] = list(self.unsatisfied)
        if self.problem:
            row["problem"] = self.problem
        return row


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Simulation:
    """All stages, up to the first one that pip refuses."""

    stages: tuple[StageOutcome, ...]
    base: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What was there before the first stage, name to version."""
    emulated: bool = False
    """True when the target's Python is not on this machine, so that its markers and tags were put on."""

    @property
    def final(self) -> Mapping[str, str]:
        """The environment in the end."""
        return self.stages[-1].installed if self.stages else {}

    @property
    def refused(self) -> bool:
        """Whether pip would end a stage with an error."""
        return any(stage.problem for stage in self.stages)

    @property
    def moved(self) -> bool:
        """Whether a stage changes what an earlier one installed; what the base brought does not count."""
        brought = self.base.items()
        return any((move.name, move.before) not in brought for stage in self.stages for move in stage.changes)

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        body = {"stages": [stage.as_dict() for stage in self.stages], "final": dict(self.final)}
        return {**body, "base": dict(self.base)} if self.base else body
