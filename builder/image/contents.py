"""What of this program travels into images and build steps, and what an image knows of itself."""

from __future__ import annotations

from typing import Any

from builder.image import command
from builder.inside import places
from builder.values.plan import Plan

TOOLS = (
    "builder/inside/__init__.py",
    "builder/inside/guard.py",
    "builder/inside/places.py",
    "builder/inside/entrypoint/__init__.py",
    "builder/inside/entrypoint/compile.py",
    "builder/inside/entrypoint/stage.py",
    "builder/inside/trim.py",
)
"""Modules that work in build steps; they understand Python 3.8 and use the standard library alone."""


RUNTIME = (
    "builder/inside/__init__.py",
    "builder/inside/entrypoint/__init__.py",
    "builder/inside/entrypoint/doctor.py",
    "builder/inside/entrypoint/health.py",
    "builder/inside/entrypoint/start.py",
)
"""Modules that stay in the image."""


MAIN = "builder/inside/entrypoint/__main__.py"


def facts(plan: Plan) -> dict[str, Any]:
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
        "command": command.command(service, python, host="0.0.0.0", port=service.port) if service else [],  # noqa: S104 - a container is reached from outside
        "port": service.port if service else 0,
        "health": service.health if service else "",
    }
