"""Reading x86-64 machine code where a fact is nowhere but in an instruction: strings, calls, immediates."""

from __future__ import annotations

import bisect
import contextlib
import dataclasses
import functools
import re
import struct
from collections.abc import Iterator

import capstone

from envspec.proof.abi.elf import X86_64, ElfError, ElfReader

_LEA = re.compile(rb"[\x48\x4c]\x8d[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]", re.DOTALL)
_CALL = re.compile(rb"\xe8..(?:[\x00-\x0f]|[\xf0-\xff])", re.DOTALL)  # near enough to be in the file
_RELATIVE = re.compile(r"\[rip ([+-]) (0x[0-9a-f]+|\d+)\]")
_CONSTANT = re.compile(r"[er]\w+, (0x[0-9a-f]+|\d+)")
_COPY = re.compile(r"r\w+, (r\w+)")
ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
"""Registers of the first six arguments, System V x86-64 calling convention."""
_WIDE = {name: name for name in (*ARGUMENTS, "rax", "rbx", "rbp", "r10", "r11", "r12", "r13", "r14", "r15")}
_WIDE |= {f"e{name[1:]}" if name[1:].isalpha() else f"{name}d": name for name in _WIDE}
LARGEST = 256 << 20
"""Bytes of code that are read at most; only frameworks have more, in one library."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CodeWindow:
    """The straight code between two calls: what the second one is probably given."""

    strings: dict[str, str]
    """64-bit register to the string whose address it holds."""
    numbers: dict[str, int]
    """64-bit register to the constant it holds."""


class Code:
    """The executable bytes of one x86-64 file."""

    def __init__(self, reader: ElfReader) -> None:
        """`ElfError` when the file is for another machine, or holds more code than any real module."""
        if reader.machine != X86_64:
            raise ElfError("only x86-64 code is read")
        self.reader = reader
        parts = [segment for segment in reader.segments if segment.executable]
        if sum(part.file_size for part in parts) > LARGEST:
            raise ElfError("there is too much code to read")
        self.parts = tuple(
            (part.address, bytes(reader.data[part.offset : part.offset + part.file_size])) for part in parts
        )

    @functools.cached_property
    def _disassembler(self) -> capstone.Cs:
        machine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        machine.detail = False
        return machine

    def _place(self, address: int) -> tuple[bytes, int]:
        for base, code in self.parts:
            if base <= address < base + len(code):
                return code, address - base
        raise ElfError("an address is not code")

    def instructions(self, address: int, *, size: int = 96) -> list[tuple[int, int, str, str]]:
        """(address, length, mnemonic, operands) from an address on, until the bytes are no code."""
        code, offset = self._place(address)
        return list(self._disassembler.disasm_lite(code[offset : offset + size], address))

    def find(self, pattern: re.Pattern[bytes]) -> Iterator[tuple[int, bytes]]:
        """(address, matched bytes) of every match in the code."""
        for base, code in self.parts:
            for match in pattern.finditer(code):
                yield base + match.start(), match.group()

    def references(self, targets: frozenset[int]) -> list[int]:
        """Addresses of instructions that load one of the addresses relative to themselves."""
        found: list[int] = []
        for base, code in self.parts:
            for match in _LEA.finditer(code):
                end = match.start() + 7
                if end > len(code):
                    break
                (distance,) = struct.unpack_from("<i", code, match.start() + 3)
                if base + end + distance in targets:
                    found.append(base + match.start())
        return found

    @functools.cached_property
    def calls(self) -> dict[int, list[int]]:
        """Called address to the addresses of the calls, direct ones only."""
        found: dict[int, list[int]] = {}
        for base, code in self.parts:
            for match in _CALL.finditer(code):
                (distance,) = struct.unpack_from("<i", code, match.start() + 1)
                target = base + match.start() + 5 + distance
                if base <= target < base + len(code):
                    found.setdefault(target, []).append(base + match.start())
        return found

    @functools.cached_property
    def _call_sites(self) -> list[int]:
        return sorted(site for sites in self.calls.values() for site in sites)

    def window(self, site: int, *, reach: int = 160) -> CodeWindow:
        """What the registers hold at the call at `site`, from the code up to `reach` bytes before it."""
        sites = self._call_sites
        last = bisect.bisect_left(sites, site)
        first = bisect.bisect_left(sites, site - reach, 0, last)
        # A byte that only looks like a call throws the disassembler off: then start at the next one.
        starts = [sites[index] + 5 for index in range(first, last)][:4] or range(site - 72, site - 8)
        for start in starts:
            with contextlib.suppress(ElfError):
                steps = self.instructions(start, size=site - start + 5)
                if any(address == site for address, *_ in steps):
                    return self._window([step for step in steps if step[0] < site])
        return CodeWindow(strings={}, numbers={})

    def _window(self, steps: list[tuple[int, int, str, str]]) -> CodeWindow:
        strings: dict[str, str] = {}
        numbers: dict[str, int] = {}
        for address, length, mnemonic, operands in steps:
            register = _WIDE.get(operands.partition(",")[0], "")
            if mnemonic == "call":
                for argument in ARGUMENTS:  # a called function may do with these what it likes
                    strings.pop(argument, None)
                    numbers.pop(argument, None)
            elif mnemonic == "lea" and (match := _RELATIVE.search(operands)):
                distance = int(match[2], 0) * (1 if match[1] == "+" else -1)
                strings[register] = self.text(address + length + distance)
            elif mnemonic == "mov" and (match := _CONSTANT.fullmatch(operands)):
                numbers[register] = int(match[1], 0)
            elif mnemonic == "mov" and (match := _COPY.fullmatch(operands)):
                strings[register] = strings.get(match[1], "")
        return CodeWindow(strings={name: text for name, text in strings.items() if text}, numbers=numbers)

    def text(self, address: int) -> str:
        """The short printable string at an address, or an empty one."""
        try:
            text = self.reader.string_at(self.reader.offset_of(address))
        except ElfError:
            return ""
        return text if 0 < len(text) <= 200 and text.isprintable() else ""

    def addresses_of(self, text: bytes) -> frozenset[int]:
        """Addresses at which a NUL-terminated string that contains `text` begins."""
        found: set[int] = set()
        data = self.reader.data
        for segment in self.reader.segments:
            end = segment.offset + segment.file_size
            blob = bytes(data[segment.offset : end])
            place = blob.find(text)
            while place >= 0:
                begin = blob.rfind(b"\0", 0, place) + 1
                found.add(segment.address + begin)
                place = blob.find(text, place + len(text))
        return frozenset(found)
