"""Imports by call: `__import__` and `importlib`."""

from __future__ import annotations

from collections.abc import Mapping

from envspec.proof.imports.frame import Frame
from envspec.proof.imports.intrinsics.answer import Answer
from envspec.proof.imports.values import NONE, UNKNOWN, Class, Known, Module, Value, constant
from envspec.proof.imports.world import World


def _import(world: World, args: list[Value], named: Mapping[str, Value], frame: Frame) -> Value:
    known, name = constant(args[0])
    if not known or not isinstance(name, str) or len(args) > 1 or named or not name:
        return UNKNOWN
    world.imports.load(name, frame)
    return Module(name.partition(".")[0])


def _import_module(world: World, args: list[Value], named: Mapping[str, Value], frame: Frame) -> Value:
    known, name = constant(args[0])
    if not known or not isinstance(name, str) or not name:
        return UNKNOWN
    if name.startswith("."):
        package = args[1] if len(args) > 1 else named.get("package", UNKNOWN)
        if not isinstance(package, Known) or not isinstance(package.value, str):
            return UNKNOWN
        level = len(name) - len(name.lstrip("."))
        parts = package.value.split(".")
        parts = parts[: len(parts) - level + 1]
        name = ".".join([*parts, *filter(None, [name.lstrip(".")])])
    world.imports.load(name, frame)
    return Module(name)


_FOUND = Class("ModuleSpec", {}, ())
"""Stands for what is found: it is true, it is not None, and nothing else is known of it."""


def _find_spec(world: World, args: list[Value], *_: object) -> Value:
    known, name = constant(args[0])
    if not known or not isinstance(name, str) or not name or "." in name:
        return UNKNOWN
    if not world.modules.exists(name):
        return NONE
    return _FOUND if name in world.modules.index.origins else UNKNOWN


CALLS: dict[str, Answer] = {
    "__import__": _import,
    "importlib.import_module": _import_module,
    "importlib.util.find_spec": _find_spec,
}
