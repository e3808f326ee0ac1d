"""Layers that are made of a few small files: the empty environment, the entrypoint, the payload."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
from collections.abc import Collection, Iterable, Iterator

from builder.oci.store import tar
from builder.oci.store.blobs import Blobs, Layer
from builder.oci.store.compress import CHUNK, DamagedError, LayerWriter
from builder.oci.store.tar import Kind, TarEntry
from builder.values.tool import result_key
from envspec.system.errors import BuildError


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One entry of such a layer."""

    entry: TarEntry
    content: bytes | pathlib.Path = b""
    """A file's bytes, or where they stand on disk."""
    sha256: str = ""
    """Of a file on disk, where it is known already."""

    def chunks(self) -> Iterator[bytes]:
        """The bytes. Raises `DamagedError` where a file on disk is not the one that is known."""
        if isinstance(self.content, bytes):
            yield self.content
            return
        digest = hashlib.sha256()
        with self.content.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                yield chunk
        if self.sha256 and digest.hexdigest() != self.sha256:
            raise DamagedError(f"{self.content} changed while it was copied")

    def identity(self) -> tuple[str, ...]:
        """All that decides the entry's bytes."""
        entry = self.entry
        content = self.sha256 or hashlib.sha256(b"".join(self.chunks())).hexdigest()
        owner = (str(entry.user), str(entry.group)) if entry.user or entry.group else ()
        return entry.path, entry.kind, str(entry.mode), entry.link, str(entry.size), content, *owner


def file_piece(path: str, content: bytes, *, executable: bool = False) -> Piece:
    """A file with that content."""
    return Piece(
        entry=TarEntry(path=path, mode=0o755 if executable else 0o644, size=len(content)), content=content
    )


def link_piece(path: str, target: str) -> Piece:
    """A symbolic link."""
    return Piece(entry=TarEntry(path=path, kind=Kind.LINK, mode=0o777, link=target))


def folder_piece(path: str, user: int = 0, group: int = 0) -> Piece:
    """A folder, root's unless somebody else is named."""
    return Piece(entry=dataclasses.replace(tar.folder_entry(path), user=user, group=group))


def layer_of_pieces(
    title: str, pieces: Iterable[Piece], blobs: Blobs, *, known: Collection[str] = ("etc",)
) -> Layer:
    """The layer of those entries and the folders above them, but for `known` ones, which the base has.

    Raises `BuildError` for a file that changes meanwhile, `OutsideError` when the disk refuses.
    """
    by_path = {piece.entry.path: piece for piece in pieces}
    for path in list(by_path):
        for above in tar.parent_paths(path):
            if above not in known:
                by_path.setdefault(above, folder_piece(above))
    ordered = [by_path[path] for path in sorted(by_path)]

    def fill(writer: LayerWriter) -> None:
        for piece in ordered:
            try:
                writer.add(piece.entry, piece.chunks())
            except DamagedError as error:
                raise BuildError(
                    f"{piece.entry.path} changed while it was copied", hint="run again"
                ) from error

    key = result_key([tar.archive_epoch(), *(piece.identity() for piece in ordered)])
    return blobs.layer(key, title, fill)
