"""Spec to lock: solve, choose the file of each package, give each package its stage."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterable, Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envspec.ingest.draft import Pin
from envspec.lockfile.lock import DEFAULT_INDEX, Artifact, File, Lock, LockedBase
from envspec.resolve import pip_tools_solver, uv_solver
from envspec.resolve.graph import assign
from envspec.resolve.keep import keep_pins, refuse_gaps, refuse_unasked
from envspec.resolve.prefer import NOTHING, Preferences
from envspec.resolve.refusal import contradiction, unsatisfied
from envspec.resolve.solution import Solved, UnsatisfiableError
from envspec.source.package import SourcePackage
from envspec.source.sdist import BuildSite, built_wheel
from envspec.source.yard import SourceYard
from envspec.spec.model import Spec, Stage
from envspec.spec.target import Target, target_of
from envspec.spec.types import Libc
from envspec.supply.core_metadata import WheelMetadata
from envspec.supply.metadata import wheel_metadata
from envspec.supply.page import RemoteFile
from envspec.supply.pip_settings import local_path
from envspec.supply.sources import Sources
from envspec.supply.wheel import Wheel
from envspec.supply.wheelhouse import WORKERS, Wheelhouse
from envspec.system import rules
from envspec.system.errors import BuildError, FindingsError, OutsideError
from envspec.system.finding import Finding, must_fix
from envspec.system.progress import SILENT, Progress
from envspec.system.quoting import quoted_output

Solver = Callable[..., tuple[Solved, ...]]

SOLVERS: Mapping[str, Solver] = {
    "uv": uv_solver.solve_with_uv,
    "pip-tools": pip_tools_solver.solve_with_pip_tools,
}
"""By the name that `--resolver` takes."""


def resolve_spec(
    spec: Spec,
    sources: Sources,
    store: Wheelhouse,
    *,
    resolver: str = "uv",
    variant: str | None = None,
    image_digest: str | None = None,
    libc: Libc | None = None,
    pins: Sequence[Pin] = (),
    prefer: Preferences = NOTHING,
    progress: Progress = SILENT,
) -> Lock:
    """The lock of a spec; `libc` is the C library that its base was seen to have, where somebody looked.

    What `prefer` names keeps its version and its file wherever that is possible.
    With `pins` nothing is solved: they are the solution, and `resolver` names where they come from.

    Raises `FindingsError` when the requirements contradict each other, or a package has nothing to install or
    cannot be built from its source; `OutsideError` when an index cannot be asked, `UnkeptError` when pins
    are not all that the spec needs.
    """
    target = target_of(spec, libc)
    sources.progress = progress
    progress.step("resolve")
    _open_wheels(spec, sources)
    if pins:
        refuse_unasked(spec, target, pins)
    yard = SourceYard(spec=spec, sources=sources, store=store, progress=progress, commits=prefer.commits)
    own = {package.name: package for package in yard.take_all()}
    if pins:
        solution = keep_pins(spec, sources, pins)
    else:
        solution = _solve(spec, target, sources, resolver, tuple(own.values()), prefer, progress)
    chosen = _choose(spec, target, (solved for solved in solution if solved.name not in own), prefer)
    progress.step("read metadata")
    artifacts, known = _describe(chosen, spec, target, sources, store, progress)
    artifacts += [package.artifact(spec.stage[0].name) for package in own.values()]
    known |= {name: package.metadata for name, package in own.items()}
    stages = [(stage.name, _roots(stage, number, own.values())) for number, stage in enumerate(spec.stage)]
    without = frozenset(map(canonicalize_name, spec.remove.packages))
    if pins:
        refuse_gaps(
            (root for _, roots in stages for root in roots),
            known,
            {artifact.name: artifact.version for artifact in artifacts},
            target,
            overridden=frozenset(canonicalize_name(Requirement(text).name) for text in spec.overrides),
            without=without,
        )
    placed = assign(stages, known, target, without=without)
    order = {stage.name: number for number, stage in enumerate(spec.stage)}
    located = [
        artifact.model_copy(update={"stage": placed[artifact.name]})
        for artifact in artifacts
        if artifact.name in placed
    ]
    return Lock(
        name=spec.name,
        spec=spec.digest,
        variant=variant,
        resolver=resolver,
        python=target.python,
        patch=target.patch,
        machine=target.machine,
        glibc=target.glibc,
        musl=target.musl,
        base=LockedBase(
            image=spec.image,
            digest=image_digest,
            debian=spec.base.debian,
            host=spec.base.host,
            apt=spec.base.apt,
        ),
        stages=tuple(stage.name for stage in spec.stage),
        removed=tuple(sorted(without & known.keys())),
        source=tuple(own[name].locked(placed[name]) for name in sorted(own) if name in placed),
        artifact=tuple(sorted(located, key=lambda artifact: (order[artifact.stage], artifact.name))),
    )


def _open_wheels(spec: Spec, sources: Sources) -> None:
    """Raise `WheelError` for a wheel on this machine that must not be installed: solvers unpack them all."""
    for stage in spec.stage:
        for wheel in stage.wheels:
            path = local_path(sources.spec_wheel(wheel).url)
            if path is not None:
                with Wheel(path) as opened:
                    opened.metadata  # noqa: B018 - it raises


def _roots(stage: Stage, number: int, own: Iterable[SourcePackage]) -> list[Requirement]:
    named = [package.requirement for package in own if package.at.startswith(f"stage[{number}].")]
    return [*stage.requirements, *named, *(Requirement(wheel.name) for wheel in stage.wheels)]


def _solve(
    spec: Spec,
    target: Target,
    sources: Sources,
    resolver: str,
    own: tuple[SourcePackage, ...],
    prefer: Preferences,
    progress: Progress,
) -> tuple[Solved, ...]:
    named = uv_solver.named_indexes(spec)
    try:
        return SOLVERS[resolver](spec, target, sources, own=own, prefer=prefer, progress=progress)
    except UnsatisfiableError as error:
        unasked = {name: stage.index for name, stage in named.items() if stage.index in sources.unreachable}
        if not unasked:
            raise unsatisfied(spec, target, sources, str(error), prefer) from error
        _prove_the_rest(spec, target, sources, own, progress)
        package, index = next(iter(unasked.items()))
        raise sources.cannot_ask(index or DEFAULT_INDEX, package) from error
    except OutsideError:
        _prove_the_rest(spec, target, sources, own, progress)
        raise


def _prove_the_rest(
    spec: Spec, target: Target, sources: Sources, own: tuple[SourcePackage, ...], progress: Progress
) -> None:
    """When an index cannot be asked: say first what is wrong whatever that index would answer.

    Raises `FindingsError` when the other requirements contradict each other already.
    """
    named = frozenset(uv_solver.named_indexes(spec))
    if not named:
        return
    progress.note(f"an index cannot be asked; proving the spec without {', '.join(sorted(named))}")
    try:
        uv_solver.solve_with_uv(spec, target, sources, own=own, leave=named)
    except UnsatisfiableError as error:
        raise contradiction(spec, str(error)) from error
    except OutsideError:
        return  # the first error stands


def _choose(
    spec: Spec, target: Target, solution: Iterable[Solved], prefer: Preferences
) -> list[tuple[Solved, RemoteFile]]:
    """The file that each package was locked as, else its best wheel, or its source where that is allowed."""
    prebuilt = {canonicalize_name(name) for stage in spec.stage for name in stage.prebuilt}
    chosen, findings = [], []
    for solved in solution:
        ranked = [
            (rank, file.file, file)
            for file in solved.files
            if file.file.endswith(".whl") and (rank := target.rank(file.file)) is not None
        ]
        sources = [file for file in solved.files if not file.file.endswith(".whl")]
        usable = [file for *_, file in ranked] + [file for file in sources if solved.name not in prebuilt]
        if kept := prefer.kept(solved.name, solved.version, usable):
            chosen.append((solved, kept))
        elif ranked:
            chosen.append((solved, min(ranked, key=lambda entry: entry[:2])[2]))
        elif sources and solved.name not in prebuilt:
            chosen.append((solved, sources[0]))
        else:
            findings.append(_nothing_to_install(solved, target))
    if must_fix(findings):
        raise FindingsError("some packages have no file for the target", tuple(findings))
    return chosen


def _unbuilt(solved: Solved, error: BuildError) -> Finding:
    return rules.SOURCE_UNBUILDABLE.finding(
        f"{solved.name} {solved.version} is offered as source alone: {quoted_output(error.message)}",
        hint=error.hint,
        where=solved.name,
    )


def _nothing_to_install(solved: Solved, target: Target) -> Finding:
    return rules.NO_FILE.finding(
        f"{solved.name} {solved.version} has no wheel for Python {target.python}, {target.platform}",
        hint="pin a version that has one, or give a wheel under `wheels`",
        where=solved.name,
    )


def _describe(
    chosen: list[tuple[Solved, RemoteFile]],
    spec: Spec,
    target: Target,
    sources: Sources,
    store: Wheelhouse,
    progress: Progress,
) -> tuple[list[Artifact], dict[str, WheelMetadata]]:
    """Artifacts, their stage still open, and what each package says of itself."""

    def describe(entry: tuple[Solved, RemoteFile]) -> tuple[Artifact, WheelMetadata]:
        solved, remote = entry
        file = _known(remote, sources, store)
        artifact = Artifact(
            name=solved.name,
            version=solved.version,
            stage=spec.stage[0].name,
            index=solved.index,
            **file.model_dump(),
        )
        if not file.file.endswith(".whl"):
            if not store.has(file):
                store.bring(sources.meant(remote), file, sources)
            try:
                wheel = built_wheel(file, BuildSite.of(sources, store, target, progress))
            except BuildError as error:
                raise FindingsError(
                    "a source distribution cannot be built", (_unbuilt(solved, error),)
                ) from error
            artifact = artifact.model_copy(update={"wheel": wheel})
        facts = wheel_metadata(
            artifact.installed, None if artifact.wheel else remote, store=store, sources=sources
        )
        progress.advance("metadata", 1)
        return artifact, facts

    with progress.task("metadata", len(chosen)), concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        described = list(pool.map(describe, chosen))
    return [artifact for artifact, _ in described], {artifact.name: facts for artifact, facts in described}


def _known(remote: RemoteFile, sources: Sources, store: Wheelhouse) -> File:
    """Name, sha256 and size of a file; fetched where its index does not tell them."""
    if remote.sha256 is not None and remote.size is not None:
        return File(file=remote.file, sha256=remote.sha256, size=remote.size)
    return store.take(sources.meant(remote), sources)
