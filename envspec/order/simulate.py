"""Running stages one after another in thought: pip decides, and the environment is what it decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from packaging.utils import canonicalize_name

from envspec.order import reasons
from envspec.order.model import PinMove, PipDistribution, PipStage, Simulation, StageOutcome
from envspec.order.pip import Refusal, StubEnvironment
from envspec.order.place import PipTarget
from envspec.system.errors import UsageError
from envspec.system.progress import SILENT, Progress
from envspec.system.scratch import scratch_folder


class Resolver(Protocol):
    """What answers for pip."""

    def hold(self, distributions: Iterable[PipDistribution]) -> None:
        """Let exactly these be installed."""

    def would_install(self, stage: PipStage) -> tuple[PipDistribution, ...]:
        """What the stage would install; `Refusal` when it would fail."""


def simulate_stages(
    stages: Sequence[PipStage],
    place: PipTarget,
    *,
    installed: Iterable[PipDistribution] = (),
    variables: Mapping[str, str] | None = None,
    check: Callable[[bool], None] = lambda _: None,
    progress: Progress = SILENT,
) -> Simulation:
    """What plain pip would leave behind after each stage; `installed` is there before the first.

    Takes a few seconds a stage and asks the package index; nothing is downloaded that pip does not need
    for its answer. `variables` and `check` are as `StubEnvironment` has them. Raises `OutsideError` when pip
    cannot be asked, `UsageError` for words that are options.
    """
    for stage in stages:
        if options := [word for word in (*stage.requirements, *stage.remove) if word.startswith("-")]:
            raise UsageError(f"stage {stage.name}: {options[0]} is an option, not a requirement")
    installed = tuple(installed)
    with scratch_folder("order") as folder:
        resolver = StubEnvironment(folder, place, variables=variables, check=check)
        outcomes = run(stages, resolver, place.markers, installed=installed, progress=progress)
    base = {item.name: item.version for item in installed}
    return Simulation(stages=outcomes, base=base, emulated=place.interpreter is None)


def run(
    stages: Sequence[PipStage],
    resolver: Resolver,
    markers: Mapping[str, str],
    *,
    installed: Iterable[PipDistribution] = (),
    progress: Progress = SILENT,
) -> tuple[StageOutcome, ...]:
    """The same with any resolver; ends with the first stage that it refuses."""
    environment = {item.name: item for item in installed}
    requested: list[str] = []
    outcomes: list[StageOutcome] = []
    for stage in stages:
        progress.step(f"simulate stage {stage.name}")
        resolver.hold(environment.values())
        try:
            fresh = resolver.would_install(stage) if stage.requirements else ()
        except Refusal as refusal:
            outcomes.append(_refused(stage, environment, str(refusal)))
            break
        requested += stage.requirements
        after = {**environment, **{item.name: item for item in fresh}}
        changes = _changes(environment, after, stage, markers)
        removed = {canonicalize_name(name) for name in stage.remove} & after.keys()
        changes += tuple(
            PinMove(name=name, before=after[name].version, after="", because=("the stage removes it",))
            for name in sorted(removed)
        )
        after = {name: item for name, item in after.items() if name not in removed}
        outcomes.append(
            StageOutcome(
                name=stage.name,
                changes=changes,
                installed={name: after[name].version for name in sorted(after)},
                added=tuple(sorted(after.keys() - environment.keys())),
                unsatisfied=reasons.unsatisfied(after, requested, markers),
            )
        )
        environment = after
    return tuple(outcomes)


def _changes(
    before: Mapping[str, PipDistribution],
    after: Mapping[str, PipDistribution],
    stage: PipStage,
    markers: Mapping[str, str],
) -> tuple[PinMove, ...]:
    return tuple(
        PinMove(
            name=name,
            before=before[name].version,
            after=after[name].version,
            because=reasons.because(name, before[name].version, after, stage.requirements, markers),
        )
        for name in sorted(before)
        if before[name].version != after[name].version
    )


def _refused(stage: PipStage, environment: Mapping[str, PipDistribution], problem: str) -> StageOutcome:
    return StageOutcome(
        name=stage.name,
        changes=(),
        installed={name: environment[name].version for name in sorted(environment)},
        problem=problem,
    )
