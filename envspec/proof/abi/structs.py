"""C struct sizes: which a Cython module was compiled against, and which a type object really has.

Cython's generated `__Pyx_ImportType` refuses a type that is smaller than the header said at compile time.
"""

from __future__ import annotations

import dataclasses

from envspec.proof.abi import elf
from envspec.proof.abi.code import ARGUMENTS, Code, CodeWindow
from envspec.proof.abi.elf import ElfError, ElfReader

_MESSAGE = b"size changed, may indicate binary incompatibility"
_FUNCTION_REACH = 4096  # `__Pyx_ImportType` is a few hundred bytes long
_FUNCTIONS = 6  # called addresses before the message that may be its function's beginning
_FAR = 1024
_MAX_TYPES = 200  # types that one module fetches; what is called more often is something else
_SIZES = range(16, 1 << 16)
_NAME_OFFSET, _SIZE_OFFSET, _ITEM_OFFSET = 24, 32, 40  # of PyTypeObject's tp_name, tp_basicsize, tp_itemsize


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class StructNeed:
    """A struct size that a module was compiled with, and will insist on when it is imported."""

    module: str
    """Module that the type is fetched from."""
    name: str
    size: int
    """Bytes."""


def needs(reader: ElfReader) -> tuple[StructNeed, ...]:
    """Struct sizes that a Cython module checks while it is imported; empty for anything else.

    Only x86-64 code is understood.
    """
    if reader.machine != elf.X86_64 or reader.data.find(_MESSAGE) < 0:
        return ()
    try:
        code = Code(reader)
    except ElfError:
        return ()
    found: dict[tuple[str, str], StructNeed] = {}
    for place in code.references(code.addresses_of(_MESSAGE)):
        for need in _needs_of_function_around(code, place):
            found[need.module, need.name] = need
    return tuple(found[key] for key in sorted(found))


def _needs_of_function_around(code: Code, place: int) -> list[StructNeed]:
    """The nearest called address before `place` whose callers hand over what the function wants."""
    starts = [target for target in code.calls if place - _FUNCTION_REACH < target <= place]
    for start in sorted(starts, reverse=True)[:_FUNCTIONS]:
        if len(code.calls[start]) > _MAX_TYPES:
            continue
        if found := [need for site in code.calls[start] if (need := _need(code, site))]:
            return found
    return []


def _need(code: Code, site: int) -> StructNeed | None:
    """The far look is for names that a compiler keeps in a register over several calls."""
    near = code.window(site)
    if not near.numbers.keys() & ARGUMENTS:
        return None
    return _arguments(near) or _arguments(code.window(site, reach=_FAR))


def _arguments(window: CodeWindow) -> StructNeed | None:
    # (module object, module name, class name, size, ...): a compiler may drop one, yet keeps their order.
    names = [(r, window.strings[r]) for r in ARGUMENTS if r in window.strings]
    names = [(r, text) for r, text in names if all(part.isidentifier() for part in text.split("."))]
    if len(names) != 2:
        return None
    (_, module), (register, name) = names
    following = ARGUMENTS[ARGUMENTS.index(register) + 1 :][:1]
    size = window.numbers.get(following[0], 0) if following else 0
    return StructNeed(module=module, name=name, size=size) if size in _SIZES else None


def provided(reader: ElfReader) -> dict[str, int]:
    """Full type name, such as `greenlet.greenlet`, to the bytes of its instances, for static types."""
    pointers = dict(reader.pointers())
    found: dict[str, int] = {}
    for address, target in pointers.items():
        try:
            size, item = reader.unpack("<QQ", reader.offset_of(address + 8))
        except ElfError:
            continue
        if size not in _SIZES or item >= _SIZES.stop or address + 8 in pointers:
            continue
        try:
            name = reader.string_at(reader.offset_of(target))
        except ElfError:
            continue
        if "." in name and all(part.isidentifier() for part in name.split(".")):
            found[name] = size + item
    return found
