"""What a benchmark found, as values: several sides of one question, run by run."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """What values are counted in."""

    symbol: str
    more_is_better: bool = False
    digits: int = 2
    """After the point, where a value is printed."""

    def shown(self, value: float) -> str:
        """The value with its unit."""
        return f"{value:.{self.digits}f} {self.symbol}"


SECONDS = Unit(symbol="s")
MILLISECONDS = Unit(symbol="ms", digits=1)
MEGABYTES = Unit(symbol="MB", digits=0)
"""10**6 bytes."""
PERCENT = Unit(symbol="%", more_is_better=True, digits=1)
PER_SECOND = Unit(symbol="1/s", more_is_better=True, digits=1)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One way to do it."""

    name: str
    values: tuple[float, ...]
    """One a run, in the order of runs; never empty."""
    note: str = ""
    """What a reader must know of this side: a version, or what was left out."""

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One question and every side's answer; the first side is the project's own."""

    name: str
    unit: Unit
    sides: tuple[Side, ...]
    goal: float | None = None
    """What the own median is to reach, where something was promised."""

    def ratio(self, side: Side) -> float | None:
        """How many times better the own side is than this one; None where that means nothing.

        The median of the rounds' ratios where both sides ran in the same rounds, else that of medians.
        """
        own = self.sides[0]
        pairs = [(own.median, side.median)]
        if len(own.values) == len(side.values):
            pairs = list(zip(own.values, side.values, strict=True))
        if self.unit.more_is_better:
            pairs = [(other, mine) for mine, other in pairs]
        if side is own or any(mine <= 0 for mine, _ in pairs):
            return None
        return statistics.median(other / mine for mine, other in pairs)

    @property
    def reached(self) -> bool | None:
        """Whether the goal is; None without one."""
        if self.goal is None:
            return None
        median = self.sides[0].median
        return median >= self.goal if self.unit.more_is_better else median <= self.goal

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name,
            "unit": self.unit.symbol,
            "more_is_better": self.unit.more_is_better,
            "digits": self.unit.digits,
            "goal": self.goal,
            "reached": self.reached,
            "sides": [
                {**dataclasses.asdict(side), "median": side.median, "ratio": self.ratio(side)}
                for side in self.sides
            ],
        }

    @staticmethod
    def from_dict(found: Mapping[str, Any]) -> Measured:
        """The value that `as_dict` wrote."""
        unit = Unit(
            symbol=found["unit"], more_is_better=found["more_is_better"], digits=found.get("digits", 2)
        )
        sides = tuple(
            Side(name=side["name"], values=tuple(side["values"]), note=side["note"])
            for side in found["sides"]
        )
        return Measured(name=found["name"], unit=unit, sides=sides, goal=found["goal"])


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """What could not be measured here."""

    name: str
    why: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How much to measure."""

    runs: int = 5
    """Rounds that count."""
    quick: bool = False
    """Whether it is to show that everything works rather than how fast it is."""
