"""Methods that classes override in vain: the other package calls one of another name in their place."""

from __future__ import annotations

import functools
import glob
import os
import re
import sys
import types

from . import confirming

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Iterator

FILES = 300
"""Files of another package that are looked through for calls of a method."""


def idle(module: str, paths: list[str], others: set[str]) -> list[dict[str, Any]]:
    """Overrides in a module that are never called, with what is called in their place.

    `paths` are the sources of the module's distribution, `others` top-level modules of other ones.
    """
    found = []
    for kind in list(vars(sys.modules[module]).values()):
        if not issubclass(type(kind), type) or kind.__module__ != module:
            continue
        for base, name in overridden(kind, others):
            theirs = sources(str(base.__module__).partition(".")[0])
            instead = successor(kind, base, name, theirs)
            own = (confirming.source(path) or "" for path in paths) if instead else ()
            if instead and not is_called(name, theirs) and not is_called(name, own):
                place = "%s.%s.%s" % (base.__module__, base.__qualname__, name)
                line = vars(kind)[name].__code__.co_firstlineno
                found.append({"line": line, "name": place, "instead": instead, "class": kind.__name__})
    return found


def overridden(kind: Any, others: set[str]) -> Iterator[tuple[Any, str]]:
    """The classes of others that a class is made from, with the public methods that it replaces."""
    for base in kind.__mro__[1:]:
        if str(base.__module__).partition(".")[0] in others:
            for name, value in list(vars(base).items()):
                ours = vars(kind).get(name)
                if type(value) is type(ours) is types.FunctionType and not name.startswith("_"):
                    yield base, name


def successor(kind: Any, base: Any, name: str, theirs: tuple[str, ...]) -> str:
    """A method that the base calls, of a name that has this one in it, and that the class leaves as it is."""
    longer = re.compile(r"(^|_)%s(_|$)" % re.escape(name))
    for other, value in list(vars(base).items()):
        if other != name and longer.search(other) and type(value) is types.FunctionType:
            if getattr(kind, other, None) is value and is_called(other, theirs):
                return str(other)
    return ""


def is_called(name: str, texts: Iterable[str]) -> bool:
    """Whether sources call a method of this name, or hand it on; through `super()` does not count."""
    word = re.compile(r"(?<!super\(\))\.%s\b|[\"']%s[\"']" % (re.escape(name), re.escape(name)))
    return any(name in text and word.search(text) is not None for text in texts)


@functools.lru_cache(maxsize=8)
def sources(top: str) -> tuple[str, ...]:
    """The Python files of a package; none where they are too many to look through."""
    folder = os.path.dirname(getattr(sys.modules.get(top), "__file__", None) or "")
    files = glob.glob(os.path.join(folder, "**", "*.py"), recursive=True) if folder else []
    return tuple(confirming.source(path) or "" for path in files) if len(files) <= FILES else ()
