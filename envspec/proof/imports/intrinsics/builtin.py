"""Built-in functions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from envspec.proof.imports.constants import sequence
from envspec.proof.imports.frame import Frame
from envspec.proof.imports.intrinsics.answer import Answer
from envspec.proof.imports.modules import State
from envspec.proof.imports.values import (
    FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    Class,
    External,
    Function,
    Items,
    Known,
    Module,
    Raised,
    Table,
    Value,
    constant,
    truth,
)
from envspec.proof.imports.world import World

_KINDS = {"str": str, "int": int, "tuple": tuple, "float": float, "bytes": bytes, "bool": bool}
_MOST_MAPPED = 64  # items that a function is applied to one by one


def _hasattr(world: World, args: list[Value], _: object, frame: Frame) -> Value:
    known, name = constant(args[-1])
    if not known or not isinstance(name, str) or not isinstance(args[0], Module):
        return UNKNOWN
    try:
        world.names.attribute(args[0], name, frame)
    except Raised:
        return FALSE
    state = world.modules.states.get(args[0].name)
    return TRUE if state and (name in state.names or _surely_standard(world, state, name)) else UNKNOWN


def _surely_standard(world: World, state: State, name: str) -> bool:
    names = world.modules.stdlib.names(state.name) if state.kind == "stdlib" else None
    return names is not None and name in names


def _getattr(world: World, args: list[Value], _: object, frame: Frame) -> Value:
    known, name = constant(args[1]) if len(args) > 1 else (False, None)
    if not known or not isinstance(name, str):
        return UNKNOWN
    try:
        return world.names.attribute(args[0], name, frame)
    except Raised:
        if len(args) > 2:
            return args[2]
        raise


def _setattr(world: World, args: list[Value], *_: object) -> Value:
    known, name = constant(args[1]) if len(args) > 2 else (False, None)
    if known and isinstance(name, str):
        world.names.set_attribute(args[0], name, args[2])
    elif isinstance(args[0], Module) and args[0].name in world.modules.states:
        world.modules.states[args[0].name].open = True
    return NONE


def _len(_: World, args: list[Value], *__: object) -> Value:
    items = sequence(args[0])
    return UNKNOWN if items is None else Known(len(items))


def _bool(_: World, args: list[Value], *__: object) -> Value:
    answer = truth(args[0])
    return UNKNOWN if answer is None else Known(answer)


def _callable(_: World, args: list[Value], *__: object) -> Value:
    return TRUE if isinstance(args[0], Class | Function) else UNKNOWN


def _isinstance(_: World, args: list[Value], *__: object) -> Value:
    kind = args[1] if len(args) > 1 else UNKNOWN
    if isinstance(args[0], Known) and isinstance(kind, External) and kind.name in _KINDS:
        return Known(isinstance(args[0].value, _KINDS[kind.name]))
    return UNKNOWN


def _conversion(convert: Callable[[Any], Any]) -> Answer:
    """The answer of a class that makes its kind of constant of another."""

    def answer(_: World, args: list[Value], *__: object) -> Value:
        known, value = constant(args[0])
        if known and len(args) == 1 and isinstance(value, str | int | float | bytes) and len(str(value)) < 64:
            with contextlib.suppress(TypeError, ValueError, OverflowError):
                return Known(convert(value))
        return UNKNOWN

    return answer


def _list(world: World, args: list[Value], *_: object) -> Value:
    items = world.names.members(args[0])
    return Items([], open=True) if items is None else Items(list(items))


def _empty(*_: object) -> Value:
    return Items([], open=False)


def _dict(_: World, args: list[Value], named: Mapping[str, Value], __: Frame) -> Value:
    return Table(dict(named), open=bool(args) or "" in named)


def _map(world: World, args: list[Value], named: Mapping[str, Value], frame: Frame) -> Value:
    items = sequence(args[1]) if len(args) == 2 else None
    if items is None or len(items) > _MOST_MAPPED or not isinstance(args[0], External):
        return Items([], open=True)
    return Items([world.calls.call(args[0], [item], named, frame) for item in items])


def _any(_: World, args: list[Value], *__: object) -> Value:
    answers = [truth(item) for item in (sequence(args[0]) or [UNKNOWN])]
    if True in answers:
        return TRUE
    return UNKNOWN if None in answers else FALSE


def _all(_: World, args: list[Value], *__: object) -> Value:
    answers = [truth(item) for item in (sequence(args[0]) or [UNKNOWN])]
    if False in answers:
        return FALSE
    return UNKNOWN if None in answers else TRUE


CALLS: dict[str, Answer] = {
    "all": _all,
    "any": _any,
    "bool": _bool,
    "callable": _callable,
    "dict": _dict,
    "float": _conversion(float),
    "frozenset": _list,
    "getattr": _getattr,
    "hasattr": _hasattr,
    "int": _conversion(int),
    "isinstance": _isinstance,
    "len": _len,
    "list": _list,
    "map": _map,
    "set": _list,
    "setattr": _setattr,
    "sorted": _list,
    "str": _conversion(str),
    "tuple": _list,
}
"""Answers to calls with arguments by position."""

BARE_CALLS: dict[str, Answer] = {
    "dict": _dict,
    "frozenset": _empty,
    "list": _empty,
    "set": _empty,
    "tuple": _empty,
}
"""Answers to calls without any."""
