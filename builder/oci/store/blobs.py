"""The store of blobs: layers, configurations and manifests by their sha256, in an OCI layout's own form.

<home>/oci/blobs/sha256/<digest>      a whole blob, read-only
<home>/oci/layers/<key>.json          what a layer with that recipe became, so that it is not made twice
<home>/oci/partial/                   blobs under way
"""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
from collections.abc import Callable, Iterator
from typing import IO, Any

from isal import igzip

from builder.oci.store.compress import CHUNK, ISAL_ERROR, LayerWriter
from envspec.lockfile.lock import Digest
from envspec.spec.part import Part
from envspec.system import seen
from envspec.system.errors import SpoiledError
from envspec.system.home import disk_refusals, holding, make_folder, throw_away, write_atomic
from envspec.system.kept import Kept
from envspec.system.scratch import scratch_file

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


_open: Callable[[IO[bytes]], IO[bytes]] = igzip.open  # without types of its own


PARTIAL = "partial"
"""Folder with the blobs under way."""


class Descriptor(Part):
    """A blob as manifests name it. Source: OCI image specification, content descriptors."""

    media: str
    digest: Digest
    size: int
    """In bytes."""

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"mediaType": self.media, "digest": self.digest, "size": self.size}


class Layer(Descriptor):
    """A layer: its blob, and the archive inside."""

    diff_id: Digest
    """Digest of the tar archive, uncompressed; an image's identity is made of these."""
    length: int
    """Bytes of that archive."""
    title: str
    """What it holds, for the image's history."""


class Blobs:
    """The store. Safe for any number of processes at once."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self._layers: Kept[Layer] = Kept(root / "layers", Layer)

    def path(self, digest: str) -> pathlib.Path:
        """Where the blob stands, or would stand."""
        algorithm, _, code = digest.partition(":")
        return self.root / "blobs" / algorithm / code

    def has(self, blob: Descriptor) -> bool:
        """Whether the blob is there, whole and right; one that is not is named and thrown away.

        It is read only where it looks otherwise than when it was read last.
        """
        return seen.holds(self.path(blob.digest), _code(blob.digest), blob.size)

    def put(self, data: bytes, media: str) -> Descriptor:
        """Store a small blob."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        blob = Descriptor(media=media, digest=digest, size=len(data))
        if not self.has(blob):
            write_atomic(self.path(digest), data)
            seen.note(self.path(digest), _code(digest))
        return blob

    def read(self, blob: Descriptor) -> bytes:
        """The bytes of a small blob, checked. Raises `SpoiledError`."""
        return b"".join(self.chunks(blob))

    def chunks(self, blob: Descriptor) -> Iterator[bytes]:
        """The bytes of a blob, checked at its end; a damaged one is thrown away.

        Raises `SpoiledError`.
        """
        digest = hashlib.sha256()
        with self._opened(blob) as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                yield chunk
        if f"sha256:{digest.hexdigest()}" != blob.digest:
            raise self._damaged(blob)

    @contextlib.contextmanager
    def unpacked(self, layer: Layer) -> Iterator[IO[bytes]]:
        """The tar archive inside a layer, to be read from its start. Raises `SpoiledError` if it is gone."""
        with self._opened(layer) as packed, _open(packed) as stream:
            yield stream

    @contextlib.contextmanager
    def _opened(self, blob: Descriptor) -> Iterator[IO[bytes]]:
        try:
            stream = self.path(blob.digest).open("rb")
        except OSError as error:  # it was there a moment ago
            raise SpoiledError(f"{blob.digest} in the store of layers") from error
        with stream:
            yield stream

    def reread(self, layer: Layer) -> None:
        """Read the whole of a layer with which something went wrong.

        Raises `SpoiledError` if it is not what it should be, which may be the cause; it is thrown away.
        """
        if not seen.holds(self.path(layer.digest), _code(layer.digest), layer.size, read=True):
            raise SpoiledError(f"{layer.digest} in the store of layers")

    def plain(self, layer: Layer) -> Iterator[bytes]:
        """The archive inside a layer, in pieces, of the length that is known of it. Raises `SpoiledError`."""
        count = 0
        with self.unpacked(layer) as stream:
            while True:
                try:
                    chunk = stream.read(CHUNK)
                except (OSError, EOFError, ISAL_ERROR) as error:
                    raise self._damaged(layer) from error
                if not chunk:
                    break
                count += len(chunk)
                yield chunk
        if count != layer.length:
            raise self._damaged(layer)

    def _damaged(self, blob: Descriptor) -> SpoiledError:
        throw_away(self.path(blob.digest), "is damaged")
        return SpoiledError(f"{blob.digest} in the store of layers")

    @contextlib.contextmanager
    def incoming(self) -> Iterator[IO[bytes]]:
        """A file for a blob under way; it is gone afterwards unless `keep` took it."""
        with (
            disk_refusals(self.root / PARTIAL),
            scratch_file("blob", self.root / PARTIAL) as file,
            file.open("w+b", buffering=CHUNK) as stream,
        ):
            yield stream

    def keep(self, stream: IO[bytes], digest: str) -> None:
        """Take a whole blob in, by one rename."""
        stream.flush()
        place = self.path(digest)
        make_folder(place.parent)
        if place.is_dir():
            throw_away(place, "is no file")
        partial = pathlib.Path(stream.name)
        partial.chmod(0o444)
        partial.replace(place)
        seen.note(place, _code(digest))

    def known(self, key: str) -> Layer | None:
        """The layer that was made by that recipe, if it still is there."""
        layer = self._layers.get(key)
        return layer if layer is not None and self.has(layer) else None

    def remember(self, key: str, layer: Layer) -> None:
        """Keep which layer a recipe became."""
        self._layers.put(key, layer)

    def layer(self, key: str, title: str, fill: Callable[[LayerWriter], None], *, level: int = 6) -> Layer:
        """The layer of that recipe: found, or filled by `fill` and kept.

        Raises `OutsideError` when the disk refuses, and what `fill` raises; nothing half-made stays.
        """
        found = self.known(key)
        if found is not None:
            return found if found.title == title else found.model_copy(update={"title": title})
        with holding(self.root / "layers" / key):
            found = self.known(key)  # another run may have made it meanwhile
            if found is None:
                found = self._make(key, title, fill, level)
        return found

    def _make(self, key: str, title: str, fill: Callable[[LayerWriter], None], level: int) -> Layer:
        with self.incoming() as stream:
            writer = LayerWriter(stream, level=level)
            fill(writer)
            written = writer.close()
            self.keep(stream, written.digest)
        layer = Layer(
            media=LAYER,
            digest=written.digest,
            size=written.size,
            diff_id=written.diff_id,
            length=written.length,
            title=title,
        )
        self.remember(key, layer)
        return layer


def _code(digest: str) -> str:
    return digest.partition(":")[2]
