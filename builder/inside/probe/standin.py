"""A library in the driver's place on a machine without a card: all its functions say that there is no device.

It is written byte by byte, because a machine may have no compiler. Layout: System V ABI, chapters 4 and 5.
"""

from __future__ import annotations

import struct

MACHINES = {"x86_64": 62, "aarch64": 183}
"""The number of each machine in the header of an ELF file."""
NO_DEVICE = 100
"""CUDA_ERROR_NO_DEVICE. Source: cuda.h."""
NOT_LOADED = 9
"""NVML_ERROR_DRIVER_NOT_LOADED. Source: nvml.h."""
PAGE = 0x10000
"""The largest page of both machines: what is written to must not share one with code."""

PT_LOAD, PT_DYNAMIC, PT_GNU_STACK = 1, 2, 0x6474E551
DT_NULL, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SYMENT, DT_SONAME = 0, 4, 5, 6, 10, 11, 14
ENTRY = 24
"""Bytes of one symbol."""
HEADERS = 64 + 4 * 56


def returning(machine: str, code: int) -> bytes:
    """A function of 16 bytes that returns a number."""
    if machine == "x86_64":  # mov eax, N; ret
        return (b"\xb8" + struct.pack("<I", code) + b"\xc3").ljust(16, b"\0")
    return struct.pack("<II", 0x52800000 | code << 5, 0xD65F03C0).ljust(16, b"\0")  # movz w0, #N; ret


def library(machine: str, soname: str, functions: list[str]) -> bytes:
    """The bytes of such a library; empty where its machine is not known."""
    if machine not in MACHINES:
        return b""
    names = sorted(set(functions))
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in [*names, soname])
    places = {}
    at = 1
    for name in [*names, soname]:
        places[name] = at
        at += len(name) + 1
    none, unloaded = returning(machine, NO_DEVICE), returning(machine, NOT_LOADED)
    symbols = HEADERS + len(none) + len(unloaded)
    table = symbols + ENTRY * (len(names) + 1)
    chain = [2 + each for each in range(len(names) - 1)] + [0] * bool(names)
    hashes = struct.pack("<III", 1, len(names) + 1, 1 if names else 0)
    hashes += struct.pack("<%dI" % (len(names) + 1), 0, *chain)
    text = table + len(hashes)
    code = {True: HEADERS + len(none), False: HEADERS}
    entries = b"\0" * ENTRY + b"".join(
        # a global function of the first section
        struct.pack("<IBBHQQ", places[name], 0x12, 0, 1, code[name.startswith("nvml")], len(none))
        for name in names
    )
    told = [(DT_SONAME, places[soname]), (DT_HASH, table), (DT_STRTAB, text), (DT_SYMTAB, symbols)]
    told += [(DT_STRSZ, len(strings)), (DT_SYMENT, ENTRY), (DT_NULL, 0)]
    dynamic = b"".join(struct.pack("<QQ", *each) for each in told)
    size = text + len(strings)
    place = (size + PAGE - 1) // PAGE * PAGE
    headers = [
        (PT_LOAD, 5, 0, size, PAGE),
        (PT_LOAD, 6, place, len(dynamic), PAGE),
        (PT_DYNAMIC, 6, place, len(dynamic), 8),
        (PT_GNU_STACK, 6, 0, 0, 16),
    ]
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head += struct.pack("<HHIQQQIHHHHHH", 3, MACHINES[machine], 1, 0, 64, 0, 0, 64, 56, len(headers), 0, 0, 0)
    head += b"".join(
        struct.pack("<IIQQQQQQ", kind, flags, at, at, at, length, length, align)
        for kind, flags, at, length, align in headers
    )
    return (head + none + unloaded + entries + hashes + strings).ljust(place, b"\0") + dynamic
