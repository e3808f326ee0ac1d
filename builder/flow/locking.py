"""The second phase of a run: the lock that fits the spec, from its file, or solved and written there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from builder.flow.base import image_digest, lock_base, lock_build_root, seen_libc
from builder.flow.moves import moves, stays
from builder.flow.project import Project
from builder.flow.run import Run
from builder.flow.seeking import seek_base
from builder.values import models
from builder.values.request import Request
from envspec.lockfile import lock as lockfile
from envspec.lockfile.lock import Lock
from envspec.source.bound import ChangedSourceError
from envspec.spec.pins import pinned, replaced, words
from envspec.system.errors import FindingsError, UsageError


def lock_phase(run: Run) -> Run:
    """The lock that fits the spec: the one on disk, or a new one that is written there.

    Raises `FindingsError` where the request wants it locked and it is not.
    """
    request, project = run.request, run.project
    on_disk = project.lock()
    lock, why = _standing(run, on_disk)
    if lock is None:
        held = project.draft is not None and bool(project.draft.pins) and project.variant is None
        if request.locked and not held:
            raise FindingsError(
                f"the lock {project.lock_file.name} {why}",
                (),
                hint="run `envspec lock` and commit what it writes",
            )
        fresh, lock = True, _resolved(run, on_disk)
    else:
        fresh = False
    seek_base(run, on_disk)  # after what contradicts, which takes seconds, and before wheels are fetched
    lock = models.settle_models(
        lock, project.spec.service, project.folder, fresh=fresh, may_add=not request.locked
    )
    wanted = project.draft is None or request.stop_after == "lock"  # of a description nothing else is written
    changed = fresh or (lock.unbound != on_disk and not request.locked)
    if wanted and not project.proposed and changed:
        lockfile.write_lock(project.lock_file, lock)
        run = run.reporting(files=(*run.report.files, str(project.lock_file)))
        if fresh and on_disk is not None:
            unmoved = stays(project, on_disk, lock, _let_go(request))
            run = run.reporting(said=(*run.report.said, *moves(project, on_disk, lock), *unmoved))
    return dataclasses.replace(run.reporting(lock=lock.digest), lock=lock)


def _let_go(request: Request) -> frozenset[str]:
    """The packages that were let go and given no version."""
    wanted = map(Requirement, request.upgrade_packages)
    return frozenset(canonicalize_name(each.name) for each in wanted if not each.specifier)


def _refuse_forbidden(project: Project, moving: Iterable[Requirement]) -> None:
    """Raise `UsageError` for a version that the spec itself excludes: only an edit changes that."""
    void = replaced(project.spec)
    asked = [word for word in words(project.spec) if word.where not in void]
    for wanted in moving:
        version = pinned(wanted)
        for word in asked:
            if version is None or word.name != canonicalize_name(wanted.name):
                continue
            if not word.requirement.specifier.contains(version, prereleases=True):
                verb = "pins" if word.pin else "asks for"
                change = f"envspec add {wanted.name}=={version}{project.argument}"
                raise UsageError(
                    f"the spec {verb} {word.requirement} ({project.said_at(word.where)})",
                    hint="change it there" if project.draft is not None else f"`{change}` changes it",
                )


def _standing(run: Run, on_disk: Lock | None) -> tuple[Lock | None, str]:
    """The lock on disk, with its trees bound to it, where it still counts; else None and why not."""
    if on_disk is None:
        return None, "is missing"
    if run.request.upgrade or run.request.upgrade_packages or not on_disk.fits(run.project.spec):
        return None, "was made from another spec"
    try:
        return run.project.bound(on_disk, run.progress), ""
    except ChangedSourceError as changed:
        return None, f"does not fit: {changed}"


def _resolved(run: Run, on_disk: Lock | None) -> Lock:
    """A new lock, in which only what must moves away from the one on disk, and what was asked to."""
    from envspec.resolve.prefer import moving_packages, preferences_of  # needed where no lock fits
    from envspec.resolve.resolver import resolve_spec

    project = run.project
    moving = moving_packages(run.request.upgrade_packages, on_disk)
    _refuse_forbidden(project, moving)
    if project.draft is not None and project.draft.pins and not run.request.upgrade:
        from builder.flow.described import kept_where_possible

        kept = kept_where_possible(project, project.draft, run.progress, locked=run.request.locked)
        if kept is not None:
            return kept
    sources = project.sources(fresh=True, progress=run.progress)
    for name in sources.machine.idle(project.spec.index):
        run.progress.note(f"{name} is set, and the spec has no index of that name")
    lock = resolve_spec(
        project.spec,
        sources,
        project.store,
        resolver=run.request.resolver,
        variant=project.variant,
        image_digest=image_digest(project),
        libc=seen_libc(project),
        prefer=preferences_of(None if run.request.upgrade else on_disk, moving),
        progress=run.progress,
    )
    lock = lock_base(lock, project, run.progress)
    return lock_build_root(lock, sources.build_root, run.progress)
