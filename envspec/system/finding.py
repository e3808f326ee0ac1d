"""The finding: the one shape for what lint, proof and verification have to say."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable
from typing import Any

from envspec.system.foreign import readable


class Severity(enum.StrEnum):
    """How much a finding weighs. Only errors keep an environment from shipping."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the heaviest, so that sorting puts errors first."""
        return list(Severity).index(self)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is wrong, doubtful or worth knowing."""

    rule: str
    """Stable id, such as `EV101`; `envspec.system.rules` holds them all."""
    severity: Severity
    message: str
    """What is the case and why, in one sentence without a final full stop."""
    hint: str = ""
    """What to do next; empty where nothing needs doing."""
    where: str = ""
    """The place: a key path of the spec, a distribution, a module or a file of the environment."""
    module: str = ""
    """The module whose import decides whether it is so, on whichever machine; empty where none does."""
    between: tuple[str, ...] = ()
    """Canonical names of the distributions that met where it shows: last the one that something is missed
    in, before it the one whose code misses it. Empty where it is not known."""
    lacks: str = ""
    """The dotted name that the last of them does not have; empty where something else is the matter."""
    also: tuple[str, ...] = ()
    """What else the same cause takes down, or is missed beside it: the message names a few at most."""

    def __post_init__(self) -> None:
        """Most of what is found is foreign: here it becomes harmless, whatever form it is shown in later."""
        for field in ("message", "hint", "where"):
            object.__setattr__(self, field, readable(getattr(self, field)))

    def as_dict(self) -> dict[str, Any]:
        """JSON form; keys as the fields, empty ones left out."""
        fields = dataclasses.asdict(self) | {"between": list(self.between), "also": list(self.also)}
        return {key: value for key, value in fields.items() if value not in ("", [])}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Finding:
        """The inverse of `as_dict`."""
        lists = {key: tuple(data.get(key, ())) for key in ("between", "also")}
        return cls(**{**data, "severity": Severity(data["severity"]), **lists})


def order_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then by rule and place: the order in which every report shows them."""
    return tuple(sorted(findings, key=lambda f: (f.severity.rank, f.rule, f.where, f.message)))


def weigh_strictly(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The same findings with warnings raised to errors, as `--strict` asks."""
    return tuple(
        dataclasses.replace(f, severity=Severity.ERROR) if f.severity is Severity.WARNING else f
        for f in findings
    )


def must_fix(findings: Iterable[Finding]) -> bool:
    """Whether any finding is an error."""
    return any(f.severity is Severity.ERROR for f in findings)
