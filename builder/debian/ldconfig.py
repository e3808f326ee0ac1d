"""The dynamic loader's cache, written as `ldconfig` writes it, without running anything.

Source: glibc, elf/cache.c and sysdeps/generic/dl-cache.h, the format named 1.1.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Any

_HEAD = struct.Struct("<17s3sIIB3xI12x")
_ENTRY = struct.Struct("<iIIIQ")
_LITTLE = 2
_RUN = re.compile(r"(\d+)|(.)", re.DOTALL)

FLAGS = {"amd64": 0x0303, "arm64": 0x0A03}
"""What an entry's flags say for each processor: a library for glibc, and its instruction set."""


def loader_cache(libraries: Mapping[str, str], machine: str) -> bytes:
    """The bytes of `/etc/ld.so.cache`: soname to path, for one processor (Debian's name of it)."""
    names = sorted(libraries, key=soname_order, reverse=True)
    start = _HEAD.size + _ENTRY.size * len(names)
    strings = bytearray()
    entries = bytearray()
    for name in names:
        key = start + len(strings)
        strings += name.encode() + b"\0"
        value = start + len(strings)
        strings += libraries[name].encode() + b"\0"
        entries += _ENTRY.pack(FLAGS[machine], key, value, 0, 0)
    head = _HEAD.pack(b"glibc-ld.so.cache", b"1.1", len(names), len(strings), _LITTLE, 0)
    return head + bytes(entries) + bytes(strings)


def soname_order(name: str) -> Any:
    """The order in which the loader searches: runs of digits as numbers, after every other character."""
    return [(1, int(digits)) if digits else (0, ord(other)) for digits, other in _RUN.findall(name)]
