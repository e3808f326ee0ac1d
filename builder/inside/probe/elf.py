"""Just enough ELF to know whether a file is a Python extension module."""

from __future__ import annotations

import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

SHT_NOBITS = 8
SHT_DYNSYM = 11


def initialises(path: str, name: str) -> bool | None:
    """Whether the file exports `PyInit_<name>`; None where it is no readable ELF file."""
    try:
        with open(path, "rb") as stream:
            strings = _dynamic_strings(stream)
    except (OSError, struct.error, IndexError, ValueError):
        return None
    return strings is not None and b"\0PyInit_" + name.encode() + b"\0" in strings


def whole(path: str) -> bool:
    """Whether all sections of an ELF file lie within it: a file that was cut short lacks the last ones."""
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as stream:
            found = list(_sections(stream))
    except (OSError, struct.error, ValueError):
        return False
    return bool(found) and all(
        kind == SHT_NOBITS or offset + length <= size for kind, offset, length, _ in found
    )


def _sections(stream: BinaryIO) -> list[tuple[int, int, int, int]]:
    """Type, offset, size and link of each section. Layout: System V ABI, chapter 4.

    Raises struct.error or ValueError where the file is no ELF file or lacks its table.
    """
    head = stream.read(64)
    if head[:4] != b"\x7fELF":
        raise ValueError("not ELF")
    wide, order = head[4] == 2, "<" if head[5] == 1 else ">"
    if wide:
        table, size, count = (
            struct.unpack_from(order + "Q", head, 40)[0],
            *struct.unpack_from(order + "HH", head, 58),
        )
    else:
        table, size, count = (
            struct.unpack_from(order + "I", head, 32)[0],
            *struct.unpack_from(order + "HH", head, 46),
        )
    stream.seek(table)
    data = stream.read(size * count)
    # type, link, offset, size of each section
    layout = "4xI16xQQI" if wide else "4xI8xIII"
    return [struct.unpack_from(order + layout, data, size * index) for index in range(count)]


def _dynamic_strings(stream: BinaryIO) -> bytes | None:
    """The string table of the dynamic symbols."""
    sections = _sections(stream)
    for kind, _, _, link in sections:
        if kind == SHT_DYNSYM:
            _, offset, length, _ = sections[link]
            stream.seek(offset)
            return stream.read(length)
    return None
