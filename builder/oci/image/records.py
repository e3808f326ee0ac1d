"""Images remembered: what a plan became, so that nothing is read again where nothing changed."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import TypeVar

import pydantic

from builder.oci.image.documents import Image
from builder.oci.store.blobs import Blobs, Layer
from envspec.spec.model import Part
from envspec.system.home import write_atomic

_Part = TypeVar("_Part", bound=Part)


class Stack(Part):
    """Layers that were made together."""

    layers: tuple[Layer, ...]


class Record(Part):
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

    def stack(self, key: str, make: Callable[[], tuple[Layer, ...]]) -> tuple[Layer, ...]:
        """The layers of that recipe: remembered if all are still there, else made."""
        file = self._file("stacks", key)
        found = _read(file, Stack)
        if found is not None and all(map(self._blobs.has, found.layers)):
            return found.layers
        layers = make()
        write_atomic(file, Stack(layers=layers).model_dump_json())
        return layers

    def fact(self, key: str, kind: type[_Part], make: Callable[[], _Part]) -> _Part:
        """What was read of blobs of that key's names, which never changes: remembered, else made."""
        file = self._file("facts", key)
        found = _read(file, kind)
        if found is None:
            found = make()
            write_atomic(file, found.model_dump_json())
        return found

    def image(self, key: str) -> Record | None:
        """The image of that name or recipe, if all of it is still there."""
        found = _read(self._file("images", key), Record)
        if found is None:
            return None
        blobs = (*found.image.layers, found.image.config, found.image.manifest)
        return found if all(map(self._blobs.has, blobs)) else None

    def remember(self, key: str, record: Record) -> None:
        """Keep what a recipe became."""
        write_atomic(self._file("images", key), record.model_dump_json())

    def _file(self, kind: str, key: str) -> pathlib.Path:
        return self._blobs.root / kind / f"{key}.json"


def _read(file: pathlib.Path, kind: type[_Part]) -> _Part | None:
    try:
        return kind.model_validate_json(file.read_bytes())
    except (OSError, pydantic.ValidationError):
        return None
