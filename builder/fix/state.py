"""A text that the spec could have, as a search for a fix has it: with its lock, and with what is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from packaging.utils import canonicalize_name

from builder.fix.edit import Edit
from envspec.lockfile.lock import Lock
from envspec.spec.model import Spec
from envspec.spec.pins import pinned
from envspec.system.finding import Finding, Severity


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What some edits make of a spec."""

    edits: tuple[Edit, ...]
    text: str
    spec: Spec
    held: Lock
    errors: tuple[Finding, ...] = ()
    doubts: tuple[Finding, ...] = ()
    """Warnings that are worth mending, of one that verifies."""
    unread: bool = False
    """Whether the judge's time was over before it had looked at everything."""

    @property
    def exact(self) -> frozenset[str]:
        """Canonical names of what the spec pins."""
        words = (word for stage in self.spec.stage for word in stage.requirements)
        return frozenset(canonicalize_name(word.name) for word in words if pinned(word) is not None)

    def moved(self, other: State) -> frozenset[str]:
        """Canonical names of what the other locks in another version, or this one does not."""
        return frozenset(
            name for name, version in other.held.pins.items() if self.held.pins.get(name) != version
        )


def with_edit(edits: Iterable[Edit], step: Edit) -> tuple[Edit, ...]:
    """The edits with one more: it takes the place of an earlier one that speaks of the same thing."""
    others = (
        edit
        for edit in edits
        if type(edit) is not type(step) or getattr(edit, "name", "") != getattr(step, "name", "")
    )
    return (*others, step)


def errors_of(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that keep an environment from shipping."""
    return tuple(finding for finding in found if finding.severity is Severity.ERROR)
