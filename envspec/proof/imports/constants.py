"""What can be computed of values that are known: membership, identity, formatting, all within bounds."""

from __future__ import annotations

import contextlib
from typing import Any

from envspec.proof.imports.values import (
    UNKNOWN,
    Class,
    External,
    Function,
    Items,
    Known,
    Module,
    Names,
    Table,
    Unknown,
    Value,
    constant,
)

LONGEST = 10_000
"""Characters or items of a constant that is still computed with."""


def sequence(value: Value) -> list[Value] | None:
    """The members that going through a value yields; None when unknown."""
    if isinstance(value, Items) and not value.open:
        return value.items
    if isinstance(value, Table) and not value.open:
        return [Known(key) for key in value.entries]
    if isinstance(value, Known) and isinstance(value.value, str | tuple) and len(value.value) <= LONGEST:
        return [Known(item) for item in value.value]
    return None


def is_same(left: Value, right: Value) -> bool | None:
    """`left is right`; None when unknown."""
    if isinstance(left, Known) and isinstance(right, Known):
        singletons = (None, True, False)
        if any(left.value is s for s in singletons) or any(right.value is s for s in singletons):
            return left.value is right.value
        return None
    if isinstance(left, Unknown | External) or isinstance(right, Unknown | External):
        return None
    if left is right:
        return True
    kinds = (Known, Module, Class, Function, Items, Table)
    return (
        False
        if isinstance(left, kinds) and isinstance(right, kinds) and type(left) is not type(right)
        else None
    )


def contains(item: Value, container: Value) -> bool | None:
    """`item in container`; None when unknown."""
    known, key = constant(item)
    if not known or not is_hashable(key):
        return None
    if isinstance(container, Known) and isinstance(container.value, str) and isinstance(key, str):
        return key in container.value
    if isinstance(container, Names) and key in container.names:
        return True
    if isinstance(container, Table):
        return True if key in container.entries else (None if container.open else False)
    members = [constant(m) for m in (sequence(container) or ())]
    if any(is_known and member == key for is_known, member in members):
        return True
    closed = sequence(container) is not None and all(is_known for is_known, _ in members)
    return False if closed else None


def may_be_sets(left: Value, right: Value) -> bool:
    """Whether two values may be sets, for which `<` and `==` mean other than for lists.

    Sets, lists and tuples are one kind here. What is compared with numbers in it is a version.
    """
    members = [each.items for each in (left, right) if isinstance(each, Items)]
    return any(
        not (isinstance(item, Known) and isinstance(item.value, int)) for items in members for item in items
    )


def is_hashable(key: Any) -> bool:
    """Whether a key of a dictionary can be this."""
    try:
        hash(key)
    except TypeError:
        return False
    return True


def is_small(value: Any) -> bool:
    """Whether a constant may still be computed with."""
    if isinstance(value, str | bytes | tuple):
        return len(value) <= LONGEST
    return not isinstance(value, int) or abs(value) < 1 << 256


def limited(value: Any) -> Value:
    """A constant that was computed, unless it became too large."""
    return Known(value) if is_small(value) else UNKNOWN


def formatted(template: str, known: bool, value: Any) -> Value:
    """`%` with plain places only, which cannot grow without bound."""
    places = [template[i + 1 : i + 2] for i, letter in enumerate(template) if letter == "%"]
    if known and is_small(value) and places and all(place in ("s", "d") for place in places):
        with contextlib.suppress(TypeError, ValueError):
            return limited(template % value)
    return UNKNOWN
