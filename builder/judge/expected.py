"""What a trial expects of an answer's JSON, held against what came: the differences in few words."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from envspec.system.quoting import shortened

_SHOWN = 80
"""Characters of a value that are shown."""
_TOLD = 5
"""Differences that are told; the others are counted."""
_MANY = 1_000
"""Differences that are counted."""


def differences(expected: Any, found: Any) -> str:
    """The differences in words; empty where the answer holds all that is expected.

    Objects may hold more than is expected; lists and plain values must be equal, and 1 is not true.
    """
    every = _differences("", expected, found)
    told = list(itertools.islice(every, _TOLD))
    left = sum(1 for _ in itertools.islice(every, _MANY))
    more = [f"and {left if left < _MANY else f'at least {left}'} more"] if left else []
    return "; ".join([*told, *more])


def _differences(place: str, expected: Any, found: Any) -> Iterator[str]:
    where = f"{place} is" if place else "it is"
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            inner = f"{place}.{key}" if place else str(key)
            if key not in found:
                yield f"{inner} is missing, expected {_shown(value)}"
            else:
                yield from _differences(inner, value, found[key])
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{where} a list of {len(found)}, expected {len(expected)}"
        for number, (value, other) in enumerate(zip(expected, found, strict=False)):
            yield from _differences(f"{place}[{number}]", value, other)
    elif isinstance(expected, bool) != isinstance(found, bool) or expected != found:
        yield f"{where} {_shown(found)}, expected {_shown(expected)}"


def _shown(value: Any) -> str:
    return shortened(json.dumps(value, ensure_ascii=False, default=str), _SHOWN)
