"""Just enough ELF to know whether a file is a Python extension module, and what symbols it has and wants."""

from __future__ import annotations

import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

SHT_DYNAMIC = 6
SHT_NOBITS = 8
SHT_DYNSYM = 11
DT_NEEDED = 1


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


def strings(path: str) -> bytes:
    """The names of a file's dynamic symbols, each between zeros; nothing where it cannot be read."""
    try:
        with open(path, "rb") as stream:
            return _dynamic_strings(stream) or b""
    except (OSError, struct.error, IndexError, ValueError):
        return b""


def symbols(path: str) -> tuple[set[str], set[str]]:
    """Dynamic symbols that a file defines, and those it wants of others; none where it cannot be read."""
    found = set(), set()  # type: tuple[set[str], set[str]]
    try:
        with open(path, "rb") as stream:
            sections = _sections(stream)
            for kind, offset, length, link in sections:
                if kind == SHT_DYNSYM:
                    stream.seek(sections[link][1])
                    strings = stream.read(sections[link][2])
                    stream.seek(offset)
                    # name, info, other, section, value, size of each: ELF64, as all that CUDA runs on
                    for name, _, _, section, _, _ in struct.iter_unpack("<IBBHQQ", stream.read(length)):
                        found[section == 0].add(strings[name : strings.index(b"\0", name)].decode("ascii"))
    except (OSError, struct.error, IndexError, ValueError):
        return set(), set()
    return found


def needed(path: str) -> list[str]:
    """The libraries that a file names; none where it cannot be read."""
    found = []  # type: list[str]
    try:
        with open(path, "rb") as stream:
            sections = _sections(stream)
            for kind, offset, length, link in sections:
                if kind == SHT_DYNAMIC:
                    stream.seek(sections[link][1])
                    names = stream.read(sections[link][2])
                    stream.seek(offset)
                    for tag, value in struct.iter_unpack("<QQ", stream.read(length)):
                        if tag == DT_NEEDED:
                            found.append(names[value : names.index(b"\0", value)].decode("ascii"))
    except (OSError, struct.error, IndexError, ValueError):
        return []
    return found
