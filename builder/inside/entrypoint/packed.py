"""What a module's text compiles to, as the file that Python loads instead of it: always the same bytes."""

from __future__ import annotations

import importlib.util
import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

FORM = 2
"""Number of the form that files have: what is kept of another one is not taken."""

_SHORT = [sys.intern(chr(number)) for number in range(256)]
"""A string of one character exists once in a process, and is packed with whether it is interned: all are."""


def compiled(text: bytes, path: str) -> CodeType | None:
    """The code of a module; None for what does not compile: packages and payloads carry templates of code."""
    try:
        return compile(text, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None


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
    return _again(_merged(loaded, {})) if hasattr(code, "replace") and _has_sets(loaded) else loaded


def _again(code: CodeType) -> CodeType:
    found: CodeType = marshal.loads(marshal.dumps(code))  # noqa: S302 - what this Python has just made
    return found


def _has_sets(code: CodeType) -> bool:
    return any(
        _has_sets(each) if isinstance(each, type(code)) else isinstance(each, frozenset)
        for each in code.co_consts
    )


def _merged(code: CodeType, sets: dict[tuple[str, ...], frozenset[object]]) -> CodeType:
    """The code with one object for equal sets: where a word in them is alive, each function has its own.

    Every part is made anew, since that ends what they have in common besides.
    """
    constants = []  # type: list[object]
    for each in code.co_consts:
        if isinstance(each, type(code)):
            constants.append(_merged(each, sets))
        elif isinstance(each, frozenset):
            constants.append(sets.setdefault(tuple(sorted(map(repr, each))), each))
        else:
            constants.append(each)
    return code.replace(co_consts=tuple(constants))


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
