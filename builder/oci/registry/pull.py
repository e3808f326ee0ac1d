"""Bases out of registries, by digest."""

from __future__ import annotations

from typing import Any

import pydantic

from builder.oci.image.base import BaseImage, read_base
from builder.oci.registry.repository import Registry
from builder.oci.store.blobs import CONFIG, LAYER, Blobs, Descriptor
from envspec.system.errors import OutsideError
from envspec.system.progress import Progress


def pull_base(
    name: str, target: str, machine: str, python: str, registry: Registry, blobs: Blobs, progress: Progress
) -> BaseImage:
    """The base behind a tag or digest, for that processor (`amd64`), its layers in the store.

    Raises `OutsideError` when the registry does not have it, or has something else.
    """
    _, document = registry.manifest(target)
    if "manifests" in document:
        _, document = registry.manifest(_platform(name, document, machine))
    try:
        config = Descriptor(
            media=CONFIG, digest=document["config"]["digest"], size=document["config"]["size"]
        )
        listed = [(layer["mediaType"], layer["digest"], layer["size"]) for layer in document["layers"]]
    except (KeyError, TypeError, pydantic.ValidationError) as error:
        raise OutsideError(f"{name}: its manifest cannot be read", hint="is it an image?") from error
    registry.pull(config, blobs)
    layers = []
    for media, layer_digest, size in listed:
        if not str(media).endswith(("tar+gzip", "tar.gzip")):
            raise OutsideError(f"{name}: layers of type {media} cannot be read here", hint="use an engine")
        layers.append(Descriptor(media=LAYER, digest=layer_digest, size=size))
    for layer in layers:
        progress.note(f"pull {layer.digest[:19]}")
        registry.pull(layer, blobs)
    return read_base(name, config, layers, machine, python, blobs)


def _platform(name: str, document: dict[str, Any], machine: str) -> str:
    for entry in document["manifests"]:
        platform = entry.get("platform") or {}
        if platform.get("architecture") == machine and platform.get("os") == "linux":
            return str(entry["digest"])
    raise OutsideError(f"{name} is not there for {machine}", hint="name another image in [base]")
