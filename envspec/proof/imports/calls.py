"""Following calls: of functions of the program into their bodies, of the library to what is known of them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from envspec.proof.imports import intrinsics
from envspec.proof.imports.course import Exhausted
from envspec.proof.imports.frame import Frame
from envspec.proof.imports.parsing import Parser
from envspec.proof.imports.values import (
    NONE,
    UNKNOWN,
    External,
    Function,
    Items,
    Known,
    Module,
    Names,
    Raised,
    Value,
    joined,
)
from envspec.proof.imports.world import World

_DEEPEST = 8  # calls within calls
_CALL_BUDGET = 3000  # statements of one call
_CALL_REST = 200  # what is left at least to the caller of an expensive call


class Caller:
    """Follows calls as deep and as long as the course allows."""

    def __init__(self, world: World, parser: Parser) -> None:
        self._world = world
        self._parser = parser
        self._suspending: dict[ast.AST, bool] = {}

    def call(
        self, function: Value, args: list[Value] | None, named: Mapping[str, Value], frame: Frame
    ) -> Value:
        """The result of a call; `args` is None when they are not known one by one."""
        for item in (*(args or ()), *named.values()):
            if isinstance(item, Names):
                self._world.names.set_name(item, UNKNOWN, UNKNOWN)
        if isinstance(function, External):
            if function.name in ("globals", "locals", "vars") and not args:
                here = frame.scopes[0] if function.name == "globals" or len(frame.scopes) == 1 else None
                return UNKNOWN if here is None else Names(frame.module, here)
            return intrinsics.call(self._world, function.name, args, named, frame)
        if isinstance(function, Function):
            return self._follow(function, args, named, frame)
        if function is UNKNOWN:
            self._hand_over((*(args or ()), *named.values()), frame)
        return UNKNOWN

    def _hand_over(self, items: Iterable[Value], frame: Frame) -> None:
        """Whatever gets hold of a module of the caller's own package may fill it with names.

        The caller's own name will do: `sys.modules` leads from there to the module.
        """
        states = self._world.modules.states
        here = states.get(frame.module)
        for item in items:
            state = states.get(item.name) if isinstance(item, Module) else None
            if isinstance(item, Known) and item.value == frame.module and not frame.in_function:
                state = here
            if state is not None and here is not None and state.package is here.package:
                state.open = True

    def _follow(
        self, function: Function, args: list[Value] | None, named: Mapping[str, Value], frame: Frame
    ) -> Value:
        """The result of a function of the program."""
        course = self._world.course
        node = function.node
        if course.depth >= _DEEPEST or node in course.calling:
            return UNKNOWN
        try:
            body = [] if isinstance(node, ast.Lambda) else self._parser.body(function, node)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return UNKNOWN
        if self._suspends(node):
            return UNKNOWN
        names = _arguments(function, args, named)
        inner = Frame(
            module=function.module, scopes=[*function.scopes, names], in_function=True, line=frame.line
        )
        if isinstance(node, ast.Lambda):
            return self._world.expressions.perhaps(node.body, inner)
        course.depth += 1
        course.calling.append(node)
        end, course.call_end = course.call_end, max(course.call_end, course.budget - _CALL_BUDGET)
        try:
            flow = self._world.statements.run(body, inner)
        except Exhausted:
            if course.budget < max(end, 0):
                raise
            return UNKNOWN
        finally:
            course.depth -= 1
            course.calling.pop()
            course.call_end = max(0, min(end, course.budget - _CALL_REST))
        if raised := flow.surely:
            raise Raised(raised.kind, raised.message, raised.fault, (frame.where, *raised.chain))
        results = [*flow.returns, *([NONE] if flow.normal else [])]
        value = results[0] if results else UNKNOWN
        for other in results[1:]:
            value = joined(value, other)
        return value

    def _suspends(self, node: ast.AST) -> bool:
        if node not in self._suspending:
            self._suspending[node] = _suspends(node)
        return self._suspending[node]


def _arguments(function: Function, args: list[Value] | None, named: Mapping[str, Value]) -> dict[str, Value]:
    """The names that a function's body begins with."""
    arguments = function.node.args
    positional = [item.arg for item in (*arguments.posonlyargs, *arguments.args)]
    names: dict[str, Value] = dict.fromkeys(
        [*positional, *(item.arg for item in arguments.kwonlyargs)], UNKNOWN
    )
    sure = args is not None and "" not in named
    if sure:
        names |= function.defaults
        names |= dict(zip(positional, args or [], strict=False))
        names |= {key: value for key, value in named.items() if key in names}
    if arguments.vararg:
        extra = (args or [])[len(positional) :]
        names[arguments.vararg.arg] = Items(list(extra), open=not sure)
    if arguments.kwarg:
        names[arguments.kwarg.arg] = UNKNOWN
    return names


def _suspends(node: ast.AST) -> bool:
    """Generators and coroutines run later, if ever."""
    if isinstance(node, ast.AsyncFunctionDef):
        return True
    queue = list(ast.iter_child_nodes(node))
    while queue:
        item = queue.pop()
        if isinstance(item, ast.Yield | ast.YieldFrom | ast.Await):
            return True
        if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            queue += ast.iter_child_nodes(item)
    return False
