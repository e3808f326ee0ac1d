"""A wheel's members as they are packed, for layers that take them over without compressing anew."""

from __future__ import annotations

import dataclasses
import os
import struct
import zipfile
from collections.abc import Iterator

from builder.oci.store.compress import CHUNK, DamagedError
from envspec.supply.wheel import Wheel

_HEAD = struct.Struct("<4s22xHH")  # signature, then the lengths of name and extra field: APPNOTE 4.3.7


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PackedMember:
    """One file of a wheel, not read yet."""

    descriptor: int
    """Open file descriptor of the wheel."""
    offset: int
    """Of the local header."""
    packed_size: int
    size: int
    """Bytes, inflated."""
    crc: int

    def packed(self) -> Iterator[bytes]:
        """The bytes as they stand in the wheel. Raises `DamagedError`."""
        head = os.pread(self.descriptor, _HEAD.size, self.offset)
        if len(head) != _HEAD.size:
            raise DamagedError("the archive ends too early")
        signature, name, extra = _HEAD.unpack(head)
        if signature != b"PK\3\4":
            raise DamagedError("its place in the archive holds something else")
        place = self.offset + _HEAD.size + name + extra
        left = self.packed_size
        while left:
            chunk = os.pread(self.descriptor, min(left, CHUNK), place)
            if not chunk:
                raise DamagedError("the archive ends too early")
            place += len(chunk)
            left -= len(chunk)
            yield chunk


class PackedWheel(Wheel):
    """A wheel, judged as every wheel is, that also gives its members unread."""

    def member(self, name: str) -> PackedMember | None:
        """The deflated member of that name; None where it is stored otherwise and must be read plainly."""
        info = self._info(name)
        if info.compress_type != zipfile.ZIP_DEFLATED or not info.file_size:
            return None
        return PackedMember(
            descriptor=self._stream.fileno(),
            offset=info.header_offset,
            packed_size=info.compress_size,
            size=info.file_size,
            crc=info.CRC,
        )

    def plain(self, name: str) -> Iterator[bytes]:
        """The bytes of a member, in pieces. Raises `WheelError`."""
        with self._trouble(f"{name} cannot be read"), self._zip.open(self._info(name)) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk

    def identity(self, name: str) -> tuple[int, int]:
        """Size and CRC-32: what tells two members' contents apart without reading them."""
        info = self._info(name)
        return info.file_size, info.CRC

    def executable(self, name: str) -> bool:
        """Whether the archive marks the member as a program."""
        return bool((self._info(name).external_attr >> 16) & 0o111)
