"""Everything read from one compiled file of a wheel, and its JSON form for the fact store."""

from __future__ import annotations

import contextlib
import dataclasses
import posixpath
import struct
from collections.abc import Callable, Mapping
from typing import Any

from envspec.proof.abi import elf, numpy, structs
from envspec.proof.abi.numpy import NO_FACTS, NumpyFacts
from envspec.proof.abi.opened import opened
from envspec.supply.wheel import Buffer, Wheel

READER = "binaries"
READER_IN_PART = "binaries-in-part"
"""For what was read of an excerpt of a wheel, so that whoever has the whole wheel reads all of it."""
VERSION = 20
"""Raise it whenever a reader below learns something: kept facts of older versions are read anew."""

_HEAD, _MACHINE = 64, 18
"""Bytes of an ELF file's header, and where its machine stands there (System V ABI)."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Binary:
    """One compiled file."""

    path: str
    """Where it lands, below site-packages."""
    problem: str = ""
    """Why it cannot be loaded at all; the other facts are empty then."""
    elf: elf.Elf | None = None
    numpy: NumpyFacts = NO_FACTS
    """Its own; `numpy.inherited` adds those of its libraries."""
    needs: tuple[structs.StructNeed, ...] = ()
    """Struct sizes that it insists on, of any module."""
    provides: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Full type name to the size of its struct."""
    opens: tuple[str, ...] = ()
    """Sonames of CUDA's libraries that it knows by name and may open; what it links is in `elf.needed`."""
    opaque: bool = False
    """Whether its name is all that is known: what it needs and defines was not fetched, and nobody may say
    that it lacks something."""


def read(path: str, data: Buffer) -> Binary:
    """All facts of one file; broken ones come back with their problem.

    Only what the loader needs can break a file: what is read off its code and data beyond that stays empty
    where it cannot be found.
    """
    try:
        reader = elf.ElfReader(data)
        facts = reader.facts()
    except elf.ElfError as error:
        return Binary(path=path, problem=str(error))
    needs = structs.needs(reader)
    provides: Mapping[str, int] = {}
    if facts.python_inits:
        with contextlib.suppress(elf.ElfError):
            provides = structs.provided(reader)
    return Binary(
        path=path,
        elf=facts,
        numpy=numpy.header_facts(reader, numpy.numpy_structs(needs)),
        needs=needs,
        provides=provides,
        opens=opened(reader, facts),
    )


def read_wheel(wheel: Wheel, also: Callable[[str, Buffer], object] | None = None) -> tuple[Binary, ...]:
    """The facts of every compiled file of an open wheel; `WheelError` when one cannot be inflated.

    `also` is given the path and the bytes of each, so that other readers need not inflate them once more.
    """
    names = {name: path for path, name in wheel.library.items()}
    found: list[Binary] = []
    for name in wheel.binaries:
        if name in wheel.lacks:
            head = wheel.head(name, 64)
            if elf.is_elf(head) or name in wheel.extension_modules.values():
                found.append(by_name(names.get(name, name), head))
            continue
        with wheel.buffer(name) as data:
            # Linker scripts and empty stand-ins have such names too; what Python would import must be ELF.
            if elf.is_elf(data) or name in wheel.extension_modules.values():
                found.append(read(names.get(name, name), data))
                if also:
                    also(names.get(name, name), data)
    return tuple(found)


def by_name(path: str, head: bytes) -> Binary:
    """A file of which only the first 64 bytes are at hand: found by its name, and for the machine it says."""
    if len(head) < _HEAD or not elf.is_elf(head):
        return Binary(path=path, problem="no ELF magic at its start")
    (machine,) = struct.unpack_from("<H", head, _MACHINE)
    facts = elf.Elf(
        machine=elf.MACHINES.get(machine, str(machine)),
        soname=posixpath.basename(path),
        needed=(),
        rpath=(),
        runpath=(),
        defined=(),
        undefined=(),
        version_needs=(),
        version_definitions=(),
        cpu_level=1,
    )
    return Binary(path=path, elf=facts, opaque=True)


def as_json(binaries: tuple[Binary, ...]) -> list[dict[str, Any]]:
    """JSON form; symbols as short rows, for there are hundreds of thousands."""
    return [_binary_json(binary) for binary in binaries]


def from_json(rows: list[dict[str, Any]]) -> tuple[Binary, ...]:
    """The inverse of `as_json`."""
    return tuple(_binary(row) for row in rows)


def _binary_json(binary: Binary) -> dict[str, Any]:
    row: dict[str, Any] = {"path": binary.path}
    if binary.problem:
        return row | {"problem": binary.problem}
    if binary.opaque:
        row["opaque"] = True
    if binary.elf:
        row["elf"] = _elf_json(binary.elf)
    if binary.numpy:
        row["numpy"] = [binary.numpy.headers, binary.numpy.oldest]
    if binary.needs:
        row["needs"] = [[need.module, need.name, need.size] for need in binary.needs]
    if binary.provides:
        row["provides"] = dict(binary.provides)
    if binary.opens:
        row["opens"] = list(binary.opens)
    return row


def _binary(row: dict[str, Any]) -> Binary:
    needs = tuple(structs.StructNeed(module=m, name=n, size=s) for m, n, s in row.get("needs", []))
    headers, oldest = row.get("numpy", [0, ""])
    return Binary(
        path=row["path"],
        problem=row.get("problem", ""),
        elf=_elf(row["elf"]) if "elf" in row else None,
        numpy=NumpyFacts(headers=headers, oldest=oldest, structs=numpy.numpy_structs(needs)),
        needs=needs,
        provides=row.get("provides", {}),
        opens=tuple(row.get("opens", ())),
        opaque=row.get("opaque", False),
    )


def _elf_json(facts: elf.Elf) -> dict[str, Any]:
    row = {field.name: getattr(facts, field.name) for field in dataclasses.fields(facts)}
    for key in ("defined", "undefined"):
        row[key] = [(s.name, s.version, s.library, s.weak + 2 * (not s.default)) for s in row[key]]
    return row


def _elf(row: dict[str, Any]) -> elf.Elf:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    for key in ("defined", "undefined"):
        values[key] = tuple(
            elf.Symbol(name=n, version=v, library=lib, weak=bool(flags & 1), default=not flags & 2)
            for n, v, lib, flags in row[key]
        )
    values["version_needs"] = tuple((library, version) for library, version in row["version_needs"])
    return elf.Elf(**values)
