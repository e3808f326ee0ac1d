"""What moved from one lock of a spec to the next, and who made it move."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping

from packaging.version import Version

from builder.flow.project import Project
from envspec.lockfile.diff import Change, compare_sides, side_of_lock
from envspec.lockfile.lock import Artifact, Lock
from envspec.supply.core_metadata import WheelMetadata
from envspec.system.errors import EnvspecError

SHOWN = 40
"""Changes that are named; the others are counted."""


def moves(project: Project, before: Lock, after: Lock) -> Iterator[str]:
    """Every difference as `envspec diff` writes it, each with its reason where a requirement is one."""
    changes = list(compare_sides(side_of_lock(before, "before"), side_of_lock(after, "after")))
    if not changes:
        return
    known = _metadata(project, after)
    old = {entry.name: entry for entry in before.artifact}
    for change in changes[:SHOWN]:
        why = _reason(project, after, known, change, old.get(change.name))
        yield f"{change}: {why}" if why else str(change)
    if (left := len(changes) - SHOWN) > 0:
        yield f"and {left} more changes, as `envspec diff` of the lock before and this one says"


def stays(project: Project, before: Lock, after: Lock, names: Iterable[str]) -> Iterator[str]:
    """A sentence for each package that was free to move and did not: the newest there is, or who holds it."""
    still = [entry for entry in after.artifact if entry.name in set(names)]
    still = [entry for entry in still if before.pins.get(entry.name) == entry.version]
    known = _metadata(project, after) if still else {}
    for entry in still:
        newest = _newest(project, after, entry)
        if newest is None:
            yield f"{entry.name} stays at {entry.version}"
        elif newest <= Version(entry.version):
            yield f"{entry.name} stays at {entry.version}: its index has none that is newer, for this target"
        else:
            from envspec.resolve.explain import reason

            why = reason(project.spec, after, known, entry.name, str(newest))
            yield f"{entry.name} stays at {entry.version}: {why or f'{newest} does not go with the others'}"


def _newest(project: Project, lock: Lock, entry: Artifact) -> Version | None:
    """The newest release that an index has for the target; None where it cannot be asked."""
    from envspec.resolve.refusal import takes, version_of

    with contextlib.suppress(EnvspecError, OSError):
        files = project.sources().files(entry.index, entry.name)
        fitting = [file for file in files if file.yanked is None and takes(file, lock.target)]
        versions = [version for file in fitting if (version := version_of(file)) is not None]
        return max((version for version in versions if not version.is_prerelease), default=None)
    return None


def why_wanted(project: Project, lock: Lock, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """All who want packages of a lock, each in one sentence; none where that cannot be told."""
    from envspec.resolve.explain import reasons

    wanted = list(names)
    known = _metadata(project, lock) if wanted else {}
    return {name: reasons(project.spec, lock, known, name) for name in wanted}


def _reason(
    project: Project, lock: Lock, known: Mapping[str, WheelMetadata], change: Change, old: Artifact | None
) -> str:
    from envspec.resolve.explain import reason, reason_to_leave

    if change.kind not in {"added", "up", "down"}:
        return ""
    why = reason(project.spec, lock, known, change.name, change.before)
    if why or old is None:
        return why
    return next((reason_to_leave(old, facts, lock) for _, facts in _facts(project, (old,))), "")


def _metadata(project: Project, lock: Lock) -> dict[str, WheelMetadata]:
    """What the packages of a lock say of themselves, as far as this machine has kept it."""
    return dict(_facts(project, lock.artifact))


def _facts(project: Project, entries: Iterable[Artifact]) -> Iterator[tuple[str, WheelMetadata]]:
    from envspec.supply.metadata import wheel_metadata

    sources, store = project.sources(), project.store
    for entry in entries:
        with contextlib.suppress(EnvspecError, OSError):  # nobody has read it: no reason is worth a download
            yield entry.name, wheel_metadata(entry.installed, None, store=store, sources=sources)
