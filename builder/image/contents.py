"""What of this program travels into images and build steps, and what an image knows of itself."""

from __future__ import annotations

from typing import Any

from builder.image import command, travelling
from builder.inside import places
from builder.values.plan import Plan
from envspec.spec.model import Service

MAIN = "builder/inside/entrypoint/__main__.py"
"""What makes a program of the folder that it is copied to the top of."""


def build_tools() -> tuple[str, ...]:
    """Files that work in build steps, from the folder above `builder` on."""
    return travelling.paths("entrypoint.stage")


def runtime_files() -> tuple[str, ...]:
    """Files that stay in the image, from the folder above `builder` on."""
    return travelling.paths("entrypoint.start")


def image_facts(plan: Plan) -> dict[str, Any]:
    """What the image knows of itself: `environment.json`, which the entrypoint and the doctor read."""
    service = plan.service
    python = f"{places.ENVIRONMENT}/bin/python"
    return {
        "name": plan.name,
        "lock": plan.lock,
        "site": f"{places.ENVIRONMENT}/lib/python{plan.python}/site-packages",
        "pins": plan.pins,
        "named": plan.named,
        "embedded": service is not None and service.source is None,
        **({"models": [f"{places.MODELS}/{model.name}" for model in plan.models]} if plan.models else {}),
        **({"gpu": plan.gpu.model_dump(mode="json")} if plan.gpu else {}),
        "command": _served(service, python),
        "port": service.port if service else 0,
        "health": service.health if service else "",
    }


def _served(service: Service | None, python: str) -> list[str]:
    """The command of the image's service; empty without one."""
    if service is None:
        return []
    host = "0.0.0.0"  # noqa: S104 - a container is reached from outside
    return command.serve_command(service, python, host=host, port=service.port)
