"""What a name in a registry means: one image, or an index of an image's forms for several processors."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any

from builder.oci.image.documents import Image, encode_document
from builder.oci.registry.repository import Registry
from builder.oci.store.blobs import CONFIG, INDEX, Blobs, Descriptor
from envspec.spec.part import Part
from envspec.system.errors import OutsideError

TITLE = "org.opencontainers.image.title"
"""Label of an image, and annotation of an index: which spec it was made of."""

ROUNDS = 8
"""How often the name is given again because another run gave it meanwhile."""

PATIENCE = 0.2
"""Seconds, beyond twice the time that giving the name took, until it is looked at again."""


class Named(Part):
    """What a name means now."""

    digest: str
    machines: tuple[str, ...]
    """Processors, `amd64` and the like, that an image can be had for."""


def name_image(
    registry: Registry,
    image: Image,
    machine: str,
    target: str,
    blobs: Blobs,
    *,
    wait: Callable[[float], None] = time.sleep,
) -> Named:
    """Give an image its name; one of the same spec for another processor keeps it too, in an index of both.

    The registry has the image by its digest. No registry changes a name on a condition, so another run may
    give it at the same time. The name is looked at again after longer than giving it takes, and given again
    where the other did not know of this image. A later image for the same processor takes its place.

    Raises `OutsideError` when others never stop giving it.
    """
    title = _title(json.loads(blobs.read(image.config)))
    own = {**image.manifest.as_dict(), "platform": {"architecture": machine, "os": "linux"}}
    for _ in range(ROUNDS):
        began = time.monotonic()
        beside = [one for one in _held(registry, target, title) if one["platform"] != own["platform"]]
        entries = sorted([*beside, own], key=_machine)
        wanted = image.manifest
        if beside:
            index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
            wanted = blobs.put(encode_document({**index, "annotations": {TITLE: title}}), INDEX)
        registry.tag(wanted, blobs, target)
        wait(2 * (time.monotonic() - began) + PATIENCE * random.uniform(1, 2))  # noqa: S311 - only manners
        now = _held(registry, target, title)
        if not now or any(one["platform"] == own["platform"] for one in now):
            return Named(digest=wanted.digest, machines=tuple(map(_machine, entries)))
    raise OutsideError(f"{target} is given to other images all the time", hint="push one after the other")


def _held(registry: Registry, target: str, title: str) -> list[dict[str, Any]]:
    """The images of the spec behind a name, as an index lists them; nothing where it means anything else."""
    found = registry.find(target)
    if found is None:
        return []
    blob, document = found
    if "manifests" in document:
        own = (document.get("annotations") or {}).get(TITLE) == title
        return [entry for entry in document["manifests"] if "platform" in entry] if own else []
    named = document.get("config") or {}
    if named.get("mediaType") != CONFIG:  # an artifact, or what an engine pushed
        return []
    config = registry.document(Descriptor(media=CONFIG, digest=named["digest"], size=named["size"]))
    if _title(config) != title:
        return []
    return [{**blob.as_dict(), "platform": {key: config.get(key) for key in ("architecture", "os")}}]


def _machine(entry: dict[str, Any]) -> str:
    return str(entry["platform"]["architecture"])


def _title(config: dict[str, Any]) -> str:
    return str(((config.get("config") or {}).get("Labels") or {}).get(TITLE, ""))
