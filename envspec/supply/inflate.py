"""Inflates files of zip archives in pieces, two to three times faster than zlib."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import IO, cast

from isal import igzip_lib, isal_zlib

INFLATE_ERROR = cast("type[Exception]", igzip_lib.IsalError)  # its stub has an instance for the class

_PACKED = 1 << 17
"""Bytes that are read at a time."""
_PLAIN = 1 << 20
"""Bytes that become of them at most before they are given."""
_RAW = -15
"""A stream without a header, with the longest window."""


def inflated(stream: IO[bytes], start: int, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a deflated file whose contents begin at `start`, never more than it should have.

    Raises `INFLATE_ERROR` and `zipfile.BadZipFile` where they are not what the archive says.
    """
    inflater = isal_zlib.decompressobj(_RAW)
    place, left, size, crc = start, info.compress_size, 0, 0
    while left and not inflater.eof:
        stream.seek(place)
        waiting = stream.read(min(left, _PACKED))
        if not waiting:
            raise zipfile.BadZipFile("it is cut off")
        place, left = place + len(waiting), left - len(waiting)
        while waiting and not inflater.eof:
            plain = inflater.decompress(waiting, _PLAIN)
            waiting = inflater.unconsumed_tail
            size, crc = size + len(plain), isal_zlib.crc32(plain, crc)
            if size > info.file_size:
                raise zipfile.BadZipFile(f"it has more than {info.file_size} bytes")
            yield plain
    if not inflater.eof or crc != info.CRC:
        raise zipfile.BadZipFile("its checksum or its end is wrong")
