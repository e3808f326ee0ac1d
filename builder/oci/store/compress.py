"""Gzip layers made mostly without compressing: a zip's deflate streams become members of the gzip file.

A gzip file may have any number of members (RFC 1952, 2.2), so the stream that a wheel already holds is
copied as it is, between members that hold the tar headers. What is inflated is inflated for its hash only.
What must be compressed is cut into members of one size, which are compressed side by side.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import functools
import hashlib
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Protocol, cast

from isal import igzip_lib, isal_zlib

from builder.oci.store import tar
from builder.oci.store.tar import TarEntry

CHUNK = 1 << 20
"""Bytes held at a time, whatever a file weighs."""

_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # no name, no time, unknown system: nothing that could differ
ISAL_ERROR = cast("type[Exception]", igzip_lib.IsalError)  # its stub has an instance for the class
_RAW = -15  # deflate without a wrapper
_WHOLE = 4 * CHUNK  # of a member that is compressed aside
_SMALL = 4096  # up to here a small window does: setting up a large one costs 20 times the compression


class Deflated(Protocol):
    """A file's content that is there as a deflate stream."""

    @property
    def crc(self) -> int:
        """CRC-32 of the inflated bytes."""

    @property
    def size(self) -> int:
        """Inflated bytes."""

    def packed(self) -> Iterator[bytes]:
        """The deflate stream, in pieces."""


class DamagedError(ValueError):
    """Bytes that are not what their table of contents says."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What became of a layer."""

    digest: str
    """`sha256:...` of the compressed bytes."""
    size: int
    """Compressed bytes."""
    diff_id: str
    """`sha256:...` of the tar archive inside."""
    length: int
    """Bytes of that archive."""


class LayerWriter:
    """Writes one layer to `out`, entry by entry, hashing both what goes in and what comes out."""

    def __init__(self, out: IO[bytes], *, level: int = 6) -> None:
        self._out = out
        self._level = level
        self._mtime = tar.archive_epoch()
        self._plain = hashlib.sha256()
        self._plain_size = 0
        self._compressed = hashlib.sha256()
        self._compressed_size = 0
        self._pending = bytearray()
        self._aside: collections.deque[concurrent.futures.Future[bytes]] = collections.deque()

    def add(self, entry: TarEntry, content: bytes | Iterable[bytes] | Deflated = b"") -> None:
        """Append an entry. Raises `DamagedError` when `content` is not of the size and CRC promised."""
        self._write(tar.tar_header(entry, self._mtime))
        if isinstance(content, bytes):
            count = len(content)
            self._write(content)
        elif isinstance(content, Iterable):
            count = 0
            for chunk in content:
                count += len(chunk)
                self._write(chunk)
        else:
            count = self._splice(content)
        if count != entry.size:
            raise DamagedError(f"{entry.path} has {count} bytes instead of {entry.size}")
        self._write(tar.tar_padding(entry.size))

    def copy(self, archive: Iterable[bytes]) -> Written:
        """Take over a whole archive as it is, its end included; nothing else goes into this layer."""
        for chunk in archive:
            self._write(chunk)
        return self._written()

    def close(self) -> Written:
        """End the archive."""
        self._write(tar.END)
        return self._written()

    def _written(self) -> Written:
        self._flush()
        return Written(
            digest=f"sha256:{self._compressed.hexdigest()}",
            size=self._compressed_size,
            diff_id=f"sha256:{self._plain.hexdigest()}",
            length=self._plain_size,
        )

    def _write(self, data: bytes) -> None:
        self._hash(data)
        self._pending += data
        if len(self._pending) >= _WHOLE:
            self._put_aside()

    def _hash(self, data: bytes) -> None:
        self._plain.update(data)
        self._plain_size += len(data)

    def _put_aside(self) -> None:
        """Have what waits compressed while more comes in."""
        self._aside.append(_pool().submit(_member, bytes(self._pending), self._level))
        self._pending.clear()
        if len(self._aside) > _workers():  # what is held in memory stays bounded
            self._emit(self._aside.popleft().result())

    def _flush(self) -> None:
        """Write out what was put aside, and what waits as a member of its own."""
        while self._aside:
            self._emit(self._aside.popleft().result())
        if self._pending:
            self._emit(_member(bytes(self._pending), self._level))
            self._pending.clear()

    def _splice(self, content: Deflated) -> int:
        """Make the stream a member, and give its inflated size."""
        self._flush()
        self._emit(_HEAD)
        crc = 0
        count = 0
        inflater = isal_zlib.decompressobj(_RAW)
        try:
            for packed in content.packed():
                self._emit(packed)
                waiting = packed
                while waiting and not inflater.eof:
                    plain = inflater.decompress(waiting, CHUNK)
                    waiting = inflater.unconsumed_tail
                    crc = isal_zlib.crc32(plain, crc)
                    count += len(plain)
                    self._hash(plain)
                    if count > content.size:
                        raise DamagedError("it inflates to more bytes than it promises")
        except ISAL_ERROR as error:
            raise DamagedError(f"it cannot be inflated ({error})") from error
        if not inflater.eof or inflater.unused_data or crc != content.crc:
            raise DamagedError("its checksum or its end is wrong")
        self._emit(_trailer(crc, count))
        return count

    def _emit(self, data: bytes) -> None:
        self._compressed.update(data)
        self._compressed_size += len(data)
        self._out.write(data)


def _member(data: bytes, level: int) -> bytes:
    """A gzip member of these bytes."""
    small = len(data) <= _SMALL
    packer = zlib.compressobj(level, zlib.DEFLATED, -9 if small else _RAW, 1 if small else 8)
    return b"".join([_HEAD, packer.compress(data), packer.flush(), _trailer(zlib.crc32(data), len(data))])


def _workers() -> int:
    return os.cpu_count() or 1


@functools.cache
def _pool() -> concurrent.futures.Executor:
    return concurrent.futures.ThreadPoolExecutor(_workers(), thread_name_prefix="compress")


def _trailer(crc: int, size: int) -> bytes:
    return struct.pack("<II", crc, size & 0xFFFFFFFF)
