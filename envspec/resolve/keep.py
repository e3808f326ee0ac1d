"""Keeping what a lock of another tool holds: its versions and files as they are, nothing solved.

What the lock tells is not asked for anywhere. What cannot be fetched or built here is held open, and what
cannot be held at all is left and named: one such package never costs the others.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import (
    canonicalize_name,
)

from envspec.ingest.draft import Pin
from envspec.lockfile.lock import Lock
from envspec.resolve.graph import assign, closure, needed
from envspec.resolve.keeper import Held, Keeper, UnkeptError
from envspec.resolve.resolver import assembled, open_wheels, stage_roots
from envspec.spec.model import Spec
from envspec.spec.target import Target, target_of
from envspec.spec.types import Libc
from envspec.supply.core_metadata import WheelMetadata
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import WORKERS, Wheelhouse
from envspec.system.progress import SILENT, Progress
from envspec.system.quoting import listed


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What was kept of a lock of another tool."""

    lock: Lock
    notes: tuple[str, ...] = ()
    """A sentence for each package that is held open or left, and why."""


def refuse_unasked(spec: Spec, target: Target, pins: Sequence[Pin]) -> None:
    """Raise `UnkeptError` where the spec asks for what no pin gives: told before anything is fetched."""
    asked = [requirement for stage in spec.stage for requirement in stage.requirements]
    if lacking := list(_lacking(asked, {pin.name: pin.version for pin in pins}, target)):
        raise UnkeptError(f"it does not hold {listed(lacking)}, which the spec asks for")


def keep_lock(
    spec: Spec,
    sources: Sources,
    store: Wheelhouse,
    pins: Sequence[Pin],
    *,
    by: str,
    image_digest: str | None = None,
    libc: Libc | None = None,
    builds: bool = True,
    progress: Progress = SILENT,
) -> Kept:
    """The lock of a spec with the versions and digests of `pins`; `by` names where they come from.

    Without `builds` no source is fetched or built: the lock holds it open, for the run that needs it.

    Raises `UnkeptError` where the spec asks for what no pin gives, and `SpecError` for a word of it that
    means nothing here.
    """
    target = target_of(spec, libc)
    sources.progress = progress
    progress.step("keep")
    open_wheels(spec, sources)
    refuse_unasked(spec, target, pins)
    keeper = Keeper(spec=spec, target=target, sources=sources, store=store, progress=progress, builds=builds)
    own, asked = keeper.sources_of([pin for pin in pins if pin.word])
    named = [pin for pin in pins if not pin.word and pin.name not in own]
    with (
        progress.task("keep", len(named)),
        concurrent.futures.ThreadPoolExecutor(WORKERS) as pool,
    ):
        held = {**own, **dict(zip((pin.name for pin in named), pool.map(keeper.keep, named), strict=True))}
    known = {name: each.metadata for name, each in held.items() if each.metadata is not None}
    without = frozenset(map(canonicalize_name, spec.remove.packages))
    roots = stage_roots(spec, asked)
    placed = assign(roots, _standing(held, known), target, without=without)
    loose = {pin.name for pin in pins if pin.loose}
    first = spec.stage[0].name

    def stage(name: str) -> str | None:
        """Where a package is installed: first, where nobody knows who needs it."""
        return None if name in without else placed.get(name, None if name in loose else first)

    artifacts = [each.artifact for each in held.values() if each.artifact is not None]
    if not artifacts and not any(each.source for each in held.values()):
        raise UnkeptError("none of its packages can be held: " + "; ".join(_notes(held.values())))
    gaps = list(_gaps((root for _, each in roots for root in each), held, known, target, spec))
    return Kept(
        lock=assembled(
            spec,
            target,
            by,
            artifacts=[
                artifact.model_copy(update={"stage": place})
                for artifact in artifacts
                if (place := stage(artifact.name)) is not None
            ],
            sources=[
                each.source.model_copy(update={"stage": place})
                for name, each in held.items()
                if each.source is not None and (place := stage(name)) is not None
            ],
            removed=without & known.keys(),
            image_digest=image_digest,
        ),
        notes=(
            *_notes(held.values()),
            *([f"it does not hold {listed(gaps)}, which its packages say that they need"] if gaps else ()),
        ),
    )


def _notes(held: Iterable[Held]) -> Iterator[str]:
    yield from (each.note for each in held if each.note)


def _standing(held: Mapping[str, Held], known: Mapping[str, WheelMetadata]) -> dict[str, WheelMetadata]:
    """What is known of each, with nothing required where that is not known."""
    return {name: known.get(name, WheelMetadata(name=name, version="0")) for name in held}


def _gaps(
    roots: Iterable[Requirement],
    held: Mapping[str, Held],
    known: Mapping[str, WheelMetadata],
    target: Target,
    spec: Spec,
) -> Iterator[str]:
    """What packages say that they need, as far as anybody knows, and no package that is kept gives."""
    overridden = {canonicalize_name(Requirement(text).name) for text in spec.overrides}
    without = overridden | {canonicalize_name(name) for name in spec.remove.packages}
    versions = {
        name: each.artifact.version if each.artifact is not None else "" for name, each in held.items()
    }
    seen: dict[str, None] = {}
    for name in closure(roots, known, target):
        needs = list(needed((name, frozenset()), known, target))
        wanted = [need for need in needs if canonicalize_name(need.name) not in without]
        seen |= dict.fromkeys(_lacking(wanted, versions, target, always=True))
    yield from seen


def _lacking(
    requirements: Iterable[Requirement],
    versions: Mapping[str, str],
    target: Target,
    *,
    always: bool = False,
) -> Iterator[str]:
    """The requirements that count here and that no version meets."""
    for requirement in requirements:
        version = versions.get(canonicalize_name(requirement.name))
        if not always and not target.wants(requirement.marker):
            continue
        if version is None or (version and not requirement.specifier.contains(version, prereleases=True)):
            yield f"{requirement.name}{requirement.specifier}"
