"""What changed since the last report of the same spec: findings, versions, sizes and the verdict."""

from __future__ import annotations

import dataclasses
from typing import Any

from builder.report.occasion import day_words
from envspec.system.finding import Finding


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A package that is there in another version than before."""

    name: str
    before: str
    """Its version; empty where the package is new."""
    after: str
    """Its version; empty where the package is gone."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """A report held against the last one. Only what both looked at is compared."""

    since: str
    """Date of the last report, as `Occasion.date` has it; empty where that does not say it."""
    verdicts: tuple[str, str]
    """Before and after, in words."""
    new: tuple[Finding, ...] = ()
    gone: tuple[Finding, ...] = ()
    moved: tuple[Moved, ...] = ()
    sizes: tuple[int, int] | None = None
    """Bytes before and after: of what is installed, or of the wheels where nothing was verified."""
    aside: tuple[str, ...] = ()
    """What could not be compared, because one of the two runs did not come to it: a sentence each."""

    def __bool__(self) -> bool:
        """Whether anything changed that a reader would act on; a size alone is no reason to."""
        return bool(self.new or self.gone or self.moved or self.verdicts[0] != self.verdicts[1])

    @property
    def day(self) -> str:
        """The last report's date for people."""
        return day_words(self.since) or "an unknown day"

    def words(self) -> str:
        """In one line: how many findings are new or gone, how many packages moved, what the size did."""
        parts = [
            f"{len(found)} {what}"
            for found, what in (
                (self.new, "new finding" + "s" * (len(self.new) != 1)),
                (self.gone, "gone"),
                (self.moved, "package" + "s" * (len(self.moved) != 1) + " moved"),
            )
            if found
        ]
        if self.verdicts[0] != self.verdicts[1]:
            parts.insert(0, f"{self.verdicts[1]}, not {self.verdicts[0]}")
        if self.sizes is not None and (grown := self.sizes[1] - self.sizes[0]):
            parts.append(f"{grown / 1e6:+,.1f} MB")
        return f"since the report of {self.day}: {', '.join(parts) or 'nothing changed'}"

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        before, after = self.verdicts
        body: dict[str, Any] = {
            "since": self.since,
            "verdict": {"before": before, "after": after},
            "new": [finding.as_dict() for finding in self.new],
            "gone": [finding.as_dict() for finding in self.gone],
            "packages": [dataclasses.asdict(each) for each in self.moved],
            "aside": list(self.aside),
        }
        if self.sizes is not None:
            body["size"] = {"before": self.sizes[0], "after": self.sizes[1]}
        return body
