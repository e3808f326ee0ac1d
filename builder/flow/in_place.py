"""Trees that are used in place, where an environment stands on the machine that has them."""

from __future__ import annotations

from builder.flow.run import Run, already_made
from builder.values.plan import Plan
from builder.values.stages import InstallStage


def with_trees_in_place(run: Run) -> Plan:
    """The plan with wheels that lead to its editable trees, made as their ordinary ones were.

    Raises `BuildError` and `OutsideError`.
    """
    plan = already_made(run.plan)
    if not any(stage.editable for stage in plan.stages):
        return plan
    stages = tuple(_led(stage, run) if stage.editable else stage for stage in plan.stages)
    return plan.model_copy(update={"stages": stages})


def _led(stage: InstallStage, run: Run) -> InstallStage:
    from envspec.source.editable import editable_wheel
    from envspec.source.sdist import BuildSite

    project, lock = run.project, already_made(run.lock)
    (tree,), (wheel,) = stage.trees, stage.wheels
    held = next(source for source in lock.trees if source.name == wheel.name)
    found = editable_wheel(
        (project.folder / tree).resolve(),
        wheel,
        BuildSite.of(project.sources(progress=run.progress), project.store, lock.target, run.progress),
        within=project.folder.resolve(),
        tools=held.tools,
    )
    led = wheel.model_copy(update=found.model_dump(include={"file", "sha256", "size"}))
    return stage.model_copy(update={"in_place": led})
