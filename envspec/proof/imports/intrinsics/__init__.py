"""What names of the standard library mean and calls of them give, where that is known without a run.

Each file knows some libraries and lists what it knows in tables; they are put together here.
"""

from __future__ import annotations

from collections.abc import Mapping

from envspec.proof.imports.frame import Frame
from envspec.proof.imports.intrinsics import builtin, importing, libraries, system, versions
from envspec.proof.imports.intrinsics.answer import Answer
from envspec.proof.imports.values import NONE, UNKNOWN, External, Known, Value
from envspec.proof.imports.world import World

_SILENT = frozenset({"print", "warnings.warn", "warnings.filterwarnings", "warnings.simplefilter"})
_FILES = (builtin, system, importing, versions, libraries)
_CALLS: dict[str, Answer] = {name: answer for file in _FILES for name, answer in file.CALLS.items()}
_BARE: dict[str, Answer] = builtin.BARE_CALLS | system.BARE_CALLS


def call(
    world: World, name: str, args: list[Value] | None, named: Mapping[str, Value], frame: Frame
) -> Value:
    """The result of calling a built-in or library function; `args` is None when they are not all known."""
    if name in _SILENT:
        return NONE
    if args is None:
        return UNKNOWN
    answer = (_CALLS if args else _BARE).get(name)
    return UNKNOWN if answer is None else answer(world, args, named, frame)


def constants(version: tuple[int, ...]) -> Mapping[str, Value]:
    """The values of library names under one Python, by their dotted names."""
    return {**system.CONSTANTS, **system.versions(version), **versions.CONSTANTS}


def attribute(value: External, name: str) -> Value:
    """Attributes of library objects, where they lead to something known."""
    whole = f"{value.name}.{name}"
    if whole == "sys.implementation.name":
        return Known("cpython")
    known = whole == "os.environ.get" or whole in libraries.LOADERS or value.name == "ctypes.cdll"
    return External(whole) if known else UNKNOWN
