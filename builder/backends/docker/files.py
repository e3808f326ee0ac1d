"""What stands in an image of an engine, asked through a container of it that is never started."""

from __future__ import annotations

import contextlib
import io
import posixpath
import tarfile
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from builder.backends.docker.container import thrown_away
from builder.backends.docker.engine import Engine
from builder.backends.docker.sdk import NotFound, translated
from builder.oci.store.lookup import Standing, standing_of

_LARGEST = 1 << 20
"""Bytes of a file that is read."""


class ImageFiles:
    """The files of a container that never ran; see `builder.image.copies.BaseFiles`."""

    def __init__(self, engine: Engine, container: Any) -> None:
        self._engine = engine
        self._container = container

    def standing(self, wanted: Collection[str]) -> Mapping[str, Standing]:
        """What stands at each of the paths that exist; one is asked for only where a folder is above it."""
        found: dict[str, Standing] = {}
        for path in sorted(wanted):
            above = posixpath.dirname(path)
            if above == "/" or (above in found and found[above].kind == "folder"):
                what = self._at(path)
                if what is not None:
                    found[path] = what
        return found

    def _at(self, path: str) -> Standing | None:
        """What stands there, by the first entry of the archive that the engine makes of it."""
        with translated(self._engine.address.host):
            try:
                stream, said = self._container.get_archive(path)
            except NotFound:
                return None
            with contextlib.closing(stream):
                if said["linkTarget"]:  # where it leads in the end
                    return Standing(kind="link", goal=said["linkTarget"])
                head = next(iter(stream), b"")[: tarfile.BLOCKSIZE]
        return standing_of(tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape"))

    def passwd(self) -> str:
        """The image's `/etc/passwd`; empty without one."""
        with translated(self._engine.address.host):
            try:
                stream, _ = self._container.get_archive("/etc/passwd")
            except NotFound:
                return ""
            data = b"".join(stream)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for info in archive:
                if info.isreg() and info.size <= _LARGEST:
                    opened = archive.extractfile(info)
                    return opened.read().decode("utf-8", "replace") if opened else ""
        return ""


@contextlib.contextmanager
def image_files(engine: Engine, image: str) -> Iterator[ImageFiles]:
    """The files of an image, while the block runs. Raises `OutsideError`."""
    with translated(engine.address.host):
        container = engine.client.containers.create(image, command=["/nothing"], network_mode="none")
    with thrown_away(container):
        yield ImageFiles(engine, container)
