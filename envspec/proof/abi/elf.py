"""A compact reader of 64-bit little-endian ELF files: what the loader sees, never more than is there.

Follows the System V ABI and glibc's `elf.h`; sections serve only where segments say too little.
"""

from __future__ import annotations

import dataclasses
import functools
import mmap
import struct
from collections.abc import Iterator

Buffer = bytes | mmap.mmap

X86_64 = 62
"""The machine whose code can be read as well."""
MACHINES = {3: "x86", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64", 21: "ppc64", 22: "s390x"}

_PT_LOAD, _PT_DYNAMIC, _PT_NOTE, _PT_GNU_PROPERTY = 1, 2, 4, 0x6474E553
_DT_NEEDED, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_RELA, _DT_RELASZ = 1, 4, 5, 6, 7, 8
_DT_STRSZ, _DT_SONAME, _DT_RPATH, _DT_RUNPATH, _DT_GNU_HASH = 10, 14, 15, 29, 0x6FFFFEF5
_DT_VERSYM, _DT_VERDEF, _DT_VERDEFNUM = 0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFD
_DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
_SHT_PROGBITS, _SHT_DYNSYM = 1, 11
_SHF_ALLOC = 2
_DEVICE_CODE = (b".nv_fatbin\0", b"__nv_relfatbin\0")  # sections that NVIDIA's compiler makes
_R_X86_64_64, _R_X86_64_RELATIVE = 1, 8
_STB_LOCAL, _STB_WEAK = 0, 2
_VISIBLE = (0, 3)  # default and protected
_ISA_NEEDED = 0xC0008002  # GNU_PROPERTY_X86_ISA_1_NEEDED
_LEVELS = ((8, 4), (4, 3), (2, 2), (1, 1))  # bit of the property to level of x86-64-vN

_MAX_HEADERS = 4096
_MAX_SYMBOLS = 4_000_000
_MAX_NAME = 1 << 16
_MAX_RELOCATIONS = 8_000_000


class ElfError(ValueError):
    """The bytes are no ELF file that a 64-bit little-endian loader would take; its text says why."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A part of the file that is mapped into memory."""

    address: int
    offset: int
    file_size: int
    executable: bool


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Symbol:
    """An entry of the dynamic symbol table."""

    name: str
    version: str
    """Version it is defined with or wants, such as `GLIBC_2.17`; empty without one."""
    library: str
    """Soname that a wanted version is looked up in; empty for definitions and unversioned names."""
    weak: bool
    default: bool = True
    """False for a definition that only its exact version reaches (`name@version`, not `@@`)."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Elf:
    """What one file asks for and offers."""

    machine: str
    """`x86_64`, `aarch64`, ...; the number where it has no name here."""
    soname: str
    needed: tuple[str, ...]
    rpath: tuple[str, ...]
    runpath: tuple[str, ...]
    defined: tuple[Symbol, ...]
    undefined: tuple[Symbol, ...]
    version_needs: tuple[tuple[str, str], ...]
    """(soname, version) pairs that the loader insists on before anything runs."""
    version_definitions: tuple[str, ...]
    cpu_level: int
    """x86-64-vN that the file says it needs; 1 when it says nothing."""

    @property
    def python_inits(self) -> tuple[str, ...]:
        """Names of the extension modules that the file can be imported as."""
        return tuple(
            symbol.name.removeprefix("PyInit_")
            for symbol in self.defined
            if symbol.name.startswith("PyInit_")
        )


def is_elf(data: Buffer) -> bool:
    """Whether the bytes begin as an ELF file does."""
    return bytes(data[:4]) == b"\x7fELF"


def read_elf(data: Buffer) -> Elf:
    """All facts of a file.

    Raises `ElfError` when the bytes are no 64-bit little-endian ELF file, or when what they say about
    themselves does not fit into them.
    """
    return ElfReader(data).facts()


class ElfReader:
    """Random access into one file; the views that other readers of compiled modules build on."""

    def __init__(self, data: Buffer) -> None:
        """Read header and segments; `ElfError` when they make no sense."""
        self.data = data
        self.size = len(data)
        if self.size < 64 or not is_elf(data):
            raise ElfError("the file is too short" if self.size < 64 else "no ELF magic at its start")
        if data[4] != 2 or data[5] != 1:
            raise ElfError("only 64-bit little-endian files are understood")
        head = struct.unpack_from("<HHIQQQIHHHHHH", data, 16)
        self.machine: int = head[1]
        self._section_offset: int = head[5]
        self._section_size, self._section_count = head[10], head[11]
        self._section_names: int = head[12]
        self.segments: tuple[Segment, ...] = ()
        self._dynamic = (0, 0)
        self._notes: list[tuple[int, int]] = []
        self._read_segments(head[4], head[8], head[9])

    def _read_segments(self, offset: int, size: int, count: int) -> None:
        if count > _MAX_HEADERS or (count and size < 56):
            raise ElfError("program headers make no sense")
        loads: list[Segment] = []
        for index in range(count):
            kind, flags, start, address, _, file_size, _, _ = self.unpack("<IIQQQQQQ", offset + index * size)
            if kind == _PT_LOAD:
                # A file that is cut off keeps its headers: the loader dies of it, and so must we.
                if start + file_size > self.size:
                    raise ElfError(
                        f"the file is cut off: {start + file_size} bytes announced, {self.size} there"
                    )
                loads.append(
                    Segment(address=address, offset=start, file_size=file_size, executable=bool(flags & 1))
                )
            elif kind == _PT_DYNAMIC:
                self._dynamic = (start, file_size)
            elif kind in (_PT_NOTE, _PT_GNU_PROPERTY):
                self._notes.append((start, file_size))
        self.segments = tuple(sorted(loads, key=lambda segment: segment.address))

    def unpack(self, layout: str, offset: int) -> tuple[int, ...]:
        """`struct.unpack_from` that answers `ElfError` outside of the file."""
        if offset < 0 or offset + struct.calcsize(layout) > self.size:
            raise ElfError("a table lies outside of the file")
        return struct.unpack_from(layout, self.data, offset)

    def offset_of(self, address: int) -> int:
        """Place in the file of a virtual address; `ElfError` when nothing of the file is mapped there."""
        for segment in self.segments:
            if 0 <= address - segment.address < segment.file_size:
                return address - segment.address + segment.offset
        raise ElfError("an address is not mapped from the file")

    def string_at(self, offset: int) -> str:
        """The NUL-terminated text at a place in the file."""
        if not 0 <= offset < self.size:
            raise ElfError("a name lies outside of the file")
        end = self.data.find(b"\0", offset, offset + _MAX_NAME)
        if end < 0:
            raise ElfError("a name does not end")
        return bytes(self.data[offset:end]).decode("utf-8", "backslashreplace")

    def section(self, name: str) -> tuple[int, int] | None:
        """(place in the file, bytes) of the first section of that name; None where there is none.

        Loaders need no sections, so files may have lost them. `ElfError` when their table, or the section,
        lies outside of the file.
        """
        if self._section_size != 64 or not 0 < self._section_names < self._section_count <= _MAX_HEADERS:
            return None
        names, room = self._section_place(self._section_names)
        wanted = name.encode() + b"\0"
        for number in range(1, self._section_count):
            at = names + self.unpack("<I", self._section_offset + number * 64)[0]
            if at + len(wanted) <= names + room and self.data[at : at + len(wanted)] == wanted:
                return self._section_place(number)
        return None

    def _section_place(self, number: int) -> tuple[int, int]:
        start, size = self.unpack("<QQ", self._section_offset + number * 64 + 24)
        if start + size > self.size:
            raise ElfError("a section lies outside of the file")
        return start, size

    @functools.cached_property
    def texts(self) -> tuple[tuple[int, int], ...]:
        """(place, bytes) of the parts that may hold texts: not code for cards, most of a large file.

        By section headers, where the file kept them; else all that is mapped.
        """
        try:
            found = tuple(self._text_sections())
        except ElfError:
            found = ()
        return found or tuple((segment.offset, segment.file_size) for segment in self.segments)

    def _text_sections(self) -> Iterator[tuple[int, int]]:
        if self._section_size != 64 or not 0 < self._section_names < self._section_count <= _MAX_HEADERS:
            return
        heads = [
            self.unpack("<IIQQQQIIQQ", self._section_offset + number * 64)
            for number in range(self._section_count)
        ]
        names = heads[self._section_names][4]
        for name, kind, flags, _, place, size, *_ in heads:
            if kind == _SHT_PROGBITS and flags & _SHF_ALLOC:
                if place + size > self.size:
                    raise ElfError("a section lies outside of the file")
                title = bytes(self.data[names + name : names + name + 16])
                if not title.startswith(_DEVICE_CODE):
                    yield place, size

    @functools.cached_property
    def dynamic(self) -> tuple[tuple[int, int], ...]:
        """(tag, value) pairs of the dynamic section, up to its end mark."""
        offset, size = self._dynamic
        found: list[tuple[int, int]] = []
        for index in range(min(size // 16, _MAX_HEADERS)):
            tag, value = self.unpack("<QQ", offset + index * 16)
            if tag == 0:
                break
            found.append((tag, value))
        return tuple(found)

    @functools.cached_property
    def tags(self) -> dict[int, int]:
        """The last value of each dynamic tag."""
        return dict(self.dynamic)

    @functools.cached_property
    def _strings(self) -> bytes:
        if _DT_STRTAB not in self.tags:
            return b""
        start = self.offset_of(self.tags[_DT_STRTAB])
        size = min(self.tags.get(_DT_STRSZ, 0), self.size - start)
        return bytes(self.data[start : start + size])

    def _string(self, offset: int) -> str:
        table = self._strings
        if offset >= len(table):
            raise ElfError("a name lies outside of its table")
        end = table.find(b"\0", offset, offset + _MAX_NAME)
        if end < 0:
            raise ElfError("a name does not end")
        return table[offset:end].decode("utf-8", "backslashreplace")

    def _all(self, tag: int) -> tuple[str, ...]:
        return tuple(self._string(value) for key, value in self.dynamic if key == tag)

    @property
    def needed(self) -> tuple[str, ...]:
        """Sonames of the libraries that the loader brings in with it."""
        return self._all(_DT_NEEDED)

    def facts(self) -> Elf:
        """Everything at once."""
        defined, undefined = self.symbols
        paths = {tag: tuple(p for text in self._all(tag) for p in text.split(":") if p) for tag in (15, 29)}
        return Elf(
            machine=MACHINES.get(self.machine, str(self.machine)),
            soname="".join(self._all(_DT_SONAME)[:1]),
            needed=self.needed,
            rpath=paths[_DT_RPATH],
            runpath=paths[_DT_RUNPATH],
            defined=defined,
            undefined=undefined,
            version_needs=tuple((library, version) for library, version, _, weak in self._needs if not weak),
            version_definitions=tuple(name for _, name, base in self._definitions if not base),
            cpu_level=self.cpu_level,
        )

    # -- versions ---------------------------------------------------------------------------------

    @functools.cached_property
    def _needs(self) -> tuple[tuple[str, str, int, bool], ...]:
        """(soname, version, index, weak) of the version needs section."""
        if _DT_VERNEED not in self.tags:
            return ()
        found: list[tuple[str, str, int, bool]] = []
        offset = self.offset_of(self.tags[_DT_VERNEED])
        for _ in range(min(self.tags.get(_DT_VERNEEDNUM, 0), _MAX_HEADERS)):
            _, count, file, first, following = self.unpack("<HHIII", offset)
            library, inner = self._string(file), offset + first
            for _ in range(min(count, _MAX_HEADERS)):
                _, flags, index, name, further = self.unpack("<IHHII", inner)
                found.append((library, self._string(name), index, bool(flags & 2)))
                if len(found) > _MAX_HEADERS:
                    raise ElfError("version needs make no sense")
                inner += further
            if not following:
                break
            offset += following
        return tuple(found)

    @functools.cached_property
    def _definitions(self) -> tuple[tuple[int, str, bool], ...]:
        """(index, version, is the file's own name) of the version definitions section."""
        if _DT_VERDEF not in self.tags:
            return ()
        found: list[tuple[int, str, bool]] = []
        offset = self.offset_of(self.tags[_DT_VERDEF])
        for _ in range(min(self.tags.get(_DT_VERDEFNUM, 0), _MAX_HEADERS)):
            _, flags, index, _, _, first, following = self.unpack("<HHHHIII", offset)
            name, _ = self.unpack("<II", offset + first)
            found.append((index, self._string(name), bool(flags & 1)))
            if not following:
                break
            offset += following
        return tuple(found)

    # -- symbols ----------------------------------------------------------------------------------

    def _symbol_count(self) -> int:
        if _DT_HASH in self.tags:
            count = self.unpack("<II", self.offset_of(self.tags[_DT_HASH]))[1]
        else:
            count = max(self._gnu_hash_count(), self._section_symbol_count())
        if count > _MAX_SYMBOLS:
            raise ElfError(f"{count} symbols make no sense")
        return count

    def _gnu_hash_count(self) -> int:
        """The hash table names the last exported symbol; undefined ones come before it."""
        if _DT_GNU_HASH not in self.tags:
            return 0
        base = self.offset_of(self.tags[_DT_GNU_HASH])
        buckets, first, bloom, _ = self.unpack("<IIII", base)
        if buckets > _MAX_SYMBOLS or bloom > _MAX_SYMBOLS:
            raise ElfError("the symbol hash table makes no sense")
        start = base + 16 + bloom * 8
        last = max(self.unpack(f"<{buckets}I", start), default=0)
        if last < first:
            return first
        chain = start + buckets * 4 + (last - first) * 4
        while not self.unpack("<I", chain)[0] & 1:
            chain += 4
            last += 1
            if last > _MAX_SYMBOLS:
                raise ElfError("the symbol hash table does not end")
        return last + 1

    def _section_symbol_count(self) -> int:
        """Files without exports have an empty hash table; the section knows better, where it is kept."""
        if self._section_size != 64 or self._section_count > _MAX_HEADERS:
            return 0
        for index in range(self._section_count):
            offset = self._section_offset + index * 64
            if offset + 64 > self.size:
                return 0
            fields = self.unpack("<IIQQQQIIQQ", offset)
            if fields[1] == _SHT_DYNSYM and fields[3] == self.tags.get(_DT_SYMTAB):
                return fields[5] // 24
        return 0

    @functools.cached_property
    def symbols(self) -> tuple[tuple[Symbol, ...], tuple[Symbol, ...]]:
        """(defined, undefined) dynamic symbols that take part in linking."""
        if _DT_SYMTAB not in self.tags:
            return (), ()
        count = self._symbol_count()
        start = self.offset_of(self.tags[_DT_SYMTAB])
        if start + count * 24 > self.size:
            raise ElfError("the symbol table lies outside of the file")
        table = bytes(self.data[start : start + count * 24])
        versions = self._symbol_versions(count)
        names: dict[int, tuple[str, str]] = {index: ("", name) for index, name, _ in self._definitions}
        names |= {index: (library, name) for library, name, index, _ in self._needs}
        defined: list[Symbol] = []
        undefined: list[Symbol] = []
        for number, (name, info, other, section, _, _) in enumerate(struct.iter_unpack("<IBBHQQ", table)):
            if info >> 4 == _STB_LOCAL or not name or other & 3 not in _VISIBLE:
                continue
            index = versions[number] if versions else 1
            library, version = names.get(index & 0x7FFF, ("", "")) if index & 0x7FFF > 1 else ("", "")
            symbol = Symbol(
                name=self._string(name),
                version=version,
                library=library if not section else "",
                weak=info >> 4 == _STB_WEAK,
                default=not index & 0x8000,
            )
            (defined if section else undefined).append(symbol)
        return tuple(defined), tuple(undefined)

    def _symbol_versions(self, count: int) -> tuple[int, ...]:
        if _DT_VERSYM not in self.tags:
            return ()
        return self.unpack(f"<{count}H", self.offset_of(self.tags[_DT_VERSYM]))

    # -- notes and relocations --------------------------------------------------------------------

    @property
    def cpu_level(self) -> int:
        """x86-64-vN of `.note.gnu.property`; 1 without one, see the x86-64 psABI."""
        if self.machine != X86_64:
            return 1
        bits = 0
        for offset, size in self._notes:
            for kind, value in self._properties(offset, min(offset + size, self.size)):
                if kind == _ISA_NEEDED:
                    bits |= value
        return next((level for bit, level in _LEVELS if bits & bit), 1)

    def _properties(self, offset: int, end: int) -> Iterator[tuple[int, int]]:
        while offset + 16 <= end:
            name_size, size, kind = self.unpack("<III", offset)
            if name_size == 4 and kind == 5 and bytes(self.data[offset + 12 : offset + 16]) == b"GNU\0":
                inner, last = offset + 16, min(offset + 16 + size, end)
                while inner + 12 <= last:
                    key, length, value = self.unpack("<III", inner)
                    if length >= 4:
                        yield key, value
                    inner += 8 + (length + 7) // 8 * 8
            offset += 12 + (name_size + 3) // 4 * 4 + (size + 7) // 8 * 8

    def pointers(self) -> Iterator[tuple[int, int]]:
        """(address, what will stand there once loaded) of data that points into the file itself."""
        size = self.tags.get(_DT_RELASZ, 0)
        if _DT_RELA not in self.tags or not size or self.machine != X86_64:
            return
        start = self.offset_of(self.tags[_DT_RELA])
        if start + size > self.size or size // 24 > _MAX_RELOCATIONS:
            raise ElfError("relocations lie outside of the file")
        table = bytes(self.data[start : start + size // 24 * 24])
        for address, info, addend in struct.iter_unpack("<QQQ", table):
            if info == _R_X86_64_RELATIVE:
                yield address, addend
