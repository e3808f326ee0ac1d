"""What of this program travels into images and build steps, and what an image knows of itself."""

from __future__ import annotations

from typing import Any

from builder.image import travelling
from builder.image.starting import image_user, owner_of
from builder.inside import places
from builder.values.plan import Plan
from builder.values.program import PlannedProgram
from builder.values.variables import expanded

MAIN = "builder/inside/entrypoint/__main__.py"
"""What makes a program of the folder that it is copied to the top of."""


def build_tools() -> tuple[str, ...]:
    """Files that work in build steps, from the folder above `builder` on."""
    return travelling.paths("entrypoint.stage", "entrypoint.compile", "entrypoint.payload")


def runtime_files() -> tuple[str, ...]:
    """Files that stay in the image, from the folder above `builder` on."""
    return travelling.paths("entrypoint.start")


def image_facts(plan: Plan) -> dict[str, Any]:
    """What the image knows of itself: `environment.json`, which the entrypoint and the doctor read."""
    service = plan.service
    common = expanded(plan.env, places.ENVIRONMENT, plan.python)
    return {
        "name": plan.name,
        "lock": plan.lock,
        "site": f"{places.ENVIRONMENT}/lib/python{plan.python}/site-packages",
        "pins": plan.pins,
        "named": plan.named,
        "embedded": service is not None and service.source is None,
        **({"models": [f"{places.MODELS}/{model.name}" for model in plan.models]} if plan.models else {}),
        **({"gpu": plan.gpu.model_dump(mode="json")} if plan.gpu else {}),
        **({"env": common} if common else {}),
        "programs": {program.name: _program_facts(program, plan) for program in plan.programs},
    }


def _program_facts(program: PlannedProgram, plan: Plan) -> dict[str, Any]:
    """What the entrypoint knows of a program; its user where that is not the image's."""
    other = owner_of(program) if owner_of(program) != image_user(plan) else None
    return {**program.facts(places.ENVIRONMENT, plan.python), **({"user": other} if other else {})}
