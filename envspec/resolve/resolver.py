"""Spec to lock: solve, choose the file of each package, give each package its stage."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterable, Mapping

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envspec.lockfile.lock import DEFAULT_INDEX, Artifact, File, Lock, LockedBase, LockedSource
from envspec.resolve import pip_tools_solver, uv_solver
from envspec.resolve.graph import assign
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
    prefer: Preferences = NOTHING,
    progress: Progress = SILENT,
) -> Lock:
    """The lock of a spec; `libc` is the C library that its base was seen to have, where somebody looked.

    What `prefer` names keeps its version and its file wherever that is possible.

    Raises `FindingsError` when the requirements contradict each other, or a package has nothing to install or
    cannot be built from its source; `OutsideError` when an index cannot be asked.
    """
    target = target_of(spec, libc)
    sources.progress = progress
    progress.step("resolve")
    open_wheels(spec, sources)
    yard = SourceYard(spec=spec, sources=sources, store=store, progress=progress, commits=prefer.commits)
    own = {package.name: package for package in yard.take_all()}
    solution = _solve(spec, target, sources, resolver, tuple(own.values()), prefer, progress)
    chosen = _choose(spec, target, (solved for solved in solution if solved.name not in own), prefer)
    progress.step("read metadata")
    artifacts, known = _describe(chosen, spec, target, sources, store, progress)
    artifacts += [package.artifact(spec.stage[0].name) for package in own.values()]
    known |= {name: package.metadata for name, package in own.items()}
    asked = {package.at: package.requirement for package in own.values()}
    without = frozenset(map(canonicalize_name, spec.remove.packages))
    placed = assign(stage_roots(spec, asked), known, target, without=without)
    located = [
        artifact.model_copy(update={"stage": placed[artifact.name]})
        for artifact in artifacts
        if artifact.name in placed
    ]
    return assembled(
        spec,
        target,
        resolver,
        artifacts=located,
        sources=[own[name].locked(placed[name]) for name in sorted(own) if name in placed],
        removed=without & known.keys(),
        variant=variant,
        image_digest=image_digest,
    )


def assembled(
    spec: Spec,
    target: Target,
    resolver: str,
    *,
    artifacts: Iterable[Artifact],
    sources: Iterable[LockedSource],
    removed: Iterable[str],
    variant: str | None = None,
    image_digest: str | None = None,
) -> Lock:
    """A lock of what was found for a spec, each artifact in its stage."""
    order = {stage.name: number for number, stage in enumerate(spec.stage)}
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
        removed=tuple(sorted(removed)),
        source=tuple(sorted(sources, key=lambda source: source.name)),
        artifact=tuple(sorted(artifacts, key=lambda artifact: (order[artifact.stage], artifact.name))),
    )


def open_wheels(spec: Spec, sources: Sources) -> None:
    """Raise `WheelError` for a wheel on this machine that must not be installed: solvers unpack them all."""
    for stage in spec.stage:
        for wheel in stage.wheels:
            path = local_path(sources.spec_wheel(wheel).url)
            if path is not None:
                with Wheel(path) as opened:
                    opened.metadata  # noqa: B018 - it raises


def stage_roots(spec: Spec, asked: Mapping[str, Requirement]) -> list[tuple[str, list[Requirement]]]:
    """What each stage asks for; `asked` has what its sources are, by their key paths."""

    def roots(stage: Stage, number: int) -> list[Requirement]:
        named = [requirement for at, requirement in asked.items() if at.startswith(f"stage[{number}].")]
        return [*stage.requirements, *named, *(Requirement(wheel.name) for wheel in stage.wheels)]

    return [(stage.name, roots(stage, number)) for number, stage in enumerate(spec.stage)]


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
        usable = usable_files(solved.files, target, sources=solved.name not in prebuilt)
        if kept := prefer.kept(solved.name, solved.version, usable) or next(iter(usable), None):
            chosen.append((solved, kept))
        else:
            findings.append(_nothing_to_install(solved, target))
    if must_fix(findings):
        raise FindingsError("some packages have no file for the target", tuple(findings))
    return chosen


def usable_files(files: Iterable[RemoteFile], target: Target, *, sources: bool = True) -> list[RemoteFile]:
    """The files that can be installed on a target, the best first: wheels, then, if wanted, sources."""
    offered = list(files)
    ranked = [
        (rank, file.file, file)
        for file in offered
        if file.file.endswith(".whl") and (rank := target.rank(file.file)) is not None
    ]
    wheels = [file for *_, file in sorted(ranked, key=lambda entry: entry[:2])]
    return wheels + [file for file in offered if sources and not file.file.endswith(".whl")]


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
        file = known_file(remote, sources, store)
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


def known_file(remote: RemoteFile, sources: Sources, store: Wheelhouse) -> File:
    """Name, sha256 and size of a file; fetched where its index does not tell them."""
    if remote.sha256 is not None and remote.size is not None:
        return File(file=remote.file, sha256=remote.sha256, size=remote.size)
    return store.take(sources.meant(remote), sources)
