"""What moved from one lock of a spec to the next, and who made it move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from builder.flow.project import Project
from envspec.lockfile.diff import Change, compare_sides, side_of_lock
from envspec.lockfile.lock import Lock
from envspec.supply.core_metadata import WheelMetadata
from envspec.system.errors import EnvspecError

SHOWN = 40
"""Changes that are named; the others are counted."""


def moves(project: Project, before: Lock, after: Lock) -> Iterator[str]:
    """Every difference as `envspec diff` writes it, each with its reason where a requirement is one."""
    changes = list(compare_sides(side_of_lock(before, "before"), side_of_lock(after, "after")))
    if not changes:
        return
    try:
        known = _metadata(project, after)
    except EnvspecError:  # of a package whose file is gone since, or that cannot be asked now
        known = {}
    for change in changes[:SHOWN]:
        why = _reason(project, after, known, change)
        yield f"{change}: {why}" if why else str(change)
    if (left := len(changes) - SHOWN) > 0:
        yield f"and {left} more changes, as `envspec diff` of the lock before and this one says"


def why_wanted(project: Project, lock: Lock, names: Iterable[str]) -> dict[str, str]:
    """Who wants packages of a lock, each in one sentence; an empty one where that cannot be told."""
    from envspec.resolve.explain import reason

    wanted = list(names)
    try:
        known = _metadata(project, lock) if wanted else {}
    except EnvspecError:
        return dict.fromkeys(wanted, "")
    return {name: reason(project.spec, lock, known, name) for name in wanted}


def _reason(project: Project, lock: Lock, known: Mapping[str, WheelMetadata], change: Change) -> str:
    from envspec.resolve.explain import reason

    if change.kind not in {"added", "up", "down"}:
        return ""
    return reason(project.spec, lock, known, change.name, change.before)


def _metadata(project: Project, lock: Lock) -> dict[str, WheelMetadata]:
    """What every package of a lock that was just made says of itself: all of it is kept on this machine."""
    from envspec.supply.metadata import wheel_metadata

    sources, store = project.sources(), project.store
    return {
        entry.name: wheel_metadata(entry.installed, None, store=store, sources=sources)
        for entry in lock.artifact
    }
