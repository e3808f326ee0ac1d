"""Images remembered: what a plan became, so that nothing is read again where nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from builder.oci.image.documents import Image
from builder.oci.store.blobs import Blobs, Layer
from envspec.spec.part import Part
from envspec.system.kept import Kept

_Part = TypeVar("_Part", bound=Part)


class LayerStack(Part):
    """Layers that were made together."""

    layers: tuple[Layer, ...]


class ImageRecord(Part):
    """What a plan became."""

    image: Image
    base: int
    """How many of its layers are its base's."""
    machine: str
    """`amd64` or `arm64`."""


class Records:
    """What is remembered, beside the blobs it speaks of."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._stacks: Kept[LayerStack] = Kept(blobs.root / "stacks", LayerStack)
        self._images: Kept[ImageRecord] = Kept(blobs.root / "images", ImageRecord)

    def stack(self, key: str, make: Callable[[], tuple[Layer, ...]]) -> tuple[Layer, ...]:
        """The layers of that recipe: remembered if all are still there, else made."""
        found = self._stacks.get(key)
        if found is not None and all(map(self._blobs.has, found.layers)):
            return found.layers
        layers = make()
        self._stacks.put(key, LayerStack(layers=layers))
        return layers

    def fact(self, key: str, kind: type[_Part], make: Callable[[], _Part]) -> _Part:
        """What was read of blobs of that key's names, which never changes: remembered, else made."""
        kept: Kept[_Part] = Kept(self._blobs.root / "facts", kind)
        return kept.get_or_make(key, make)

    def image(self, key: str) -> ImageRecord | None:
        """The image of that name or recipe, if all of it is still there."""
        found = self._images.get(key)
        if found is None:
            return None
        blobs = (*found.image.layers, found.image.config, found.image.manifest)
        return found if all(map(self._blobs.has, blobs)) else None

    def remember(self, key: str, record: ImageRecord) -> None:
        """Keep what a recipe became."""
        self._images.put(key, record)
