"""Reading statements: which ways a block may end, and what its names are afterwards."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from envspec.proof.imports.constants import sequence
from envspec.proof.imports.flow import Flow
from envspec.proof.imports.frame import Frame
from envspec.proof.imports.values import (
    UNKNOWN,
    Class,
    External,
    Fault,
    Function,
    Items,
    Known,
    Raised,
    Value,
    is_kind_of,
    joined,
    truth,
    twice,
)
from envspec.proof.imports.world import World

_MOST_ROUNDS = 300


class Executor:
    """Executes statements; imports are left to the importer."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._course = world.course
        self._expressions = world.expressions
        self._readers: dict[type[ast.stmt], Callable[[Any, Frame], Flow | None]] = {
            ast.AnnAssign: self._annotated,
            ast.Assert: self._assert,
            ast.Assign: self._assign,
            ast.AsyncFor: self._for,
            ast.AsyncFunctionDef: self._function,
            ast.AsyncWith: self._with,
            ast.AugAssign: self._augmented,
            ast.Break: self._jump,
            ast.ClassDef: self._class,
            ast.Continue: self._jump,
            ast.Delete: self._delete,
            ast.Expr: self._expression,
            ast.For: self._for,
            ast.FunctionDef: self._function,
            ast.Global: self._global,
            ast.If: self._if,
            ast.Import: world.imports.run_import,
            ast.ImportFrom: world.imports.run_from,
            ast.Match: self._match,
            ast.Raise: self._raise,
            ast.Return: self._return,
            ast.Try: self._try,
            ast.TryStar: self._try,
            ast.While: self._while,
            ast.With: self._with,
        }

    def run(self, block: Sequence[ast.stmt], frame: Frame) -> Flow:
        """Go through a block."""
        total = Flow()
        for statement in block:
            self._course.step()
            frame.line = statement.lineno
            reader = self._readers.get(type(statement))
            try:
                flow = reader(statement, frame) if reader else None
            except Raised as raised:
                flow = Flow(normal=False, raises=[raised])
            if flow is None:
                continue
            total.take(flow)
            if not flow.normal:
                total.normal = False
                break
        return total

    # -- simple statements ------------------------------------------------------------------------

    def _expression(self, node: ast.Expr, frame: Frame) -> None:
        self._expressions.evaluate(node.value, frame)

    def _assign(self, node: ast.Assign, frame: Frame) -> None:
        value = self._expressions.evaluate(node.value, frame)
        for target in node.targets:
            self._expressions.bind(target, value, frame)

    def _annotated(self, node: ast.AnnAssign, frame: Frame) -> None:
        if not frame.in_function:
            self._annotation(node.annotation, frame)
        if node.value is not None:
            self._expressions.bind(node.target, self._expressions.evaluate(node.value, frame), frame)

    def _annotation(self, node: ast.expr | None, frame: Frame) -> None:
        """Evaluate an annotation where the target's Python does so while it imports."""
        state = self._world.modules.states.get(frame.module)
        if node is not None and state is not None and not state.future:
            self._expressions.evaluate(node, frame)

    def _augmented(self, node: ast.AugAssign, frame: Frame) -> None:
        value = self._expressions.evaluate(node.value, frame)
        if not isinstance(node.target, ast.Name):
            return
        old = self._expressions.perhaps(ast.Name(id=node.target.id, ctx=ast.Load()), frame)
        if isinstance(old, Items):
            more = sequence(value)
            if more is None or self._course.doubt:
                old.open = True
            elif isinstance(node.op, ast.Add):
                old.items += more
            else:
                old.open = True
        else:
            operation = ast.BinOp(left=node.target, op=node.op, right=node.value)
            self._expressions.bind(node.target, self._expressions.perhaps(operation, frame), frame)

    def _delete(self, node: ast.Delete, frame: Frame) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                if self._course.doubt:
                    frame.names[target.id] = UNKNOWN
                else:
                    frame.names.pop(target.id, None)

    def _global(self, node: ast.Global, frame: Frame) -> None:
        frame.shared |= set(node.names)

    def _return(self, node: ast.Return, frame: Frame) -> Flow:
        return Flow(normal=False, returns=[self._expressions.evaluate(node.value, frame)])

    def _jump(self, *_: object) -> Flow:
        return Flow(normal=False, jumps=True)

    def _assert(self, node: ast.Assert, frame: Frame) -> None:
        if truth(self._expressions.evaluate(node.test, frame)) is False:
            raise self._raised(External("AssertionError"), "an assertion fails", frame)

    def _raise(self, node: ast.Raise, frame: Frame) -> Flow:
        if node.exc is None:
            raised = frame.handled[-1] if frame.handled else self._raised(UNKNOWN, "", frame)
            return Flow(normal=False, raises=[raised])
        call = node.exc if isinstance(node.exc, ast.Call) else None
        kind = self._expressions.evaluate(call.func if call else node.exc, frame)
        words = [self._expressions.perhaps(item, frame) for item in (call.args if call else ())]
        message = " ".join(str(word.value) for word in words if isinstance(word, Known))
        frame.line = node.lineno
        return Flow(normal=False, raises=[self._raised(kind, message, frame)])

    def _raised(self, kind: Value, message: str, frame: Frame) -> Raised:
        """An exception of the program; one raised while another is handled keeps the other's fault."""
        if frame.handled:
            first = frame.handled[-1]
            return Raised(kind, message or first.message, first.fault, first.chain)
        fault = Fault(kind="raised", wanted=message, owner="", where=frame.where)
        return Raised(kind, message, fault)

    # -- definitions ------------------------------------------------------------------------------

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> None:
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        values = [self._expressions.evaluate(item, frame) for item in arguments.defaults]
        defaults = {
            a.arg: v for a, v in zip(positional[len(positional) - len(values) :], values, strict=True)
        }
        for argument, item in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if item is not None:
                defaults[argument.arg] = self._expressions.evaluate(item, frame)
        for argument in (*positional, *arguments.kwonlyargs):
            self._annotation(argument.annotation, frame)
        self._annotation(node.returns, frame)
        scopes = frame.scopes[:-1] if frame.in_class else frame.scopes
        found: Value = Function(node, frame.module, tuple(scopes), defaults)
        for decorator in reversed(node.decorator_list):
            frame.line = decorator.lineno
            outer = self._expressions.evaluate(decorator, frame)
            if not (isinstance(outer, External) and outer.name in _TRANSPARENT):
                found = UNKNOWN
        frame.names[node.name] = found

    def _class(self, node: ast.ClassDef, frame: Frame) -> None:
        evaluate = self._expressions.evaluate
        bases = tuple(evaluate(base, frame) for base in node.bases if not isinstance(base, ast.Starred))
        for keyword in node.keywords:
            self._expressions.evaluate(keyword.value, frame)
        if name := twice(bases, self._world.modules.version):
            fault = Fault(kind="bases", wanted=name, owner="", where=frame.where)
            raise Raised(External("TypeError"), f"duplicate base class {name}", fault)
        for decorator in node.decorator_list:
            frame.line = decorator.lineno
            self._expressions.evaluate(decorator, frame)
        names: dict[str, Value] = {}
        inner = dataclasses.replace(frame, scopes=[*frame.scopes, names], in_class=True, shared=set())
        flow = self.run(node.body, inner)
        if raised := flow.surely:
            raise raised
        frame.names[node.name] = Class(node.name, names, bases)

    # -- branches ---------------------------------------------------------------------------------

    def _if(self, node: ast.If, frame: Frame) -> Flow:
        answer = truth(self._expressions.evaluate(node.test, frame))
        if answer is not None:
            return self.run(node.body if answer else node.orelse, frame)
        return self._either([node.body, node.orelse], frame)

    def _either(self, blocks: Sequence[Sequence[ast.stmt]], frame: Frame) -> Flow:
        """One of several blocks runs; nobody knows which."""
        before = dict(frame.names)
        total = Flow(normal=False)
        states: list[dict[str, Value]] = []
        for block in blocks:
            _become(frame.names, before)
            with self._course.doubtful():
                flow = self.run(block, frame)
            total.take(flow)
            total.normal |= flow.normal
            if flow.lasting:
                states.append(dict(frame.names))
        _become(frame.names, _joined_names(states) if states else before)
        return total

    def _match(self, node: ast.Match, frame: Frame) -> Flow:
        self._expressions.evaluate(node.subject, frame)
        blocks = [case.body for case in node.cases]
        for case in node.cases:
            for part in ast.walk(case.pattern):
                name = getattr(part, "name", None) or getattr(part, "rest", None)
                if isinstance(name, str):
                    frame.names[name] = UNKNOWN
        return self._either([*blocks, []], frame)

    def _for(self, node: ast.For | ast.AsyncFor, frame: Frame) -> Flow:
        items = self._world.names.members(self._expressions.evaluate(node.iter, frame))
        if items is None or len(items) > _MOST_ROUNDS:
            self._expressions.bind(node.target, UNKNOWN, frame)
            return self._perhaps_often(node, frame)
        total = Flow()
        for item in list(items):
            self._expressions.bind(node.target, item, frame)
            flow = self.run(node.body, frame)
            total.returns += flow.returns
            total.raises += flow.raises
            if flow.jumps:  # which rounds follow is no longer known
                self._expressions.bind(node.target, UNKNOWN, frame)
                total.take(dataclasses.replace(self._perhaps_often(node, frame), jumps=False))
                return total
            if not flow.normal:
                total.normal = False
                return total
        total.take(flow := self.run(node.orelse, frame))
        total.normal = flow.normal
        return total

    def _while(self, node: ast.While, frame: Frame) -> Flow:
        if truth(self._expressions.evaluate(node.test, frame)) is False:
            return self.run(node.orelse, frame)
        return self._perhaps_often(node, frame)

    def _perhaps_often(self, node: ast.For | ast.AsyncFor | ast.While, frame: Frame) -> Flow:
        """A body that runs any number of times: whatever it raises may not happen."""
        total = self._either([[*node.body], []], frame)
        total.take(self._either([[*node.orelse], []], frame))
        return Flow(normal=True, returns=total.returns)

    def _with(self, node: ast.With | ast.AsyncWith, frame: Frame) -> Flow:
        swallows = False
        for item in node.items:
            value = self._expressions.evaluate(item.context_expr, frame)
            call = item.context_expr
            name = ""
            if isinstance(call, ast.Call):
                function = self._expressions.perhaps(call.func, frame)
                name = function.name if isinstance(function, External) else ""
            swallows |= name not in _PASSING
            if item.optional_vars is not None:
                entered = UNKNOWN if isinstance(value, Known) else value
                self._expressions.bind(item.optional_vars, entered, frame)
        flow = self.run(node.body, frame)
        if swallows and not flow.normal and flow.raises:
            flow.normal = True
        return flow

    def _try(self, node: ast.Try, frame: Frame) -> Flow:
        before = dict(frame.names)
        guard = any(_takes_name_errors(handler) for handler in node.handlers)
        self._course.name_guards += guard
        try:
            flow = self.run(node.body, frame)
        finally:
            self._course.name_guards -= guard
        raised = flow.surely
        if raised is not None:
            flow = self._handle(node, raised, frame)
        elif not _plain(node.body) or flow.raises or _guessed(node.body, frame):
            flow = self._perhaps_handled(node, flow, before, frame)
        elif flow.normal:
            flow = self._then(flow, node.orelse, frame)
        return self._then(flow, node.finalbody, frame, always=True)

    def _then(self, flow: Flow, block: Sequence[ast.stmt], frame: Frame, *, always: bool = False) -> Flow:
        if not block or not (flow.normal or always):
            return flow
        after = self.run(block, frame)
        if not after.normal:
            if not flow.normal and after.returns and not after.raises:
                return after
            flow = dataclasses.replace(flow, normal=False)
        flow.take(after)
        return flow

    def _handle(self, node: ast.Try, raised: Raised, frame: Frame) -> Flow:
        """The body surely raises: the first handler that takes the exception runs."""
        perhaps: list[ast.ExceptHandler] = []
        for handler in node.handlers:
            kind = self._handler_kind(handler, frame)
            takes = True if kind is None else is_kind_of(raised.kind, kind)
            if takes is None:
                perhaps.append(handler)
            elif takes:
                if not perhaps:
                    return self._handler_body(handler, raised, frame)
                return self._either_handler([*perhaps, handler], raised, frame)
        if perhaps:
            flow = self._either_handler(perhaps, raised, frame)
            flow.raises.append(raised)
            return flow
        return Flow(normal=False, raises=[raised])

    def _handler_kind(self, handler: ast.ExceptHandler, frame: Frame) -> Value | None:
        return None if handler.type is None else self._expressions.perhaps(handler.type, frame)

    def _handler_body(self, handler: ast.ExceptHandler, raised: Raised | None, frame: Frame) -> Flow:
        if handler.name:
            frame.names[handler.name] = UNKNOWN
        if raised is None:
            unknown = Fault(kind="raised", wanted="", owner="", where=frame.where)
            raised = Raised(UNKNOWN, "", unknown)
        frame.handled.append(raised)
        try:
            return self.run(handler.body, frame)
        finally:
            frame.handled.pop()

    def _either_handler(
        self, handlers: Sequence[ast.ExceptHandler], raised: Raised | None, frame: Frame
    ) -> Flow:
        before = dict(frame.names)
        total = Flow(normal=False)
        states: list[dict[str, Value]] = []
        for handler in handlers:
            _become(frame.names, before)
            with self._course.doubtful():
                flow = self._handler_body(handler, raised, frame)
            total.take(flow)
            total.normal |= flow.normal
            if flow.lasting:
                states.append(dict(frame.names))
        _become(frame.names, _joined_names(states) if states else before)
        return total

    def _perhaps_handled(self, node: ast.Try, flow: Flow, before: dict[str, Value], frame: Frame) -> Flow:
        """Something in the body may raise: the handlers may run as well, on names half bound."""
        flow = self._then(flow, node.orelse, frame)
        after = dict(frame.names)
        states = [after] if flow.lasting else []
        halfway = _joined_names([before, after])
        for handler in node.handlers:
            _become(frame.names, halfway)
            with self._course.doubtful():
                other = self._handler_body(handler, None, frame)
            flow.returns += other.returns
            flow.jumps |= other.jumps
            flow.normal |= other.normal
            if other.lasting:
                states.append(dict(frame.names))
        _become(frame.names, _joined_names(states) if states else after)
        return dataclasses.replace(flow, raises=[]) if flow.lasting or flow.returns else flow


