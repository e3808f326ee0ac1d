"""The trial: each program started and used inside its environment as its trials say.

What was seen is judged in `builder/judge/tried.py`.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

from builder.backends.port import Backend
from builder.image import travelling
from builder.inside import places
from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.program import PlannedProgram
from builder.values.variables import expanded
from envspec.spec.program import DEADLINE, RunTrial

GRACE = 3.0
"""Seconds after which a program that still runs is taken to work, where nothing says how that is seen."""
REFUSAL = 10.0
"""Seconds after which a refusal at the path of a program's health is taken for its last word.

Not where the spec says how long to wait: what is loaded may be refused until it is there.
"""
_AROUND = 60.0
"""Seconds for starting and stopping."""


def try_program(
    backend: Backend, environment: Environment, plan: Plan, program: PlannedProgram, *, online: bool
) -> dict[str, Any]:
    """Try a program inside its environment: the facts that `builder/inside/trial.py` prints.

    Its `trials` stand in the order of the program's; one that is not made says what it `lacks`. `online`
    tells whether a network may be given to those that need one. `absent` names what keeps it from being
    started at all; then, and of a job without trials, only the command is looked for (`found`).
    """
    lacks = {
        number: _lack(trial, backend, plan, online=online) for number, trial in enumerate(program.trials)
    }
    made = [number for number, lack in lacks.items() if lack is None]
    absent = [] if environment.backend != "virtualenv" else _absent(program)
    starts = not absent and bool(made or (program.lasting and not program.trials))
    reaching = [number for number in made if "network" in program.trials[number].needs]
    quiet = [number for number in made if number not in reaching]
    facts: dict[str, Any] = {}
    for group, network in ((quiet, False), (reaching, True)):
        if group or (not network and not reaching):
            seen = _run(backend, environment, plan, program, group, starts=starts, network=network)
            trials = dict(zip(group, seen.pop("trials", ()), strict=False))
            known = facts.pop("trials", {})
            facts = {**facts, **seen, "trials": {**known, **trials}}
            if starts and "ready" in seen and not seen["ready"]:
                break
    told = facts.pop("trials", {})
    skipped = {number: {"lacks": lack} for number, lack in lacks.items() if lack}
    in_order = [{**told, **skipped}.get(number, {}) for number in lacks]
    return {
        **facts,
        **({"trials": in_order} if any(in_order) else {}),
        **({"absent": absent} if absent else {}),
    }


def _lack(trial: RunTrial, backend: Backend, plan: Plan, *, online: bool) -> str | None:
    """What a trial needs and cannot have, as far as that is known from outside."""
    if "network" in trial.needs and not (online and backend.reaches):
        return "network"
    if "model" in trial.needs and not plan.models:
        return "model"
    return None


def _absent(program: PlannedProgram) -> list[str]:
    """Folders that the program writes to and that this machine, which is no image, does not have."""
    return [path for path in program.volumes if not pathlib.Path(path).is_dir()]


def _run(
    backend: Backend,
    environment: Environment,
    plan: Plan,
    program: PlannedProgram,
    numbers: list[int],
    *,
    starts: bool,
    network: bool,
) -> dict[str, Any]:
    trials = [program.trials[number] for number in numbers]
    patience = program.start_timeout or DEADLINE
    prefix = places.ENVIRONMENT if environment.backend != "virtualenv" else environment.reference
    task = {
        "name": program.name,
        "programs": {each.name: each.facts(prefix, plan.python) for each in plan.programs},
        "env": expanded(plan.env, prefix, plan.python),
        "trials": [
            {**trial.model_dump(mode="json", by_alias=True, exclude_defaults=True), "timeout": trial.timeout}
            for trial in trials
        ],
        "starts": starts,
        "deadline": patience,
        "grace": GRACE,
        "refusal": REFUSAL if program.start_timeout is None else None,
    }
    done = backend.run(
        environment,
        [environment.python, "-", json.dumps(task)],
        stdin=travelling.program("trial"),
        timeout=patience + _AROUND + sum(trial.timeout + _AROUND for trial in trials),
        program=program,
        network=network,
    )
    try:
        facts: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return {"ready": False, "log": done.tail, "broken": True}
    return facts
