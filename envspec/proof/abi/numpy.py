"""Which NumPy a compiled module was built for, and whether a given NumPy will do.

NumPy's own headers put the check into every module that calls `import_array`: the message of 2.x headers
names the oldest NumPy that will do, and says it is there to be searched for; 1.x headers compare the
feature version that slot 211 of the API table returns with a constant.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from packaging.version import Version

from envspec.proof.abi import structs
from envspec.proof.abi.code import Code
from envspec.proof.abi.elf import Buffer, ElfError, ElfReader
from envspec.proof.abi.structs import StructNeed

# numpy/_core/include/numpy/__multiarray_api.h of 2.x; rust-numpy knows the words, yet prints no %x.
_TWO = re.compile(rb"\(NumPy (\d+\.\d+)\)[^\0]{0,200}%x")
# The same place of 1.x headers.
_ONE = b"module compiled against API version 0x%x but this version of numpy is 0x%x"
_FEATURE_CALL = re.compile(rb"\xff[\x90-\x97]\x98\x06\0\0", re.DOTALL)  # call [register + 211 * 8]
_FEATURE_LOAD = re.compile(rb"[\x48\x49\x4c\x4d]\x8b[\x80-\xbf]\x98\x06\0\0", re.DOTALL)
_COMPARE = re.compile(r"(?:e|r)\w+, (0x[0-9a-f]+|\d+)")

FEATURES: Mapping[int, str] = {
    0x4: "1.4", 0x5: "1.5", 0x6: "1.6", 0x7: "1.7", 0x8: "1.8", 0x9: "1.9", 0xA: "1.10", 0xB: "1.13",
    0xC: "1.14", 0xD: "1.16", 0xE: "1.20", 0xF: "1.22", 0x10: "1.23", 0x11: "1.25", 0x12: "2.0",
    0x13: "2.1", 0x14: "2.3", 0x15: "2.4",
}  # fmt: skip
"""C-API feature version to the first NumPy that has it: numpy/_core/code_generators/cversions.txt."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class NumpyFacts:
    """What a module was built with; nothing of it when it does not use NumPy's C interface."""

    headers: int = 0
    """Major version of the headers; 0 when the module never calls `import_array`."""
    oldest: str = ""
    """First NumPy with the C-API features it wants, such as `1.20`; empty when unknown."""
    structs: tuple[StructNeed, ...] = ()
    """Sizes of NumPy's types that it insists on."""
    through: str = ""
    """The library of the same wheel that these facts belong to; empty for the module's own."""

    def __bool__(self) -> bool:
        return bool(self.headers or self.structs)


NO_FACTS = NumpyFacts()


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """Whether a module and a NumPy go together."""

    fits: bool
    why: str = ""
    """The reason when they do not, as the end of a sentence about the module."""
    wants: str = ""
    """The NumPy versions that would do, as a specifier."""

    def __bool__(self) -> bool:
        return self.fits


FITS = Fit(fits=True)


def read_numpy(data: Buffer) -> NumpyFacts:
    """The facts of one file's bytes; empty facts for anything that is no ELF module using NumPy."""
    try:
        return of_reader(ElfReader(data))
    except ElfError:
        return NumpyFacts()


def of_reader(reader: ElfReader) -> NumpyFacts:
    """The facts of an open file."""
    return header_facts(reader, numpy_structs(structs.needs(reader)))


def numpy_structs(needs: tuple[StructNeed, ...]) -> tuple[StructNeed, ...]:
    """Those struct needs that are about NumPy's own types."""
    return tuple(need for need in needs if need.module.partition(".")[0] == "numpy")


def header_facts(reader: ElfReader, needs: tuple[StructNeed, ...]) -> NumpyFacts:
    """The facts of an open file whose struct needs are known already."""
    if two := _search(reader, _TWO):
        return NumpyFacts(headers=2, oldest=two[1].decode(), structs=needs)
    if reader.data.find(_ONE) >= 0:
        return NumpyFacts(headers=1, oldest=_feature(reader), structs=needs)
    return NumpyFacts(structs=needs)


