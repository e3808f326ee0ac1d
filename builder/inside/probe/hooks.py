"""Methods that classes override wrongly: the other package calls another in their place, or otherwise."""

from __future__ import annotations

import ast
import functools
import glob
import inspect
import os
import re
import sys
import types

from . import confirming, reading

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
    for kind in classes(module):
        for base, name in overridden(kind, others):
            theirs = sources(top_of(base))
            instead = successor(kind, base, name, theirs)
            own = (confirming.source(path) or "" for path in paths) if instead else ()
            if instead and not is_called(name, theirs) and not is_called(name, own):
                found.append(dict(told(kind, base, name), instead=instead))
    return found


def unfit(module: str, others: set[str]) -> list[dict[str, Any]]:
    """Overrides in a module that do not take what the other package passes to them, with the `argument`.

    That is one by name, else an empty text. Told only where every call of the name in the other package is
    one that the overridden method takes and the override does not, and where nothing else has that name.
    """
    found = []
    for kind in classes(module):
        for base, name in overridden(kind, others):
            ours, theirs = signature(vars(kind)[name]), signature(vars(base)[name])
            if ours is None or theirs is None or ours.parameters.keys() == theirs.parameters.keys():
                continue
            texts = sources(top_of(base))
            calls = [each for each in calls_of(name, texts) if takes(theirs, each)]
            if not calls or any(takes(ours, each) for each in calls) or not is_alone(base, name, texts):
                continue
            words = [word for _, named in calls for word in named if word not in ours.parameters]
            found.append(dict(told(kind, base, name), overrides=True, argument=words[0] if words else ""))
            break
    return found


def classes(module: str) -> list[Any]:
    """The classes that a module defines."""
    values = list(vars(sys.modules[module]).values())
    return [each for each in values if issubclass(type(each), type) and each.__module__ == module]


def told(kind: Any, base: Any, name: str) -> dict[str, Any]:
    """Where a class overrides a method of a base."""
    place = "%s.%s.%s" % (base.__module__, base.__qualname__, name)
    return {"line": vars(kind)[name].__code__.co_firstlineno, "name": place, "class": kind.__name__}


def top_of(kind: Any) -> str:
    """The top-level module that a class is from."""
    return str(kind.__module__).partition(".")[0]


def signature(function: Any) -> inspect.Signature | None:
    """What a function takes; None where a decorator or the function itself says it in its stead."""
    if "__wrapped__" in vars(function) or "__signature__" in vars(function):
        return None
    return inspect.signature(function)


def calls_of(name: str, texts: Iterable[str]) -> set[tuple[int, tuple[str, ...]]]:
    """Calls of a method in sources: how many arguments by place, and the names of the others.

    Empty where one of them cannot be told, or the method is handed on.
    """
    found = set()
    word = re.compile(r"\.%s\b" % re.escape(name))
    for text in texts:
        if "'%s'" % name in text or '"%s"' % name in text:
            return set()
        tree = confirming.parse(text) if word.search(text) else None
        called = set()
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name:
                called.add(id(node.func))
                if reading.last_name(node.func.value) == "super":
                    continue
                if any(isinstance(each, ast.Starred) for each in node.args):
                    return set()
                if any(each.arg is None for each in node.keywords):
                    return set()
                found.add((len(node.args), tuple(str(each.arg) for each in node.keywords)))
            elif isinstance(node, ast.Attribute) and node.attr == name and id(node) not in called:
                return set()
    return found


def takes(signature: inspect.Signature, call: tuple[int, tuple[str, ...]]) -> bool:
    """Whether a method with this signature takes the arguments of a call, beside its object."""
    given, named = call
    try:
        signature.bind(*[None] * (given + 1), **dict.fromkeys(named))
    except TypeError:
        return False
    return True


def is_alone(base: Any, name: str, texts: tuple[str, ...]) -> bool:
    """Whether what is called by this name can only be a method of that family of classes."""
    family = set()
    for module in list(sys.modules.values()):
        for kind in list(getattr(module, "__dict__", {}).values()):
            if issubclass(type(kind), type) and name in vars(kind):
                if base not in kind.__mro__ and kind not in base.__mro__:
                    return False
                if top_of(kind) == top_of(base):
                    family.add(id(vars(kind)[name]))
    made = re.compile(r"\bdef %s\b" % re.escape(name))
    return sum(len(made.findall(text)) for text in texts) == len(family)


def overridden(kind: Any, others: set[str]) -> Iterator[tuple[Any, str]]:
    """The classes of others that a class is made from, with the public methods that it replaces."""
    for base in kind.__mro__[1:]:
        if top_of(base) in others:
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
    module = sys.modules.get(top)
    file = getattr(module, "__file__", None) or ""
    files = [file] if file.endswith(".py") else []
    if files and hasattr(module, "__path__"):
        files = glob.glob(os.path.join(os.path.dirname(file), "**", "*.py"), recursive=True)
    return tuple(confirming.source(path) or "" for path in files) if len(files) <= FILES else ()
