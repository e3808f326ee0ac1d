"""Libraries that a file opens by name while it runs: NVIDIA's sonames that stand in its data as texts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from envspec.proof.abi.elf import Elf, ElfError, ElfReader
from envspec.proof.gpu.cuda_libraries import cuda_library

_TEXT = re.compile(rb"lib(?:cu[A-Za-z]|nv[A-Za-z]|nccl|npp)[A-Za-z0-9_]{0,32}\.so(?:\.[0-9.]{1,16})?\0")
_PROGBITS, _ALLOC, _EXECUTABLE = 1, 2, 4
_DEVICE_CODE = (b".nv_fatbin\0", b"__nv_relfatbin\0")
_MAX_SECTIONS = 4096
_MOST = 64
"""Names of one file; none has more than two dozen."""


def opened(reader: ElfReader, facts: Elf) -> tuple[str, ...]:
    """Sonames of CUDA's libraries among the texts of a file, sorted, without those of its tables, `facts`.

    They stand in data, so that code and device code, most of a large file, are passed over.
    """
    own = {facts.soname, *facts.needed}
    found: set[str] = set()
    for start, size in _data(reader):
        for match in _TEXT.finditer(reader.data, start, start + size):
            name = match.group()[:-1].decode()
            if name not in own and cuda_library(name):
                found.add(name)
        if len(found) > _MOST:
            return ()
    return tuple(sorted(found))


def _data(reader: ElfReader) -> Iterator[tuple[int, int]]:
    """(place, bytes) of each part of the file that may hold texts."""
    sections = list(_sections(reader))
    if sections:
        yield from sections
        return
    for segment in reader.segments:
        if not segment.executable:
            yield segment.offset, segment.file_size


def _sections(reader: ElfReader) -> Iterator[tuple[int, int]]:
    """The same by section headers, which know device code; nothing where a file lost them."""
    place, size, count, names = reader.section_table
    if size != 64 or not 0 < count <= _MAX_SECTIONS:
        return
    try:
        heads = [reader.unpack("<IIQQQQIIQQ", place + index * 64) for index in range(count)]
        titles = heads[names][4] if names < count else 0
        for name, kind, flags, _, offset, length, *_ in heads:
            if kind != _PROGBITS or not flags & _ALLOC or flags & _EXECUTABLE:
                continue
            if offset + length > reader.size:
                return
            title = bytes(reader.data[titles + name : titles + name + 16])
            if not title.startswith(_DEVICE_CODE):
                yield offset, length
    except ElfError:
        return
