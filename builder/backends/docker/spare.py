"""What an engine has of our own that nobody wants any more: images of earlier builds, and bases of them."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from builder.backends.docker.engine import Engine
from builder.backends.docker.sdk import APIError, translated
from builder.inside import places

_OURS = "envspec/"
"""Begins the names that builds give; names that people gave are theirs."""
_BASE = "envspec/base:"
"""Begins those of bases."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class OwnImage:
    """One image of ours."""

    id: str
    names: tuple[str, ...]
    """Those that builds gave it; none where it lost its last one."""
    size: int
    """Bytes that no other image shares."""
    created: float
    """In seconds since 1970."""
    spare: bool
    """Whether a later build of the same spec, or a later base of the same suite, stands beside it."""


def own_images(engine: Engine) -> tuple[OwnImage, ...]:
    """The images of ours that an engine has. Raises `OutsideError`."""
    with translated(engine.address.host):
        images = [each for each in engine.client.df()["Images"] or () if _names(each) or _lost(each)]
    wanted = set(_wanted(images))
    below = {layers[0] for each in images if each["Id"] in wanted and (layers := engine.layers(each["Id"]))}
    return tuple(
        OwnImage(
            id=each["Id"],
            names=_names(each),
            size=each["Size"] - max(each.get("SharedSize") or 0, 0),
            created=float(each["Created"]),
            spare=each["Id"] not in wanted and not (_is_base(each) and below & {*engine.layers(each["Id"])}),
        )
        for each in images
    )


def remove_spare(engine: Engine, images: Iterable[OwnImage]) -> tuple[OwnImage, ...]:
    """Remove images, as far as no container stands on them; those that are gone. Raises `OutsideError`."""
    gone = []
    for image in images:
        with translated(engine.address.host):
            try:
                for name in image.names or (image.id,):
                    engine.client.images.remove(name)
            except APIError as error:
                if error.status_code not in {404, 409}:  # another was quicker, or somebody uses it
                    raise
            else:
                gone.append(image)
    return tuple(gone)


def _wanted(images: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Of each spec's builds, and of each suite's bases, the last one."""
    last: dict[str, Mapping[str, Any]] = {}
    kinds: collections.defaultdict[str, list[Mapping[str, Any]]] = collections.defaultdict(list)
    for each in images:
        for name in _names(each):
            repository, _, tag = name.rpartition(":")
            kinds[f"{repository}:{tag.rpartition('-')[0]}"].append(each)
    for kind, found in kinds.items():
        last[kind] = max(found, key=lambda one: float(one["Created"]))
    yield from (each["Id"] for each in last.values())


def _names(image: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in image.get("RepoTags") or () if name.startswith(_OURS))


def _lost(image: Mapping[str, Any]) -> bool:
    """Whether it is an image that a build made and that has no name left."""
    named = [name for name in image.get("RepoTags") or () if name != "<none>:<none>"]
    return not named and f"{places.LABEL}.lock" in (image.get("Labels") or {})


def _is_base(image: Mapping[str, Any]) -> bool:
    return any(name.startswith(_BASE) for name in _names(image))
