"""How containers of an image of the oci backend start."""

from __future__ import annotations

from builder.image import settings
from builder.image.starting import image_start
from builder.inside import places
from builder.oci.image.base import BaseImage
from builder.oci.image.documents import ContainerSettings
from builder.values.plan import Plan


def image_settings(plan: Plan, base: BaseImage) -> ContainerSettings:
    """How containers of the plan's image start: as the Dockerfile road has it."""
    labels = settings.image_labels(plan)
    labels["org.opencontainers.image.base.name"] = base.name
    start = image_start(plan)
    return ContainerSettings(
        user=start.user,
        folder=start.folder,
        variables=settings.image_variables(plan),
        labels=labels,
        entrypoint=tuple(places.entrypoint()),
        command=start.command,
        ports=start.ports,
        volumes=start.volumes,
        stop_signal=start.stop_signal,
        health=start.health,
        health_timeout=start.health_timeout,
        start_timeout=start.start_timeout,
    )
