"""A reader of device code in ELF files: which kinds for which architectures, never the code itself.

The compiler puts it into the section `.nv_fatbin`, in containers of entries whose headers tell all that is
asked here; nothing is decompressed. Layout of a container: magic, version (u16), bytes of its header (u16),
bytes of its entries (u64). Of an entry: kind (u16), version (u16), bytes of its header (u32), bytes of its
code (u64), version of its language (minor and major, u16 each, at 24), architecture (u32, at 28), flags (u64,
at 40). Compared with the lister of NVIDIA's toolkit, which shows the same.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from envspec.proof.abi.elf import Buffer, ElfError, ElfReader
from envspec.spec.cards import Architecture

SECTION = ".nv_fatbin"
MAGIC = b"\x50\xed\x55\xba"
_CONTAINER = struct.Struct("<4sHHQ")
_ENTRY = struct.Struct("<HHIQ8xHHI8xQ")
_PTX, _MACHINE = 1, 2
_ONLY_THAT, _FAMILY = 0x100000, 0x200000
_ARCHITECTURES = range(20, 1000)
"""Ten times the major number, and the minor one."""
_MAX_ENTRIES = 300_000
"""The largest library known has 15,000."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DeviceCode:
    """The device code of one file, or of several together."""

    machine: Mapping[Architecture, int] = dataclasses.field(default_factory=dict)
    """Architecture to the number of entries of machine code."""
    ptx: Mapping[Architecture, int] = dataclasses.field(default_factory=dict)
    """Architecture to the number of entries of PTX, which a driver compiles."""
    language: Mapping[Architecture, tuple[int, int]] = dataclasses.field(default_factory=dict)
    """The oldest version of PTX in which an architecture's stands."""
    other: int = 0
    """Entries of kinds that are neither: what they serve cannot be told."""
    problem: str = ""
    """Why not everything could be read; what else is said is then a part."""

    def __bool__(self) -> bool:
        return bool(self.machine or self.ptx or self.other or self.problem)

    @property
    def whole(self) -> bool:
        """Whether what is not listed surely is not there."""
        return not self.problem and not self.other


def read_device_code(data: Buffer) -> DeviceCode:
    """The device code of a compiled file; whatever is wrong with it is a `problem`, never an exception."""
    try:
        place = ElfReader(data).section(SECTION)
    except ElfError as error:
        return DeviceCode(problem=str(error))
    return DeviceCode() if place is None else read_entries(data, *place)


def read_entries(data: Buffer, start: int, size: int) -> DeviceCode:
    """The device code of a section that lies in `data`."""
    machine: dict[Architecture, int] = {}
    ptx: dict[Architecture, int] = {}
    language: dict[Architecture, tuple[int, int]] = {}
    other, problem = 0, ""
    try:
        for kind, version, code in _entries(data, start, start + size):
            if code is None or kind not in (_PTX, _MACHINE):
                other += 1
            elif kind == _MACHINE:
                machine[code] = machine.get(code, 0) + 1
            else:
                ptx[code] = ptx.get(code, 0) + 1
                language[code] = min(version, language.get(code, version))
    except ElfError as error:
        problem = str(error)
    return DeviceCode(machine=machine, ptx=ptx, language=language, other=other, problem=problem)


def _entries(data: Buffer, at: int, end: int) -> Iterator[tuple[int, tuple[int, int], Architecture | None]]:
    """(kind, version of the language, architecture) of each entry. Raises `ElfError`."""
    count = 0
    while (at := data.find(MAGIC, at, end)) >= 0:
        if at + _CONTAINER.size > end:
            raise ElfError("a container of device code is cut off")
        _, version, header, size = _CONTAINER.unpack_from(data, at)
        inner, last = at + header, at + header + size
        if version != 1 or header < _CONTAINER.size:
            raise ElfError("a container of device code has a form that nobody knows")
        if last > end:
            raise ElfError("a container of device code reaches beyond its section")
        while inner < last:
            if inner + _ENTRY.size > last:
                raise ElfError("an entry of device code is cut off")
            kind, _, head, payload, minor, major, number, flags = _ENTRY.unpack_from(data, inner)
            if head < _ENTRY.size or inner + head + payload > last:
                raise ElfError("an entry of device code reaches beyond its container")
            count += 1
            if count > _MAX_ENTRIES:
                raise ElfError(f"more than {_MAX_ENTRIES} entries of device code")
            yield kind, (major, minor), _architecture(number, flags)
            inner += head + payload
        at = last


def _architecture(number: int, flags: int) -> Architecture | None:
    both = flags & (_ONLY_THAT | _FAMILY)
    if number not in _ARCHITECTURES or both == _ONLY_THAT | _FAMILY:
        return None
    suffix = "a" if both == _ONLY_THAT else "f" if both else ""
    return Architecture(number // 10, number % 10, suffix)


def as_json(code: DeviceCode) -> dict[str, Any]:
    """JSON form, without what is empty."""
    row: dict[str, Any] = {
        "machine": {str(each): number for each, number in code.machine.items()},
        "ptx": {str(each): [code.ptx[each], *code.language[each]] for each in code.ptx},
        "other": code.other,
        "problem": code.problem,
    }
    return {key: value for key, value in row.items() if value}


def from_json(row: Mapping[str, Any]) -> DeviceCode:
    """The inverse of `as_json`."""
    ptx = {Architecture.parse(each): value for each, value in row.get("ptx", {}).items()}
    return DeviceCode(
        machine={Architecture.parse(each): number for each, number in row.get("machine", {}).items()},
        ptx={each: number for each, (number, _, _) in ptx.items()},
        language={each: (major, minor) for each, (_, major, minor) in ptx.items()},
        other=row.get("other", 0),
        problem=row.get("problem", ""),
    )
