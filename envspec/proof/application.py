"""Which of Python's two interfaces an application speaks, read off the code that makes it; nothing is run.

An ASGI application takes `scope, receive, send`, a WSGI application `environ, start_response`. What a name is
bound to is followed through imports, factories, base classes and wrappers as far as the code is there.
Sources: PEP 3333, and the ASGI specification 3.0.
"""

from __future__ import annotations

import ast
import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Final

ASGI: Final = "ASGI"
WSGI: Final = "WSGI"

Read = Callable[[str], str | None]
"""The source of a module by its dotted name, without or with `.__init__`; None where it cannot be read."""

_DEEPEST = 40
"""Steps from the name to what says it: imports, bases, calls. Frameworks take ten."""
_STEPS = 20_000
"""Steps in all."""
_MODULES = 200
"""Modules that are read at most."""

_COMPILED: Mapping[str, str] = {
    "falcon.App": WSGI,
    "falcon.API": WSGI,
    "falcon.asgi.App": ASGI,
    "blacksheep.Application": ASGI,
    "blacksheep.server.Application": ASGI,
}
"""Applications of packages that come compiled, whose code cannot be read."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Node = ast.expr | ast.stmt


class UnknownError(Exception):
    """It cannot be told; says why, as an end of a sentence that begins with the application."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Something that a module says, and the names that hold where it says it."""

    module: str
    node: _Node
    scope: tuple[_Function, ...] = ()
    """Functions around it, innermost last."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Module:
    """A whole module."""

    name: str


_Value = _Place | _Module


def application_interface(application: str, *, factory: bool, read: Read) -> str:
    """`ASGI` or `WSGI`, for `module:name`; with `factory` the name makes the application when it is called.

    Raises `UnknownError` where that cannot be told.
    """
    module, _, name = application.partition(":")
    return _Reader(read).interface(module, name, factory=factory)


class _Reader:
    def __init__(self, read: Read) -> None:
        self._read = read
        self._trees: dict[str, ast.Module | None] = {}
        self._depth = 0
        self._steps = 0

    def interface(self, module: str, name: str, *, factory: bool) -> str:
        if self._tree(module) is None:
            raise UnknownError(f"there is no source of {module} to read")
        place = _Place(module=module, node=ast.Pass())
        values = list(self._candidates(place, name))
        if not values:
            raise UnknownError(f"{module} binds no {name} that could be followed")
        asked = self._of_result if factory else self._of
        found = next(filter(None, map(asked, values)), None)
        if found is None:
            raise UnknownError(f"what {name} is in {module} could not be followed to an interface")
        return found

    # What a value speaks.

    def _of(self, value: _Value) -> str | None:
        """The interface of a value that is an application itself."""
        with self._deeper():
            if isinstance(value, _Module):
                return None
            node = value.node
            if isinstance(node, _Function):
                return _signature(node, bound=False)
            if isinstance(node, ast.ClassDef):
                return None  # a class is called with what an instance is made of
            if isinstance(node, ast.Call):
                made = self._value(value, node.func)
                return self._of_result(made) if made else None
            if isinstance(node, ast.BoolOp):
                return self._first(value, node.values)
            if isinstance(node, ast.IfExp):
                return self._first(value, [node.body, node.orelse])
            if isinstance(node, ast.Name):
                return next(filter(None, map(self._of, self._candidates(value, node.id))), None)
            inner = self._value(value, node) if isinstance(node, ast.expr) else None
            return self._of(inner) if inner is not None and inner != value else None

    def _of_result(self, made: _Value) -> str | None:
        """The interface of what calling a value gives."""
        with self._deeper():
            if isinstance(made, _Module):
                return None
            node = made.node
            if isinstance(node, ast.ClassDef):
                return self._of_instance(made)
            if isinstance(node, _Function):
                return self._returned(made, node)
            inner = self._value(made, node) if isinstance(node, ast.expr) else None
            return self._of_result(inner) if inner is not None and inner != made else None

    def _returned(self, place: _Place, function: _Function) -> str | None:
        inside = (*place.scope, function)
        for statement in _statements(function.body):
            if isinstance(statement, ast.Return) and statement.value is not None:
                returned = _Place(module=place.module, node=statement.value, scope=inside)
                if (found := self._of(returned)) is not None:
                    return found
        return None

    def _first(self, place: _Place, nodes: list[ast.expr]) -> str | None:
        found = (self._of(dataclasses.replace(place, node=node)) for node in nodes)
        return next((each for each in found if each is not None), None)

    def _of_instance(self, place: _Place) -> str | None:
        """The interface of an instance of a class: by its `__call__`, or that of a base."""
        for base in self._line(place):
            assert isinstance(base.node, ast.ClassDef)  # noqa: S101 - `_line` gives no other
            known = _COMPILED.get(f"{base.module}.{base.node.name}")
            if known is not None:
                return known
            for statement in base.node.body:
                if isinstance(statement, _Function) and statement.name == "__call__":
                    return _signature(statement, bound=True)
        return None

    def _line(self, place: _Place) -> Iterator[_Place]:
        """A class and its bases, depth first, as far as they can be followed."""
        seen: set[tuple[str, int]] = set()
        waiting = [place]
        while waiting and len(seen) < _MODULES:
            current = waiting.pop(0)
            if not isinstance(current.node, ast.ClassDef):
                continue
            key = (current.module, current.node.lineno)
            if key in seen:
                continue
            seen.add(key)
            yield current
            bases = [self._value(current, _bare(base)) for base in current.node.bases]
            waiting = [base for base in bases if isinstance(base, _Place)] + waiting

    # What a name stands for.

    def _value(self, place: _Place, node: ast.expr | ast.stmt) -> _Value | None:
        """What an expression stands for, as far as it names something."""
        with self._deeper():
            if isinstance(node, ast.Name):
                return self._named(place, node.id)
            if isinstance(node, ast.Attribute):
                whole = self._value(place, node.value)
                return self._attribute(whole, node.attr) if whole is not None else None
            if isinstance(node, ast.Await):
                return self._value(place, node.value)
            if isinstance(node, (ast.Call, ast.BoolOp, ast.IfExp)):
                return dataclasses.replace(place, node=node)
            return None

    def _named(self, place: _Place, name: str) -> _Value | None:
        """What a name stands for where it is bound first: what comes later mostly wraps it."""
        return next(iter([*self._candidates(place, name)][::-1]), None)

    def _candidates(self, place: _Place, name: str) -> Iterator[_Value]:
        """All that a name is bound to where it is bound at all, the last first."""
        for depth in range(len(place.scope), -1, -1):
            scope = place.scope[:depth]
            tree = self._tree(place.module)
            body = scope[-1].body if scope else tree.body if tree is not None else []
            found = [self._followed(place.module, each, name, scope) for each in _bindings(body, name)]
            if told := [each for each in found if each is not None]:
                yield from reversed(told)
                return

    def _attribute(self, whole: _Value, name: str) -> _Value | None:
        """What an attribute of a module, a class or an instance stands for."""
        with self._deeper():
            if isinstance(whole, _Module):
                tree = self._tree(whole.name)
                found = _bound(tree.body, name) if tree is not None else None
                if found is not None:
                    return self._followed(whole.name, found, name, ())
                inner = f"{whole.name}.{name}"
                if self._tree(inner) is not None:
                    return _Module(name=inner)
                return self._starred(whole.name, name)
            node = whole.node
            if isinstance(node, ast.ClassDef):
                return self._member(whole, name)
            if isinstance(node, ast.Call):
                made = self._value(whole, node.func)
                if isinstance(made, _Place) and isinstance(made.node, ast.ClassDef):
                    return self._member(made, name)
            return None

    def _member(self, place: _Place, name: str) -> _Value | None:
        """What a class, or its `__init__` through `self`, binds a name to."""
        for base in self._line(place):
            assert isinstance(base.node, ast.ClassDef)  # noqa: S101 - `_line` gives no other
            if (found := _bound(base.node.body, name)) is not None:
                return self._followed(base.module, found, name, ())
            for function in base.node.body:
                if isinstance(function, _Function) and function.name == "__init__":
                    for statement in _statements(function.body):
                        if (value := _set_on_self(statement, name)) is not None:
                            return _Place(module=base.module, node=value, scope=(function,))
        return None

    def _starred(self, module: str, name: str) -> _Value | None:
        tree = self._tree(module)
        for statement in _statements(tree.body) if tree is not None else ():
            if isinstance(statement, ast.ImportFrom) and any(alias.name == "*" for alias in statement.names):
                source = self._absolute(module, statement)
                if (found := self._attribute(_Module(name=source), name)) is not None:
                    return found
        return None

    def _followed(
        self, module: str, bound: ast.AST, name: str, scope: tuple[_Function, ...]
    ) -> _Value | None:
        """What a binding stands for."""
        if isinstance(bound, ast.Import):
            alias = next(each for each in bound.names if _import_name(each) == name)
            return _Module(name=alias.name if alias.asname else alias.name.partition(".")[0])
        if isinstance(bound, ast.ImportFrom):
            alias = next(each for each in bound.names if (each.asname or each.name) == name)
            source = self._absolute(module, bound)
            return self._attribute(_Module(name=source), alias.name) or self._compiled(source, alias.name)
        if isinstance(bound, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return _Place(module=module, node=bound, scope=scope)
        if isinstance(bound, ast.Name):
            return self._value(_Place(module=module, node=bound, scope=scope), bound)
        if isinstance(bound, ast.expr):
            place = _Place(module=module, node=bound, scope=scope)
            return self._value(place, bound)
        return None

    @staticmethod
    def _compiled(module: str, name: str) -> _Value | None:
        """A class whose code cannot be read and that is known all the same."""
        if _COMPILED.get(f"{module}.{name}") is None:
            return None
        node = ast.ClassDef(name=name, bases=[], keywords=[], body=[], decorator_list=[], lineno=0)
        return _Place(module=module, node=node)

    def _absolute(self, module: str, statement: ast.ImportFrom) -> str:
        """The module that a `from` names, in which a relative one counts from its own package."""
        if not statement.level:
            return statement.module or ""
        parts = module.split(".")
        own = parts if self._is_package(module) else parts[:-1]
        above = own[: len(own) - statement.level + 1]
        return ".".join([*above, *([statement.module] if statement.module else [])])

    # Sources.

    def _is_package(self, module: str) -> bool:
        return self._read(f"{module}.__init__") is not None

    def _tree(self, module: str) -> ast.Module | None:
        if module not in self._trees:
            if len(self._trees) >= _MODULES:
                return None
            text = self._read(f"{module}.__init__")
            text = self._read(module) if text is None else text
            self._trees[module] = _parsed(text) if text is not None else None
        return self._trees[module]

    def _deeper(self) -> _Reader:
        return self

    def __enter__(self) -> None:
        self._depth += 1
        self._steps += 1
        if self._depth > _DEEPEST or self._steps > _STEPS:
            raise UnknownError("it leads through more steps than are followed")

    def __exit__(self, *_: object) -> None:
        self._depth -= 1


def _parsed(text: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body and of blocks in it, but of no function or class."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, field, None) or [])
        for handler in getattr(statement, "handlers", ()):
            yield from _statements(handler.body)


def _bound(body: list[ast.stmt], name: str) -> ast.AST | None:
    """What binds a name in a body first."""
    return next(_bindings(body, name), None)


def _bindings(body: list[ast.stmt], name: str) -> Iterator[ast.AST]:
    """What binds a name in a body: definitions, imports, and expressions that it is set to but constants."""
    for statement in _statements(body):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if statement.name == name:
                yield statement
        elif isinstance(statement, ast.Import):
            if any(_import_name(alias) == name for alias in statement.names):
                yield statement
        elif isinstance(statement, ast.ImportFrom):
            if any((alias.asname or alias.name) == name for alias in statement.names):
                yield statement
        elif isinstance(statement, (ast.With, ast.AsyncWith)):
            for item in statement.items:
                if isinstance(item.optional_vars, ast.Name) and item.optional_vars.id == name:
                    yield item.context_expr
        elif (value := _set_to(statement, name)) is not None:
            yield value


def _set_to(statement: ast.stmt, name: str) -> ast.expr | None:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    if not any(isinstance(target, ast.Name) and target.id == name for target in targets):
        return None
    value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
    empty = isinstance(value, ast.Constant)
    names_itself = isinstance(value, ast.Name) and value.id == name
    return None if empty or names_itself else value


def _set_on_self(statement: ast.stmt, name: str) -> ast.expr | None:
    if not isinstance(statement, ast.Assign) or isinstance(statement.value, ast.Constant):
        return None
    for target in statement.targets:
        if (
            isinstance(target, ast.Attribute)
            and target.attr == name
            and isinstance(target.value, ast.Name)
            and target.value.id == "self"
        ):
            return statement.value
    return None


def _bare(base: ast.expr) -> ast.expr:
    """A base without what it is a generic of."""
    return base.value if isinstance(base, ast.Subscript) else base


def _import_name(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _signature(function: _Function, *, bound: bool) -> str | None:
    """The interface that a function's parameters say; `bound` leaves out `self`."""
    parameters = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    names = parameters[1:] if bound else parameters
    if names[:3] == ["scope", "receive", "send"] or (
        isinstance(function, ast.AsyncFunctionDef) and len(names) == 3
    ):
        return ASGI
    if len(names) >= 2 and (names[1] == "start_response" or names[0] in ("environ", "env")):
        return WSGI
    return None
