"""How containers of an image of the oci backend start."""

from __future__ import annotations

from builder.image import settings as image_settings
from builder.inside import places
from builder.oci.image.base import Base
from builder.oci.image.documents import Settings
from builder.values.plan import Plan


def settings(plan: Plan, base: Base) -> Settings:
    """How containers of the plan's image start: as the docker backend has it."""
    labels = image_settings.labels(plan)
    labels["org.opencontainers.image.base.name"] = base.name
    service = plan.service
    entrypoint = places.entrypoint()
    return Settings(
        user=f"{places.USER_ID}:{places.USER_ID}",
        folder=places.PAYLOAD,
        variables=image_settings.variables(plan),
        labels=labels,
        entrypoint=tuple(entrypoint),
        command=("serve",) if service else ("python",),
        port=service.port if service else None,
        health=(*entrypoint, "health") if service else (),
    )