def inherited(
    facts: Mapping[str, NumpyFacts], needed: Mapping[str, tuple[str, ...]], sonames: Mapping[str, str]
) -> dict[str, NumpyFacts]:
    """The facts of every file with those of the libraries of the same wheel that it loads.

    `facts`, `needed`: by file; `sonames`: soname to file. A file's own facts stand before others'.
    """
    return {name: _first(name, facts, needed, sonames) for name in facts}


def _first(
    name: str,
    facts: Mapping[str, NumpyFacts],
    needed: Mapping[str, tuple[str, ...]],
    sonames: Mapping[str, str],
) -> NumpyFacts:
    seen, queue = {name}, [name]
    while queue:
        current = queue.pop(0)
        if facts.get(current):
            through = "" if current == name else current
            return dataclasses.replace(facts[current], through=through)
        for soname in needed.get(current, ()):
            file = sonames.get(soname, "")
            if file and file not in seen:
                seen.add(file)
                queue.append(file)
    return NumpyFacts()


def fit(facts: NumpyFacts, numpy: str, *, sizes: Mapping[str, int] | None = None) -> Fit:
    """Whether a module runs on NumPy `numpy`; `sizes` are that NumPy's real struct sizes, where known."""
    version = Version(numpy)
    if facts.headers == 1 and version.major >= 2:
        return Fit(fits=False, why=f"was compiled against NumPy 1.x and cannot run on {numpy}", wants="<2")
    if facts.oldest and (version.major, version.minor) < Version(facts.oldest).release[:2]:
        wants = f">={facts.oldest}" + (",<2" if facts.headers == 1 else "")
        return Fit(fits=False, why=f"needs the C interface of NumPy {facts.oldest}", wants=wants)
    known = {**_usual_sizes(version), **(sizes or {})}
    for need in facts.structs:
        actual = known.get(f"{need.module}.{need.name}")
        if actual is not None and actual < need.size:
            return Fit(
                fits=False,
                why=f"expects {need.module}.{need.name} to have {need.size} bytes; "
                f"NumPy {numpy} has {actual}",
                wants="<2" if version.major >= 2 else f">{numpy}",
            )
    return FITS


def _usual_sizes(version: Version) -> dict[str, int]:
    """PyArray_Descr lost 8 bytes with 2.0; PyArrayObject gained 8 with 1.20 and with 1.22."""
    array = 80 + 8 * (version >= Version("1.20")) + 8 * (version >= Version("1.22"))
    return {"numpy.dtype": 96 if version.major < 2 else 88, "numpy.ndarray": array}


def _search(reader: ElfReader, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
    found = (pattern.search(reader.data, place, place + size) for place, size in reader.texts)
    return next(filter(None, found), None)


def _feature(reader: ElfReader) -> str:
    """The compare behind the call of PyArray_GetNDArrayCFeatureVersion; empty where it is not found."""
    try:
        code = Code(reader)
    except ElfError:
        return ""
    for pattern in (_FEATURE_CALL, _FEATURE_LOAD):
        for address, matched in code.find(pattern):
            number = _compared(code.instructions(address, size=96), load=not matched.startswith(b"\xff"))
            if number in FEATURES:
                return FEATURES[number]
    return ""


def _compared(steps: list[tuple[int, int, str, str]], *, load: bool) -> int:
    """`if (wanted > found) fail`: as `cmp found, wanted - 1; ja/jbe` or `cmp found, wanted; jae/jb`."""
    called = not load
    for position, (_, _, mnemonic, operands) in enumerate(steps[1:9], 1):
        if mnemonic == "call":
            if called:
                return 0
            called = True
        elif called and mnemonic == "cmp" and (match := _COMPARE.fullmatch(operands)):
            jumps = [step[2] for step in steps[position + 1 : position + 4] if step[2].startswith("j")]
            if jumps:
                return int(match[1], 0) + (1 if jumps[0] in ("ja", "jbe") else 0)
    return 0