_TRANSPARENT = frozenset(
    {"functools.lru_cache", "functools.cache", "typing.overload", "typing.no_type_check", "functools.wraps"}
)
_PASSING = frozenset({"warnings.catch_warnings", "open", "threading.Lock", "threading.RLock", "io.open"})


def _plain(block: Sequence[ast.stmt]) -> bool:
    """Whether a body only imports and binds: what is read of it either surely raises or surely does not."""
    simple = (ast.Import, ast.ImportFrom, ast.Pass, ast.FunctionDef)
    return all(
        isinstance(item, simple)
        or (
            isinstance(item, ast.Assign | ast.Expr | ast.Return)
            and isinstance(item.value, ast.Constant | ast.Name)
        )
        for item in block
    )


def _guessed(block: Sequence[ast.stmt], frame: Frame) -> bool:
    """Whether a name was imported that may be missing, as one of a module that still loads."""
    names = [
        alias.asname or alias.name
        for item in block
        if isinstance(item, ast.ImportFrom)
        for alias in item.names
    ]
    return any(frame.names.get(name) is UNKNOWN for name in names)


def _takes_name_errors(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {getattr(part, "id", "") for part in ast.walk(handler.type)}
    return bool(names & {"NameError", "Exception", "BaseException"})


def _become(names: dict[str, Value], state: dict[str, Value]) -> None:
    if names is not state:
        copy = dict(state)
        names.clear()
        names.update(copy)


def _joined_names(states: Sequence[dict[str, Value]]) -> dict[str, Value]:
    """Names bound in any of the states; those on which they differ may be anything."""
    if len(states) == 1:
        return states[0]
    keys = {key for state in states for key in state}
    found: dict[str, Value] = {}
    for key in keys:
        value = states[0].get(key, UNKNOWN)
        for state in states[1:]:
            value = joined(value, state.get(key, UNKNOWN))
        found[key] = value
    return found
