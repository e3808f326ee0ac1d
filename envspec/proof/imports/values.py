"""What an expression may be when nothing is run: known, a module, a class, a function, or unknown."""

from __future__ import annotations

import ast
import builtins
import dataclasses
from collections.abc import Sequence
from typing import Any


class Unknown:
    """Anything at all."""

    def __repr__(self) -> str:
        return "?"


UNKNOWN = Unknown()


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """A constant: None, a number, text, a tuple of such, or a version."""

    value: Any


@dataclasses.dataclass(eq=False, slots=True)
class Items:
    """A list, tuple or set; `open` when it may hold more or less than `items`."""

    items: list[Value]
    open: bool = False


@dataclasses.dataclass(eq=False, slots=True)
class Table:
    """A dictionary with known keys; `open` when it may have others."""

    entries: dict[Any, Value]
    open: bool = False


@dataclasses.dataclass(eq=False, slots=True)
class Names:
    """The names of a module as a dictionary: what `globals()` gives."""

    module: str
    names: dict[str, Value]


@dataclasses.dataclass(eq=False, slots=True)
class Module:
    """A module that was imported; what is known of it stands in its `State`."""

    name: str


@dataclasses.dataclass(eq=False, slots=True)
class External:
    """Something of the standard library or built in, by its dotted name, such as `os.path.join`."""

    name: str


@dataclasses.dataclass(eq=False, slots=True)
class Class:
    """A class statement's result."""

    name: str
    names: dict[str, Value]
    bases: tuple[Value, ...]


@dataclasses.dataclass(eq=False, slots=True)
class Function:
    """A function with the scopes that it sees, innermost last."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    module: str
    scopes: tuple[dict[str, Value], ...]
    defaults: dict[str, Value]


Value = Unknown | Known | Items | Table | Names | Module | External | Class | Function

NONE, TRUE, FALSE = Known(None), Known(True), Known(False)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SourceLine:
    """A line of a module, by its number."""

    module: str
    line: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line}"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """The root cause of an import that fails."""

    kind: str
    """`module`, `name`, `stdlib-module`, `stdlib-name`, `platform-name`, `unbound`, `syntax`, `library`,
    `binary`, `bases`, `importer`, `stub` or `raised`."""
    wanted: str
    """What is missing, such as `werkzeug.urls.url_quote`; the message for `raised`."""
    owner: str
    """Distribution that should have had it; empty when none does."""
    where: SourceLine


class Raised(Exception):  # noqa: N818 — an event of the program that is read, no error of ours
    """A statement surely raises: the exception's class, and the fault at its root where there is one."""

    def __init__(self, kind: Value, message: str, fault: Fault, chain: tuple[SourceLine, ...] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.fault = fault
        self.chain = chain
        """Import statements from the outermost to the fault."""

    @property
    def builtin(self) -> type[BaseException] | None:
        """The built-in exception class that it is or derives from; None when unknown."""
        return exception_class(self.kind)


def exception_class(value: Value) -> type[BaseException] | None:
    """The built-in exception that a class is, or derives from first."""
    if isinstance(value, External):
        name = _ALIASES.get(value.name, value.name)
        found = getattr(builtins, name, None)
        return found if isinstance(found, type) and issubclass(found, BaseException) else None
    if isinstance(value, Class):
        return next(filter(None, map(exception_class, value.bases)), None)
    return None


_ALIASES = {
    "IOError": "OSError",
    "EnvironmentError": "OSError",
    "socket.error": "OSError",
    "select.error": "OSError",
    "importlib.metadata.PackageNotFoundError": "ModuleNotFoundError",
}


_MERGED = {
    "asyncio.TimeoutError": (3, 11),
    "concurrent.futures.TimeoutError": (3, 11),
    "socket.timeout": (3, 10),
}
"""Classes that are `TimeoutError` itself since a version. Source: their own documentation."""


def twice(bases: Sequence[Value], version: tuple[int, ...]) -> str:
    """The name of a class that stands among the bases twice, under two names perhaps; empty without one."""
    seen: set[object] = set()
    for base in bases:
        key: object = id(base) if isinstance(base, Class) else None
        if isinstance(base, External):
            name = base.name.removeprefix("builtins.")
            merged = name in _MERGED and version >= _MERGED[name]
            key = "TimeoutError" if merged else _ALIASES.get(name, name)
        if key is not None and key in seen:
            return base.name.rpartition(".")[2] if isinstance(base, External | Class) else ""
        seen.add(key)
    return ""


def is_kind_of(raised: Value, handler: Value) -> bool | None:
    """Whether `except handler` takes an exception of class `raised`; None when that cannot be told."""
    if isinstance(handler, Items):
        answers = [is_kind_of(raised, item) for item in handler.items]
        if any(answers):
            return True
        return None if handler.open or None in answers else False
    if raised is handler:
        return True
    if isinstance(handler, Class):
        return _derives(raised, handler)
    ours, theirs = exception_class(raised), exception_class(handler)
    if theirs is None:
        return None
    if ours is not None and issubclass(ours, theirs):
        return True
    return None if ours is None or isinstance(raised, Class) else False


def _derives(raised: Value, handler: Class) -> bool | None:
    """A built-in exception never derives from a class of the program."""
    if isinstance(raised, Class):
        answers = [base is handler or _derives(base, handler) for base in raised.bases]
        return True if any(answers) else (None if None in answers else False)
    return False if isinstance(raised, External) else None


def truth(value: Value) -> bool | None:
    """Truth value; None when unknown."""
    if isinstance(value, Known):
        try:
            return bool(value.value)
        except (TypeError, ValueError):
            return None
    if isinstance(value, Items):
        return None if value.open else bool(value.items)
    if isinstance(value, Table):
        return None if value.open else bool(value.entries)
    return None if isinstance(value, Unknown) else True


def constant(value: Value) -> tuple[bool, Any]:
    """(known, Python object) of a value that is constant all through."""
    if isinstance(value, Known):
        return True, value.value
    if isinstance(value, Items) and not value.open:
        parts = [constant(item) for item in value.items]
        if all(known for known, _ in parts):
            return True, tuple(item for _, item in parts)
    return False, None


def joined(one: Value, other: Value) -> Value:
    """What is known when it may be either."""
    if one is other:
        return one
    if isinstance(one, Known) and isinstance(other, Known) and type(one.value) is type(other.value):
        return one if one.value == other.value else UNKNOWN
    if isinstance(one, Module) and isinstance(other, Module) and one.name == other.name:
        return one
    return UNKNOWN
