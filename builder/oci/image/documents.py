"""An image as its documents say it: configuration and manifest, the same bytes for the same content.

Source: OCI image specification 1.1, and Docker's image specification 1.2 for the health check.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from builder.oci.image.base import BaseImage
from builder.oci.store import tar
from builder.oci.store.blobs import CONFIG, MANIFEST, Blobs, Descriptor, Layer
from envspec.spec.part import Part

RUNTIME = "entrypoint and doctor"
"""Title of the layer that also carries the bill of materials."""


class ContainerSettings(Part):
    """How a container of the image starts."""

    user: str
    """Name or number of the user, and number of the group where one is meant: `10001:10001`."""
    folder: str
    variables: Mapping[str, str]
    labels: Mapping[str, str]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()
    """Folders that outlive a container."""
    stop_signal: str = "SIGTERM"
    health: tuple[str, ...] = ()
    """Command of the health check; empty for none."""
    health_timeout: int = 5
    """Seconds that it gets."""
    start_timeout: int = 60
    """Seconds in which one that fails does not count yet."""


class Image(Part):
    """A whole image in a store of blobs."""

    config: Descriptor
    """Its digest is the image's identity: it covers what is in the layers, however they are packed."""
    manifest: Descriptor
    layers: tuple[Layer, ...]
    """Lowest first."""
    python: str
    """Path of its interpreter."""
    variables: Mapping[str, str]
    folder: str
    user: str


def assemble_image(
    base: BaseImage, added: Sequence[Layer], settings: ContainerSettings, python: str, blobs: Blobs
) -> Image:
    """Write configuration and manifest of the base's layers with the added ones on top."""
    layers = (*base.layers, *added)
    config = blobs.put(encode_document(image_configuration(base, layers, settings)), CONFIG)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.as_dict(),
        "layers": [layer.as_dict() for layer in layers],
        "annotations": {
            **{key: value for key, value in settings.labels.items() if value},
            "org.opencontainers.image.created": image_date(),
        },
    }
    return Image(
        config=config,
        manifest=blobs.put(encode_document(manifest), MANIFEST),
        layers=layers,
        python=python,
        variables={**base.variables, **settings.variables},
        folder=settings.folder,
        user=settings.user,
    )


def image_configuration(
    base: BaseImage, layers: Sequence[Layer], settings: ContainerSettings
) -> dict[str, Any]:
    """The configuration document."""
    second = 10**9  # durations are nanoseconds
    config: dict[str, Any] = {
        "User": settings.user,
        "Env": [f"{name}={value}" for name, value in {**base.variables, **settings.variables}.items()],
        "Entrypoint": list(settings.entrypoint),
        "Cmd": list(settings.command),
        "WorkingDir": settings.folder,
        "Labels": {**(base.settings.get("Labels") or {}), **settings.labels},
        "StopSignal": settings.stop_signal,
    }
    if settings.ports:
        config["ExposedPorts"] = {f"{port}/tcp": {} for port in settings.ports}
    if settings.volumes:
        config["Volumes"] = {path: {} for path in settings.volumes}
    if settings.health:
        config["Healthcheck"] = {
            "Test": ["CMD", *settings.health],
            "Interval": 10 * second,
            "Timeout": settings.health_timeout * second,
            "StartPeriod": settings.start_timeout * second,
            "Retries": 3,
        }
    return {
        "architecture": base.machine,
        "os": "linux",
        "created": image_date(),
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": image_date(), "created_by": f"envspec: {layer.title}"} for layer in layers],
    }


def image_date() -> str:
    """The image's date, which is that of its files."""
    return dt.datetime.fromtimestamp(tar.archive_epoch(), tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def encode_document(document: Any) -> bytes:
    """JSON in one form only."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
