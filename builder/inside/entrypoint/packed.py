"""What a module's text compiles to, as the file that Python loads instead of it: always the same bytes."""

from __future__ import annotations

import importlib.util
import marshal
import os
import sys
from types import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

FORM = 3
"""Number of what these programs make of a module: what is kept of another one is not taken. It goes up with
every change of that, and a test holds it to the text of both."""

DEEPEST = 100
"""How deep constants and functions may lie in one another. Beyond what people write, and far below the limits
of Python's own packing, which depend on where in a program they are met."""

_SHORT = [sys.intern(chr(number)) for number in range(256)]
"""A string of one character exists once in a process, and is packed with whether it is interned: all are."""


def compiled(text: bytes, path: str) -> CodeType | None:
    """The code of a module; None for what does not compile: packages and payloads carry templates of code.

    None as well for what cannot be packed, since it lies in itself too deeply.
    """
    try:
        code = compile(text, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None
    return code if _is_shallow(code) else None


def _is_shallow(code: CodeType) -> bool:
    level: list[Any] = [code]
    for _ in range(DEEPEST):
        inner = [each.co_consts if isinstance(each, CodeType) else each for each in level]
        level = [each for parts in inner for each in parts if isinstance(each, (CodeType, tuple, frozenset))]
        if not level:
            return True
    return False


def packed(text: bytes, code: CodeType) -> bytes:
    """The file, which is trusted without a look at the source: an image does not change. Source: PEP 552.

    The code is packed anew: how Python packs equal constants depends on what else is alive, and here that is
    always the same.
    """
    again = marshal.dumps(_alone(code))
    return importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + importlib.util.source_hash(text) + again


def _alone(code: CodeType) -> CodeType:
    """The code, of objects that nothing else holds, and of which equal ones are one or not as ever."""
    loaded = _again(code)
    return _again(_Merging(loaded).code(loaded)) if hasattr(code, "replace") else loaded


def _again(code: CodeType) -> CodeType:
    found: CodeType = marshal.loads(marshal.dumps(code))  # noqa: S302 - what this Python has just made
    return found


class _Merging:
    """Makes one object of the equal constants of a module, whatever they are in the process at hand.

    Where a word is alive elsewhere, Python gives each function its own set of words with it, and a name its
    own text apart from a constant that is equal to it.
    """

    def __init__(self, module: CodeType) -> None:
        self._names = frozenset(_names(module))
        self._known: dict[tuple[type, str], Any] = {}

    def code(self, code: CodeType) -> CodeType:
        """The code of such constants. Every part is made anew, so that nothing else is in common."""
        named: dict[str, Any] = {"co_name": sys.intern(code.co_name)}
        if hasattr(code, "co_qualname"):
            named["co_qualname"] = sys.intern(code.co_qualname)
        return code.replace(co_consts=tuple(map(self._constant, code.co_consts)), **named)

    def _constant(self, each: Any) -> Any:
        if isinstance(each, CodeType):
            return self.code(each)
        if isinstance(each, str):
            return sys.intern(each) if each in self._names else each
        if isinstance(each, frozenset):
            each = sorted(each, key=repr)
            return self._known.setdefault((frozenset, repr(each)), frozenset(map(self._constant, each)))
        if isinstance(each, tuple):
            return self._known.setdefault((tuple, repr(each)), tuple(map(self._constant, each)))
        return each


def _names(code: CodeType) -> Iterator[str]:
    """What a module names: Python interns it."""
    yield from (code.co_name, getattr(code, "co_qualname", ""), *code.co_names)
    yield from (*code.co_varnames, *code.co_cellvars, *code.co_freevars)
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _names(each)


def kept(cache: str, text: bytes, path: str) -> str:
    """The file of a cache for what Python makes of a module: of its text, its path and the Python alone."""
    import hashlib  # slow to load, and many a caller has no cache

    depends = b"\0".join((b"%d" % FORM, sys.version.encode(), os.fsencode(path), text))
    return f"{cache}/{hashlib.sha256(depends).hexdigest()}"


def keep(file: str, data: bytes) -> None:
    """Put data into a cache, for others to see whole or not at all."""
    fresh = f"{file}.{os.getpid()}"
    with open(fresh, "wb") as stream:
        stream.write(data)
    os.replace(fresh, file)
