"""How containers of an image of the oci backend start."""

from __future__ import annotations

from builder.image import settings
from builder.inside import places
from builder.oci.image.base import BaseImage
from builder.oci.image.documents import ContainerSettings
from builder.values.plan import Plan


def image_settings(plan: Plan, base: BaseImage) -> ContainerSettings:
    """How containers of the plan's image start: as the Dockerfile road has it."""
    labels = settings.image_labels(plan)
    labels["org.opencontainers.image.base.name"] = base.name
    service = plan.service
    entrypoint = places.entrypoint()
    return ContainerSettings(
        user=f"{places.USER_ID}:{places.USER_ID}",
        folder=places.PAYLOAD,
        variables=settings.image_variables(plan),
        labels=labels,
        entrypoint=tuple(entrypoint),
        command=("serve",) if service else ("python",),
        port=service.port if service else None,
        health=(*entrypoint, "health") if service else (),
    )
