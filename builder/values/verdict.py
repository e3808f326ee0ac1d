"""The verdict: what was found about one environment, and whether it may ship."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from envspec.system import finding
from envspec.system.finding import Finding

VERSION = 1
"""The number of the JSON form; it changes only when a reader would have to."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """One distribution of the environment."""

    name: str
    version: str
    size: int = 0
    """Bytes of the files that its RECORD lists; 0 where it lists none."""
    requires: tuple[str, ...] = ()
    """Its requirements that hold here, without those of extras, such as `numpy>=1.22`."""
    roots: tuple[str, ...] = ()
    """Dotted names under which it is imported."""
    extensions: int = 0
    """How many compiled modules it has."""
    numpy: str = ""
    """The NumPy that its compiled modules were built for, such as `>=1.20,<2`; empty where none is known."""

    def as_dict(self) -> dict[str, Any]:
        """JSON form; keys are those of the fields."""
        return {**dataclasses.asdict(self), "requires": list(self.requires), "roots": list(self.roots)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Installed:
        """The inverse of `as_dict`; what an older program left out is unknown."""
        lists = {key: tuple(data.get(key, ())) for key in ("requires", "roots")}
        return cls(**{**data, **lists})


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """All findings of one environment, and what it is."""

    target: str
    """What was judged: an interpreter's path or an image's name."""
    findings: tuple[Finding, ...]
    """Errors first (`envspec.system.finding.order_findings`)."""
    python: str
    """Its version, such as `3.11.7`."""
    platform: str
    """As `sysconfig.get_platform` has it, with the C library: `linux-x86_64, glibc 2.36`."""
    distributions: tuple[Installed, ...]
    """By name."""
    counts: Mapping[str, int]
    """How much was looked at: `distributions`, `imports`, `extensions`, `files`, `ignored` and the like."""
    timings: Mapping[str, float]
    """Seconds by phase, `total` among them."""
    fast: bool = False
    """Whether only the static part and the top-level imports were asked for."""
    asked: Mapping[str, bool] = dataclasses.field(default_factory=dict)
    """Modules that were to be imported besides, and whether each could be."""

    @property
    def ships(self) -> bool:
        """Whether nothing must be fixed first."""
        return not finding.must_fix(self.findings)

    def as_dict(self) -> dict[str, Any]:
        """JSON form, a report's `verification`: keys are those of the fields, with `version` and `ships`."""
        return {
            "version": VERSION,
            "ships": self.ships,
            "target": self.target,
            "python": self.python,
            "platform": self.platform,
            "fast": self.fast,
            "findings": [each.as_dict() for each in self.findings],
            "distributions": [each.as_dict() for each in self.distributions],
            "counts": dict(sorted(self.counts.items())),
            "timings": dict(self.timings),
            **({"asked": dict(self.asked)} if self.asked else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """The inverse of `as_dict`.

        Raises `ValueError` for a form that is newer than this program.
        """
        if data["version"] != VERSION:
            raise ValueError(f"a verdict of form {data['version']}; this program reads form {VERSION}")
        return cls(
            target=data["target"],
            findings=tuple(Finding.from_dict(each) for each in data["findings"]),
            python=data["python"],
            platform=data["platform"],
            distributions=tuple(Installed.from_dict(each) for each in data["distributions"]),
            counts=dict(data["counts"]),
            timings=dict(data["timings"]),
            fast=data["fast"],
            asked=dict(data.get("asked", {})),
        )
