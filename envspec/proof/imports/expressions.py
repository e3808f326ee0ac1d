"""Reading expressions: what each may be, and where one surely raises."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import operator
from collections.abc import Callable
from typing import Any

from envspec.proof.imports.constants import (
    LONGEST,
    contains,
    formatted,
    is_hashable,
    is_same,
    is_small,
    limited,
    may_be_sets,
    sequence,
)
from envspec.proof.imports.frame import Frame
from envspec.proof.imports.methods import call_method
from envspec.proof.imports.values import (
    FALSE,
    NONE,
    UNKNOWN,
    External,
    Function,
    Items,
    Known,
    Names,
    Raised,
    Table,
    Value,
    constant,
    joined,
    truth,
)
from envspec.proof.imports.world import World

_MOST_ITEMS = 300  # of a sequence that is gone through one by one

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.FloorDiv: operator.floordiv, ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
}  # fmt: skip


class Evaluator:
    """Evaluates expressions, and assigns what they are to targets."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._course = world.course
        self._names = world.names
        self._readers: dict[type[ast.expr], Callable[[Any, Frame], Value]] = {
            ast.Attribute: self._attribute,
            ast.BinOp: self._operation,
            ast.BoolOp: self._choice,
            ast.Call: self._call,
            ast.Compare: self._comparison,
            ast.Constant: self._constant,
            ast.Dict: self._dictionary,
            ast.DictComp: self._comprehension,
            ast.GeneratorExp: self._comprehension,
            ast.IfExp: self._conditional,
            ast.JoinedStr: self._joined_text,
            ast.Lambda: self._lambda,
            ast.List: self._sequence,
            ast.ListComp: self._comprehension,
            ast.Name: self._name,
            ast.NamedExpr: self._named,
            ast.Set: self._sequence,
            ast.SetComp: self._comprehension,
            ast.Starred: self._starred,
            ast.Subscript: self._subscript,
            ast.Tuple: self._sequence,
            ast.UnaryOp: self._unary,
        }

    def evaluate(self, node: ast.expr | None, frame: Frame) -> Value:
        """What an expression may be; `Raised` when evaluating it surely raises."""
        if node is None:
            return NONE
        reader = self._readers.get(type(node))
        return UNKNOWN if reader is None else reader(node, frame)

    def perhaps(self, node: ast.expr | None, frame: Frame) -> Value:
        """The same of an expression that may not be evaluated at all: nothing it raises counts."""
        self._course.doubt += 1
        try:
            return self.evaluate(node, frame)
        except Raised:
            return UNKNOWN
        finally:
            self._course.doubt -= 1

    def _constant(self, node: ast.Constant, _: Frame) -> Value:
        return UNKNOWN if node.value is Ellipsis else Known(node.value)

    def _name(self, node: ast.Name, frame: Frame) -> Value:
        return self._names.lookup(node.id, frame)

    def _attribute(self, node: ast.Attribute, frame: Frame) -> Value:
        value = self.evaluate(node.value, frame)
        frame.line = node.lineno
        return self._names.attribute(value, node.attr, frame)

    def _sequence(self, node: ast.List | ast.Tuple | ast.Set, frame: Frame) -> Value:
        items: list[Value] = []
        is_open = False
        for element in node.elts:
            if isinstance(element, ast.Starred):
                inner = self.evaluate(element.value, frame)
                items += inner.items if isinstance(inner, Items) else []
                is_open |= not isinstance(inner, Items) or inner.open
            else:
                items.append(self.evaluate(element, frame))
        found = Items(items, is_open)
        if isinstance(node, ast.Tuple):
            known, value = constant(found)
            return Known(value) if known else found
        return found

    def _dictionary(self, node: ast.Dict, frame: Frame) -> Value:
        table = Table({})
        for key, value in zip(node.keys, node.values, strict=True):
            known, name = constant(self.evaluate(key, frame)) if key else (False, None)
            item = self.evaluate(value, frame)
            if key is None and isinstance(item, Table):
                table.entries.update(item.entries)
                table.open |= item.open
            elif known and is_hashable(name):
                table.entries[name] = item
            else:
                table.open = True
        return table

    def _joined_text(self, node: ast.JoinedStr, frame: Frame) -> Value:
        parts: list[str] = []
        whole = True
        for item in node.values:
            value = self.evaluate(item.value if isinstance(item, ast.FormattedValue) else item, frame)
            plain = not isinstance(item, ast.FormattedValue) or (
                item.conversion == -1 and item.format_spec is None
            )
            whole &= plain and isinstance(value, Known) and isinstance(value.value, str | int)
            parts.append(str(value.value) if isinstance(value, Known) else "")
        return limited("".join(parts)) if whole else UNKNOWN

    def _choice(self, node: ast.BoolOp, frame: Frame) -> Value:
        stops = isinstance(node.op, ast.Or)
        found = self.evaluate(node.values[0], frame)
        sure = True
        for item in node.values[1:]:
            answer = truth(found)
            if answer is stops:
                return found if sure else Known(stops)
            sure &= answer is not None
            found = self.evaluate(item, frame) if sure else self.perhaps(item, frame)
        if sure:
            return found
        return Known(stops) if truth(found) is stops else UNKNOWN

    def _unary(self, node: ast.UnaryOp, frame: Frame) -> Value:
        value = self.evaluate(node.operand, frame)
        if isinstance(node.op, ast.Not):
            answer = truth(value)
            return UNKNOWN if answer is None else Known(not answer)
        if (
            isinstance(node.op, ast.USub)
            and isinstance(value, Known)
            and isinstance(value.value, int | float)
        ):
            return Known(-value.value)
        return UNKNOWN

    def _operation(self, node: ast.BinOp, frame: Frame) -> Value:
        left, right = self.evaluate(node.left, frame), self.evaluate(node.right, frame)
        if isinstance(node.op, ast.Add) and isinstance(left, Items) and isinstance(right, Items | Known):
            known, items = constant(right)
            if isinstance(right, Items):
                return Items(left.items + right.items, left.open or right.open)
            return (
                Items(left.items + [Known(i) for i in items], left.open)
                if known and isinstance(items, tuple)
                else UNKNOWN
            )
        compute = _ARITHMETIC.get(type(node.op))
        known_left, a = constant(left)
        known_right, b = constant(right)
        if compute and known_left and known_right and is_small(a) and is_small(b):
            with contextlib.suppress(TypeError, ValueError, ArithmeticError):
                return limited(compute(a, b))
        if isinstance(node.op, ast.Mod) and isinstance(left, Known) and isinstance(left.value, str):
            return formatted(left.value, known_right, b)
        return UNKNOWN

    def _comparison(self, node: ast.Compare, frame: Frame) -> Value:
        left = self.evaluate(node.left, frame)
        answer: bool | None = True
        for operation, item in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(item, frame)
            this = self._compared(operation, left, right)
            if this is False:
                return FALSE
            answer = None if this is None else answer
            left = right
        return UNKNOWN if answer is None else Known(answer)

    def _compared(self, operation: ast.cmpop, left: Value, right: Value) -> bool | None:
        if isinstance(operation, ast.Is | ast.IsNot):
            same = is_same(left, right)
            return None if same is None else same is isinstance(operation, ast.Is)
        if isinstance(operation, ast.In | ast.NotIn):
            there = contains(left, right)
            return None if there is None else there is isinstance(operation, ast.In)
        known_left, a = constant(left)
        known_right, b = constant(right)
        if known_left and known_right and not may_be_sets(left, right):
            with contextlib.suppress(TypeError, ValueError):
                return bool(_COMPARE[type(operation)](a, b))
        return None

    def _conditional(self, node: ast.IfExp, frame: Frame) -> Value:
        answer = truth(self.evaluate(node.test, frame))
        if answer is None:
            return joined(self.perhaps(node.body, frame), self.perhaps(node.orelse, frame))
        return self.evaluate(node.body if answer else node.orelse, frame)

    def _named(self, node: ast.NamedExpr, frame: Frame) -> Value:
        value = self.evaluate(node.value, frame)
        frame.names[node.target.id] = value
        return value

    def _starred(self, node: ast.Starred, frame: Frame) -> Value:
        self.evaluate(node.value, frame)
        return UNKNOWN

    def _lambda(self, node: ast.Lambda, frame: Frame) -> Value:
        return Function(node, frame.module, tuple(frame.scopes), {})

    def _subscript(self, node: ast.Subscript, frame: Frame) -> Value:
        value = self.evaluate(node.value, frame)
        if isinstance(node.slice, ast.Slice):
            return self._cut(value, node.slice, frame)
        index = self.evaluate(node.slice, frame)
        known, key = constant(index)
        if not known or not is_hashable(key):
            return UNKNOWN
        if isinstance(value, Table):
            return value.entries.get(key, UNKNOWN)
        if isinstance(value, Names):
            return value.names.get(key, UNKNOWN)
        if isinstance(value, External):
            return self._names.item(value.name, key)
        items = value.items if isinstance(value, Items) and not value.open else None
        if isinstance(value, Known) and isinstance(value.value, str | tuple):
            items = [Known(item) for item in value.value]
        if items is not None and isinstance(key, int) and -len(items) <= key < len(items):
            return items[key]
        return UNKNOWN

    def _cut(self, value: Value, node: ast.Slice, frame: Frame) -> Value:
        bounds = [constant(self.evaluate(part, frame)) for part in (node.lower, node.upper, node.step)]
        whole = all(known and (part is None or isinstance(part, int)) for known, part in bounds)
        if not whole or bounds[2][1] == 0:
            return UNKNOWN
        cut = slice(*(part for _, part in bounds))
        if isinstance(value, Known) and isinstance(value.value, str | tuple):
            return Known(tuple(value.value)[cut] if isinstance(value.value, tuple) else value.value[cut])
        if isinstance(value, Items) and not value.open:
            return Items(value.items[cut])
        return UNKNOWN

    def _call(self, node: ast.Call, frame: Frame) -> Value:
        function = self.evaluate(node.func, frame) if not isinstance(node.func, ast.Attribute) else None
        owner: Value = UNKNOWN
        if isinstance(node.func, ast.Attribute):
            owner = self.evaluate(node.func.value, frame)
            frame.line = node.lineno
            if not isinstance(owner, Items | Table | Known | Names):
                function = self._names.attribute(owner, node.func.attr, frame)
        args: list[Value] | None = []
        for item in node.args:
            value = self.evaluate(item, frame)
            if isinstance(item, ast.Starred):
                args = None
            elif args is not None:
                args.append(value)
        named = {item.arg or "": self.evaluate(item.value, frame) for item in node.keywords}
        frame.line = node.lineno
        if function is None and isinstance(node.func, ast.Attribute):
            return call_method(self._world, owner, node.func.attr, args)
        return self._world.calls.call(function or UNKNOWN, args, named, frame)

    def _comprehension(self, node: Any, frame: Frame) -> Value:
        inner = dataclasses.replace(frame, scopes=[*frame.scopes, {}], in_class=False)
        element = node.key if isinstance(node, ast.DictComp) else node.elt
        rows: list[tuple[Value, Value]] = []
        is_open = not self._rounds(node, element, list(node.generators), inner, rows)
        if not isinstance(node, ast.DictComp):
            return Items([key for key, _ in rows], is_open)
        table = Table({}, is_open)
        for key, value in rows:
            known, name = constant(key)
            if known and is_hashable(name):
                table.entries[name] = value
            else:
                table.open = True
        return table

    def _rounds(
        self,
        node: Any,
        element: ast.expr,
        generators: list[ast.comprehension],
        frame: Frame,
        rows: list[tuple[Value, Value]],
    ) -> bool:
        """Collect the members of a comprehension; False when there may be others."""
        if not generators:
            value = self.evaluate(node.value, frame) if isinstance(node, ast.DictComp) else NONE
            rows.append((self.evaluate(element, frame), value))
            return len(rows) <= LONGEST
        first, *others = generators
        items = self._names.members(self.evaluate(first.iter, frame))
        if items is None or len(items) > _MOST_ITEMS:
            for generator in generators:
                self.bind(generator.target, UNKNOWN, frame)
            self.perhaps(element, frame)
            return False
        whole = True
        for item in items:
            self.bind(first.target, item, frame)
            answers = [truth(self.evaluate(test, frame)) for test in first.ifs]
            if False in answers:
                continue
            whole &= None not in answers
            if whole:
                whole &= self._rounds(node, element, others, frame, rows)
        return whole

    def bind(self, target: ast.expr, value: Value, frame: Frame) -> None:
        """Assign to a target."""
        if isinstance(target, ast.Name):
            scope = frame.scopes[0] if target.id in frame.shared else frame.names
            old = scope.get(target.id)
            doubtful = self._course.doubt and target.id in frame.shared
            scope[target.id] = joined(old, value) if doubtful and old is not None else value
        elif isinstance(target, ast.Tuple | ast.List):
            items = sequence(value)
            stars = any(isinstance(part, ast.Starred) for part in target.elts)
            fits = items is not None and not stars and len(items) == len(target.elts)
            for number, part in enumerate(target.elts):
                self.bind(part, items[number] if fits and items else UNKNOWN, frame)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, Items([], open=True), frame)
        elif isinstance(target, ast.Attribute):
            self._names.set_attribute(self.perhaps(target.value, frame), target.attr, value)
        elif isinstance(target, ast.Subscript):
            self._bind_item(self.perhaps(target.value, frame), self.perhaps(target.slice, frame), value)

    def _bind_item(self, owner: Value, index: Value, value: Value) -> None:
        known, key = constant(index)
        if isinstance(owner, Names):
            self._names.set_name(owner, index, value)
        elif isinstance(owner, External):
            self._names.set_item(owner.name, index, value)
        elif isinstance(owner, Table):
            if known and is_hashable(key) and not self._course.doubt:
                owner.entries[key] = value
            else:
                owner.open = True
        elif isinstance(owner, Items):
            owner.open = True
