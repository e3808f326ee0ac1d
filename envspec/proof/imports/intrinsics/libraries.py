"""Shared libraries of the base: `ctypes`."""

from __future__ import annotations

from envspec.proof.imports.frame import Frame
from envspec.proof.imports.intrinsics.answer import Answer
from envspec.proof.imports.values import NONE, UNKNOWN, External, Fault, Raised, Value, constant
from envspec.proof.imports.world import World


def _find(world: World, args: list[Value], *_: object) -> Value:
    """`libNAME.so*` of the base; None when it is known to lack it."""
    known, name = constant(args[0])
    base = world.modules.base
    there = base.names() if base else None
    if not known or not isinstance(name, str) or there is None:
        return UNKNOWN
    return UNKNOWN if any(item.startswith(f"lib{name}.so") for item in there) else NONE


def _open(world: World, args: list[Value], _: object, frame: Frame) -> Value:
    known, name = constant(args[0])
    if not known:
        world.modules.open_own_library(frame.module, frame.where)
        return UNKNOWN
    base = world.modules.base
    if not isinstance(name, str) or "/" in name or ".so" not in name or base is None:
        return UNKNOWN
    if base.has(name) is not False:
        return UNKNOWN
    fault = Fault(kind="library", wanted=name, owner="", where=frame.where)
    raise Raised(External("OSError"), f"{name}: cannot open shared object file", fault)


LOADERS = ("ctypes.CDLL", "ctypes.PyDLL", "ctypes.cdll.LoadLibrary", "ctypes.pydll.LoadLibrary")

CALLS: dict[str, Answer] = {"ctypes.util.find_library": _find} | dict.fromkeys(LOADERS, _open)
