"""Single files of a stack of layers, without unpacking anything."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Collection, Iterable
from typing import Literal

from builder.oci.store.blobs import Blobs, Layer
from builder.oci.store.compress import ISAL_ERROR
from envspec.spec.part import Part
from envspec.system.errors import OutsideError


class Standing(Part):
    """What stands at a path of an image."""

    kind: Literal["file", "folder", "link"]
    goal: str = ""
    """Of a link, what it leads to."""
    mode: int = 0o755
    user: int = 0
    group: int = 0


_LARGEST = 1 << 20
"""Bytes of a file that is read; of larger ones only the presence is told."""


def look_into_layers(layers: Iterable[Layer], blobs: Blobs, wanted: Collection[str]) -> dict[str, bytes]:
    """The bytes of each wanted path that is there; upper layers hide lower ones.

    Links and large files give empty bytes. Raises `OutsideError` for a layer that cannot be read.
    """
    found: dict[str, bytes] = {}
    _go_through(layers, blobs, lambda info, archive: _note(found, info, archive, wanted))
    return found


def standing_in_layers(layers: Iterable[Layer], blobs: Blobs, wanted: Collection[str]) -> dict[str, Standing]:
    """What stands at each wanted path that is there.

    Paths have no `/` at either end. Raises `OutsideError` for a layer that cannot be read.
    """
    found: dict[str, Standing] = {}
    _go_through(layers, blobs, lambda info, _: _note_kind(found, info, wanted))
    return found


def _note_kind(found: dict[str, Standing], info: tarfile.TarInfo, wanted: Collection[str]) -> None:
    path = info.name.removeprefix("./").strip("/")
    folder, _, name = path.rpartition("/")
    if name.startswith(".wh."):
        opaque = name == ".wh..wh..opq"
        gone = folder if opaque else f"{folder}/{name.removeprefix('.wh.')}".lstrip("/")
        for known in [each for each in found if each.startswith(f"{gone}/") or (each == gone and not opaque)]:
            del found[known]
        return
    while folder and folder not in found:  # archives may leave the folders above out
        if folder in wanted:
            found[folder] = Standing(kind="folder")
        folder = folder.rpartition("/")[0]
    if path in wanted:
        found[path] = standing_of(info)


def standing_of(info: tarfile.TarInfo) -> Standing:
    """What an archive's entry stands for."""
    if info.issym():
        return Standing(kind="link", goal=info.linkname)
    kind: Literal["file", "folder"] = "folder" if info.isdir() else "file"
    return Standing(kind=kind, mode=info.mode & 0o7777, user=info.uid, group=info.gid)


def _go_through(
    layers: Iterable[Layer], blobs: Blobs, note: Callable[[tarfile.TarInfo, tarfile.TarFile], None]
) -> None:
    """Call `note` for each entry, lowest layer first. Raises `OutsideError` for an unreadable layer."""
    for layer in layers:
        try:
            with (
                blobs.unpacked(layer) as stream,
                tarfile.open(fileobj=stream, mode="r|") as archive,
            ):
                for info in archive:
                    note(info, archive)
        except (tarfile.TarError, OSError, EOFError, zlib.error, ISAL_ERROR, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's own; what is wrong with the archive has no number
            blobs.reread(layer)
            raise OutsideError(f"layer {layer.title} of the base cannot be read ({error})") from error


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
