"""Methods of constants and containers."""

from __future__ import annotations

import contextlib

from envspec.proof.imports.constants import is_hashable, is_small, limited, sequence
from envspec.proof.imports.values import NONE, UNKNOWN, Items, Known, Names, Table, Value, constant
from envspec.proof.imports.world import World

_PURE = frozenset(
    {
        "split", "rsplit", "startswith", "endswith", "strip", "lstrip", "rstrip", "lower", "upper", "title",
        "partition", "rpartition", "replace", "join", "capitalize",
        "isdigit", "isidentifier", "count", "find",
        "index", "rfind", "splitlines", "removeprefix", "removesuffix", "encode", "decode",
    }
)  # fmt: skip
"""Methods of text that depend on nothing else."""


def call_method(world: World, owner: Value, name: str, args: list[Value] | None) -> Value:
    """What a method gives, and does to containers; `args` is None when they are not known one by one."""
    if isinstance(owner, Items):
        return _of_items(owner, name, args, in_doubt=bool(world.course.doubt))
    if isinstance(owner, Table):
        return _of_table(owner, name, args)
    if isinstance(owner, Names):
        return _of_names(world, owner, name, args)
    if isinstance(owner, Known) and isinstance(owner.value, str | bytes) and args is not None:
        parts = [constant(item) for item in args]
        if name in _PURE and all(known and is_small(part) for known, part in parts):
            with contextlib.suppress(TypeError, ValueError, LookupError, AttributeError):
                result = getattr(owner.value, name)(*(part for _, part in parts))
                return limited(tuple(result) if isinstance(result, list) else result)
    return UNKNOWN


def _of_names(world: World, owner: Names, name: str, args: list[Value] | None) -> Value:
    """Only additions matter: those that are not known one by one may be any."""
    known = isinstance(args[0], Table) and not args[0].open if args else False
    if name == "update" and known and args and isinstance(args[0], Table):
        for key, value in args[0].entries.items():
            world.names.set_name(owner, Known(key), value)
    elif name == "setdefault" and args:
        world.names.set_name(owner, args[0], args[1] if len(args) > 1 else NONE)
    elif name not in ("get", "keys", "items", "values", "copy"):
        world.names.set_name(owner, UNKNOWN, UNKNOWN)
        if name == "update" and owner.module in world.modules.states:
            # All names of another module may be among them, and with them where that one looks for modules.
            world.modules.states[owner.module].syntax.path = True
    return UNKNOWN


def _of_items(owner: Items, name: str, args: list[Value] | None, *, in_doubt: bool) -> Value:
    if name in ("append", "add", "extend", "update", "insert"):
        if in_doubt or not args:
            owner.open = True
        elif name in ("append", "add"):
            owner.items.append(args[0])
        elif name == "insert":
            owner.items.insert(0, args[-1])
        else:
            more = sequence(args[0])
            owner.items += more or []
            owner.open |= more is None
    elif name == "copy":
        return Items(list(owner.items), owner.open)
    elif name in ("remove", "pop", "clear", "discard", "sort", "reverse", "difference_update"):
        owner.open = True
    return UNKNOWN if name not in ("append", "extend", "add") else NONE


def _of_table(owner: Table, name: str, args: list[Value] | None) -> Value:
    if name == "keys" and not owner.open:
        return Items([Known(key) for key in owner.entries])
    if name == "values" and not owner.open:
        return Items(list(owner.entries.values()))
    if name == "items" and not owner.open:
        return Items([Items([Known(key), value]) for key, value in owner.entries.items()])
    if name == "get" and args:
        known, key = constant(args[0])
        if known and is_hashable(key) and (key in owner.entries or not owner.open):
            return owner.entries.get(key, args[1] if len(args) > 1 else NONE)
    if name in ("update", "setdefault", "pop", "clear", "popitem"):
        owner.open = True
    return UNKNOWN
