"""Bases out of registries, by digest."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pydantic

from builder.oci.base import Base, python_version
from builder.oci.blobs import CONFIG, LAYER, Blobs, Descriptor, Layer
from builder.oci.compress import CHUNK
from builder.oci.registry import Registry
from envspec.errors import OutsideError
from envspec.home import write_atomic
from envspec.progress import Progress


def pull(
    name: str, target: str, machine: str, python: str, registry: Registry, blobs: Blobs, progress: Progress
) -> Base:
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
    return read(name, config, layers, machine, python, blobs)


def _platform(name: str, document: dict[str, Any], machine: str) -> str:
    for entry in document["manifests"]:
        platform = entry.get("platform") or {}
        if platform.get("architecture") == machine and platform.get("os") == "linux":
            return str(entry["digest"])
    raise OutsideError(f"{name} is not there for {machine}", hint="name another image in [base]")


def read(
    name: str, config: Descriptor, packed: list[Descriptor], machine: str, python: str, blobs: Blobs
) -> Base:
    """The base that a configuration and its layers, both in the store, make up. Raises `OutsideError`."""
    try:
        document = json.loads(blobs.read(config))
        settings = document.get("config") or {}
        diff_ids = document["rootfs"]["diff_ids"]
        architecture = document.get("architecture", machine)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutsideError(f"{name}: its configuration cannot be read", hint="is it an image?") from error
    if len(diff_ids) != len(packed) or architecture != machine:
        raise OutsideError(f"{name} is not an image for {machine}", hint="name another image in [base]")
    title = f"base {name}"
    base = Base(
        name=name,
        machine=machine,
        layers=tuple(_layer(blob, diff, title, blobs) for blob, diff in zip(packed, diff_ids, strict=True)),
        settings=settings,
    )
    return base.model_copy(update={"version": python_version(base.variables, python)})


def _layer(blob: Descriptor, diff_id: str, title: str, blobs: Blobs) -> Layer:
    """The layer, its inside checked once and remembered."""
    key = f"base-{blob.digest.removeprefix('sha256:')}"
    known = blobs.known(key)
    if known is not None and known.diff_id == diff_id:
        return known.model_copy(update={"title": title})
    plain = hashlib.sha256()
    length = 0
    rough = Layer(media=LAYER, digest=blob.digest, size=blob.size, diff_id=diff_id, length=0, title=title)
    try:
        with blobs.unpacked(rough) as stream:
            while chunk := stream.read(CHUNK):
                plain.update(chunk)
                length += len(chunk)
    except (OSError, EOFError, ValueError) as error:
        raise OutsideError(f"{title}: a layer cannot be read ({error})") from error
    if f"sha256:{plain.hexdigest()}" != diff_id:
        raise OutsideError(f"{title}: a layer holds something else than its configuration says")
    layer = rough.model_copy(update={"length": length})
    write_atomic(blobs.root / "layers" / f"{key}.json", layer.model_dump_json())
    return layer
