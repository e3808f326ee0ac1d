"""Single files of a stack of layers, without unpacking anything."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Collection, Iterable

from builder.oci.store.blobs import Blobs, Layer
from builder.oci.store.compress import ISAL_ERROR
from envspec.system.errors import OutsideError

_LARGEST = 1 << 20
"""Bytes of a file that is read; of larger ones only the presence is told."""


def look_into_layers(layers: Iterable[Layer], blobs: Blobs, wanted: Collection[str]) -> dict[str, bytes]:
    """The bytes of each wanted path that is there; upper layers hide lower ones.

    Links and large files give empty bytes. Raises `OutsideError` for a layer that cannot be read.
    """
    found: dict[str, bytes] = {}
    for layer in layers:
        try:
            with (
                blobs.unpacked(layer) as stream,
                tarfile.open(fileobj=stream, mode="r|") as archive,
            ):
                for info in archive:
                    _note(found, info, archive, wanted)
        except (tarfile.TarError, OSError, EOFError, zlib.error, ISAL_ERROR, ValueError) as error:
            blobs.reread(layer)
            raise OutsideError(f"layer {layer.title} of the base cannot be read ({error})") from error
    return found


def _note(
    found: dict[str, bytes], info: tarfile.TarInfo, archive: tarfile.TarFile, wanted: Collection[str]
) -> None:
    path = info.name.removeprefix("./").strip("/")
    folder, _, name = path.rpartition("/")
    if name.startswith(".wh."):  # the layer removes what a lower one has
        found.pop(f"{folder}/{name.removeprefix('.wh.')}".lstrip("/"), None)
    elif path in wanted:
        stream = archive.extractfile(info) if info.isreg() and info.size <= _LARGEST else None
        found[path] = stream.read() if stream else b""
