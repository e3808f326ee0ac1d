"""Trees that are used in place, where an environment stands on the machine that has them."""

from __future__ import annotations

import pathlib

from builder.values.plan import Plan
from builder.values.stages import InstallStage
from envspec.spec.target import Target
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.progress import Progress


def in_place(plan: Plan, folder: pathlib.Path, store: Wheelhouse, progress: Progress) -> Plan:
    """The plan with wheels that lead to its editable trees; `folder` is the spec's.

    Raises `BuildError` and `OutsideError`.
    """
    if not any(stage.editable for stage in plan.stages):
        return plan
    stages = (
        _led(stage, plan, folder, store, progress) if stage.editable else stage for stage in plan.stages
    )
    return plan.model_copy(update={"stages": tuple(stages)})


def _led(
    stage: InstallStage, plan: Plan, folder: pathlib.Path, store: Wheelhouse, progress: Progress
) -> InstallStage:
    from envspec.source.editable import editable_wheel
    from envspec.supply.pip_settings import ask_pip

    (tree,), (wheel,) = stage.trees, stage.wheels
    found = editable_wheel(
        (folder / tree).resolve(),
        wheel,
        within=folder.resolve(),
        store=store,
        target=Target(python=plan.python, machine=plan.machine, glibc=plan.glibc),
        machine=ask_pip(),
        progress=progress,
    )
    led = wheel.model_copy(update=found.model_dump(include={"file", "sha256", "size"}))
    return stage.model_copy(update={"wheels": (led,)})
