"""Small ELF files that hold device code, needs and texts, as readers of compiled files see them."""

import struct
from collections.abc import Iterable

PTX, MACHINE = 1, 2
ONLY_THAT, FAMILY = 0x100000, 0x200000


def entry(
    number: int,
    kind: int = MACHINE,
    flags: int = 0x8011,
    *,
    payload: bytes = b"\0" * 24,
    language: tuple[int, int] = (8, 4),
    size: int | None = None,
) -> bytes:
    """An entry of device code for `sm_{number}`; `size` is what it says of its payload."""
    major, minor = language
    told = len(payload) if size is None else size
    head = struct.pack("<HHIQQHHIQQQQ", kind, 0x101, 64, told, 0, minor, major, number, 0, flags, 0, 0)
    return head + payload


def container(*entries: bytes, size: int | None = None) -> bytes:
    """A container of entries; `size` is what it says that they have."""
    body = b"".join(entries)
    return struct.pack("<4sHHQ", b"\x50\xed\x55\xba", 1, 16, len(body) if size is None else size) + body


def elf(code: bytes = b"", *, needs: Iterable[str] = (), texts: bytes = b"", soname: str = "") -> bytes:
    """A shared library for x86-64 with that section of device code, its needs, and texts in its data."""
    names = [*needs, *([soname] if soname else [])]
    strings, places = b"\0", []
    for name in names:
        places.append(len(strings))
        strings += name.encode() + b"\0"
    titles = b"\0.nv_fatbin\0.rodata\0.shstrtab\0"
    at_strings = 64 + 2 * 56
    at_dynamic = -(-(at_strings + len(strings)) // 8) * 8
    tags = [(1, place) for place in places[: len(names) - bool(soname)]]
    tags += [(14, places[-1])] if soname else []
    tags += [(5, at_strings), (10, len(strings)), (0, 0)]
    dynamic = b"".join(struct.pack("<QQ", *tag) for tag in tags)
    at_code = -(-(at_dynamic + len(dynamic)) // 16) * 16
    at_texts, at_titles = at_code + len(code), at_code + len(code) + len(texts)
    at_sections = -(-(at_titles + len(titles)) // 8) * 8
    total = at_sections + 4 * 64
    parts = {at_strings: strings, at_dynamic: dynamic, at_code: code, at_texts: texts, at_titles: titles}
    sections = [(0, 0, 0), (1, at_code, len(code)), (12, at_texts, len(texts)), (20, at_titles, len(titles))]
    head = b"\x7fELF\2\1\1" + b"\0" * 9
    head += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, at_sections, 0, 64, 56, 2, 64, 4, 3)
    head += struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, total, total, 4096)
    head += struct.pack("<IIQQQQQQ", 2, 4, at_dynamic, at_dynamic, 0, len(dynamic), len(dynamic), 8)
    data = bytearray(total)
    data[: len(head)] = head
    for place, part in parts.items():
        data[place : place + len(part)] = part
    for number, (title, place, size) in enumerate(sections):
        fields = struct.pack("<IIQQQQIIQQ", title, 1 if number else 0, 2, 0, place, size, 0, 0, 1, 0)
        data[at_sections + number * 64 : at_sections + (number + 1) * 64] = fields
    return bytes(data)
