"""Reading expressions: what each may be, and where one surely raises."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import functools
import operator
from collections.abc import Callable, Iterator
from typing import Any

from envspec.proof.imports import values
from envspec.proof.imports.values import (
    FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    Class,
    External,
    Function,
    Items,
    Known,
    Module,
    Names,
    Place,
    Raised,
    Table,
    Unknown,
    Value,
    constant,
    joined,
    truth,
)

_LONGEST = 10_000  # characters or items of a constant that is still computed with
_MOST_ITEMS = 300  # of a sequence that is gone through one by one

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.FloorDiv: operator.floordiv, ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
}  # fmt: skip
_PURE_METHODS = frozenset(
    {
        "split", "rsplit", "startswith", "endswith", "strip", "lstrip", "rstrip", "lower", "upper", "title",
        "partition", "rpartition", "replace", "join", "capitalize",
        "isdigit", "isidentifier", "count", "find",
        "index", "rfind", "splitlines", "removeprefix", "removesuffix", "encode", "decode",
    }
)  # fmt: skip


@dataclasses.dataclass(kw_only=True, slots=True)
class Frame:
    """Where a statement stands: its module and the scopes that it sees, innermost last."""

    module: str
    scopes: list[dict[str, Value]]
    in_class: bool = False
    in_function: bool = False
    shared: set[str] = dataclasses.field(default_factory=set)
    """Names declared `global`."""
    handled: list[Raised] = dataclasses.field(default_factory=list)
    """Exceptions that are being handled, innermost last."""
    line: int = 0

    @property
    def names(self) -> dict[str, Value]:
        """The scope that is written to."""
        return self.scopes[-1]

    @property
    def place(self) -> Place:
        """Where reading stands."""
        return Place(module=self.module, line=self.line)


@functools.cache
def method_name(prefix: str, kind: str) -> str:
    """Of the method that reads a kind of node: made once, for it is asked for a million times."""
    return prefix + kind.lower()


class Expressions:
    """Evaluates expressions; what needs modules or calls is left to the machine."""

    doubt = 0
    """Above 0 while reading what may never run."""

    @contextlib.contextmanager
    def doubtful(self) -> Iterator[None]:
        """A part of the program that may not run."""
        self.doubt += 1
        try:
            yield
        finally:
            self.doubt -= 1

    # Left to the machine.

    def lookup(self, name: str, frame: Frame) -> Value:
        """What a name means; `Raised` where it surely means nothing."""
        raise NotImplementedError

    def attribute(self, value: Value, name: str, frame: Frame) -> Value:
        """An attribute of a value; `Raised` where there surely is none."""
        raise NotImplementedError

    def call(self, function: Value, args: list[Value] | None, named: dict[str, Value], frame: Frame) -> Value:
        """The result of a call; `args` is None when they are not known one by one."""
        raise NotImplementedError

    def evaluate(self, node: ast.expr | None, frame: Frame) -> Value:
        """What an expression may be; `Raised` when evaluating it surely raises."""
        if node is None:
            return NONE
        method = getattr(self, method_name("_of_", type(node).__name__), None)
        if method is None:
            return UNKNOWN
        found: Value = method(node, frame)
        return found

    def perhaps(self, node: ast.expr | None, frame: Frame) -> Value:
        """The same of an expression that may not be evaluated at all: nothing it raises counts."""
        try:
            with self.doubtful():
                return self.evaluate(node, frame)
        except Raised:
            return UNKNOWN

    def _of_constant(self, node: ast.Constant, _: Frame) -> Value:
        return UNKNOWN if node.value is Ellipsis else Known(node.value)

    def _of_name(self, node: ast.Name, frame: Frame) -> Value:
        return self.lookup(node.id, frame)

    def _of_attribute(self, node: ast.Attribute, frame: Frame) -> Value:
        value = self.evaluate(node.value, frame)
        frame.line = node.lineno
        return self.attribute(value, node.attr, frame)

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

    _of_list = _of_tuple = _of_set = _sequence

    def _of_dict(self, node: ast.Dict, frame: Frame) -> Value:
        table = Table({})
        for key, value in zip(node.keys, node.values, strict=True):
            known, name = constant(self.evaluate(key, frame)) if key else (False, None)
            item = self.evaluate(value, frame)
            if key is None and isinstance(item, Table):
                table.entries.update(item.entries)
                table.open |= item.open
            elif known and _hashable(name):
                table.entries[name] = item
            else:
                table.open = True
        return table

    def _of_joinedstr(self, node: ast.JoinedStr, frame: Frame) -> Value:
        parts: list[str] = []
        whole = True
        for item in node.values:
            value = self.evaluate(item.value if isinstance(item, ast.FormattedValue) else item, frame)
            plain = not isinstance(item, ast.FormattedValue) or (
                item.conversion == -1 and item.format_spec is None
            )
            whole &= plain and isinstance(value, Known) and isinstance(value.value, str | int)
            parts.append(str(value.value) if isinstance(value, Known) else "")
        return _limited("".join(parts)) if whole else UNKNOWN

    def _of_boolop(self, node: ast.BoolOp, frame: Frame) -> Value:
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

    def _of_unaryop(self, node: ast.UnaryOp, frame: Frame) -> Value:
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

    def _of_binop(self, node: ast.BinOp, frame: Frame) -> Value:
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
        if compute and known_left and known_right and _small(a) and _small(b):
            with contextlib.suppress(TypeError, ValueError, ArithmeticError):
                return _limited(compute(a, b))
        if isinstance(node.op, ast.Mod) and isinstance(left, Known) and isinstance(left.value, str):
            return _formatted(left.value, known_right, b)
        return UNKNOWN

    def _of_compare(self, node: ast.Compare, frame: Frame) -> Value:
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
            same = _same(left, right)
            return None if same is None else same is isinstance(operation, ast.Is)
        if isinstance(operation, ast.In | ast.NotIn):
            there = _contains(left, right)
            return None if there is None else there is isinstance(operation, ast.In)
        known_left, a = constant(left)
        known_right, b = constant(right)
        if known_left and known_right:
            with contextlib.suppress(TypeError, ValueError):
                return bool(_COMPARE[type(operation)](a, b))
        return None

    def _of_ifexp(self, node: ast.IfExp, frame: Frame) -> Value:
        answer = truth(self.evaluate(node.test, frame))
        if answer is None:
            return joined(self.perhaps(node.body, frame), self.perhaps(node.orelse, frame))
        return self.evaluate(node.body if answer else node.orelse, frame)

    def _of_namedexpr(self, node: ast.NamedExpr, frame: Frame) -> Value:
        value = self.evaluate(node.value, frame)
        frame.names[node.target.id] = value
        return value

    def _of_starred(self, node: ast.Starred, frame: Frame) -> Value:
        self.evaluate(node.value, frame)
        return UNKNOWN

    def _of_lambda(self, node: ast.Lambda, frame: Frame) -> Value:
        return Function(node, frame.module, tuple(frame.scopes), {})

    def _of_subscript(self, node: ast.Subscript, frame: Frame) -> Value:
        value = self.evaluate(node.value, frame)
        if isinstance(node.slice, ast.Slice):
            return self._cut(value, node.slice, frame)
        index = self.evaluate(node.slice, frame)
        known, key = constant(index)
        if not known or not _hashable(key):
            return UNKNOWN
        if isinstance(value, Table):
            return value.entries.get(key, UNKNOWN)
        if isinstance(value, Names):
            return value.names.get(key, UNKNOWN)
        if isinstance(value, External):
            return self.external_item(value.name, key)
        items = value.items if isinstance(value, Items) and not value.open else None
        if isinstance(value, Known) and isinstance(value.value, str | tuple):
            items = [Known(item) for item in value.value]
        if items is not None and isinstance(key, int) and -len(items) <= key < len(items):
            return items[key]
        return UNKNOWN

    def external_item(self, name: str, key: Any) -> Value:
        """An item of a library's object; only `sys.modules` matters."""
        raise NotImplementedError

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

    def _of_call(self, node: ast.Call, frame: Frame) -> Value:
        function = self.evaluate(node.func, frame) if not isinstance(node.func, ast.Attribute) else None
        owner: Value = UNKNOWN
        if isinstance(node.func, ast.Attribute):
            owner = self.evaluate(node.func.value, frame)
            frame.line = node.lineno
            if not isinstance(owner, Items | Table | Known | Names):
                function = self.attribute(owner, node.func.attr, frame)
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
            return self._method(owner, node.func.attr, args)
        return self.call(function or UNKNOWN, args, named, frame)

    def _method(self, owner: Value, name: str, args: list[Value] | None) -> Value:
        """Methods of constants and containers."""
        if isinstance(owner, Items):
            return self._list_method(owner, name, args)
        if isinstance(owner, Table):
            return self._table_method(owner, name, args)
        if isinstance(owner, Names):
            return self._names_method(owner, name, args)
        if isinstance(owner, Known) and isinstance(owner.value, str | bytes) and args is not None:
            parts = [constant(item) for item in args]
            if name in _PURE_METHODS and all(known and _small(part) for known, part in parts):
                with contextlib.suppress(TypeError, ValueError, LookupError, AttributeError):
                    result = getattr(owner.value, name)(*(part for _, part in parts))
                    return _limited(tuple(result) if isinstance(result, list) else result)
        return UNKNOWN

    def _names_method(self, owner: Names, name: str, args: list[Value] | None) -> Value:
        """Only additions matter: those that are not known one by one may be any."""
        known = isinstance(args[0], Table) and not args[0].open if args else False
        if name == "update" and known and args and isinstance(args[0], Table):
            for key, value in args[0].entries.items():
                self.bind_name(owner, Known(key), value)
        elif name == "setdefault" and args:
            self.bind_name(owner, args[0], args[1] if len(args) > 1 else NONE)
        elif name not in ("get", "keys", "items", "values", "copy"):
            self.bind_name(owner, UNKNOWN, UNKNOWN)
        return UNKNOWN

    def bind_name(self, owner: Names, key: Value, value: Value) -> None:
        """Add a name to a module's dictionary; an unknown key opens the module."""
        raise NotImplementedError

    def _list_method(self, owner: Items, name: str, args: list[Value] | None) -> Value:
        if name in ("append", "add", "extend", "update", "insert"):
            if self.doubt or not args:
                owner.open = True
            elif name in ("append", "add"):
                owner.items.append(args[0])
            elif name == "insert":
                owner.items.insert(0, args[-1])
            else:
                more = sequence(args[0])
                owner.items += more or []
                owner.open |= more is None
        elif name == "copy":
            return Items(list(owner.items), owner.open)
        elif name in ("remove", "pop", "clear", "discard", "sort", "reverse", "difference_update"):
            owner.open = True
        return UNKNOWN if name not in ("append", "extend", "add") else NONE

    def _table_method(self, owner: Table, name: str, args: list[Value] | None) -> Value:
        if name == "keys" and not owner.open:
            return Items([Known(key) for key in owner.entries])
        if name == "values" and not owner.open:
            return Items(list(owner.entries.values()))
        if name == "items" and not owner.open:
            return Items([Items([Known(key), value]) for key, value in owner.entries.items()])
        if name == "get" and args:
            known, key = constant(args[0])
            if known and _hashable(key) and (key in owner.entries or not owner.open):
                return owner.entries.get(key, args[1] if len(args) > 1 else NONE)
        if name in ("update", "setdefault", "pop", "clear", "popitem"):
            owner.open = True
        return UNKNOWN

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
            if known and _hashable(name):
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
            return len(rows) <= _LONGEST
        first, *others = generators
        items = self.members(self.evaluate(first.iter, frame))
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

    def members(self, value: Value) -> list[Value] | None:
        """What going through a value yields; None when unknown."""
        return sequence(value)

    _of_listcomp = _of_setcomp = _of_generatorexp = _of_dictcomp = _comprehension

    def bind(self, target: ast.expr, value: Value, frame: Frame) -> None:
        """Assign to a target."""
        if isinstance(target, ast.Name):
            scope = frame.scopes[0] if target.id in frame.shared else frame.names
            old = scope.get(target.id)
            doubtful = self.doubt and target.id in frame.shared
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
            self.bind_attribute(self.perhaps(target.value, frame), target.attr, value)
        elif isinstance(target, ast.Subscript):
            self._bind_item(self.perhaps(target.value, frame), self.perhaps(target.slice, frame), value)

    def bind_attribute(self, owner: Value, name: str, value: Value) -> None:
        """Assign to an attribute; only those of modules and classes are kept."""
        raise NotImplementedError

    def bind_external(self, name: str, key: Value, value: Value) -> None:
        """Assign to an item of a library's object; only `sys.modules` matters."""
        raise NotImplementedError

    def _bind_item(self, owner: Value, index: Value, value: Value) -> None:
        known, key = constant(index)
        if isinstance(owner, Names):
            self.bind_name(owner, index, value)
        elif isinstance(owner, External):
            self.bind_external(owner.name, index, value)
        elif isinstance(owner, Table):
            if known and _hashable(key) and not self.doubt:
                owner.entries[key] = value
            else:
                owner.open = True
        elif isinstance(owner, Items):
            owner.open = True


def sequence(value: Value) -> list[Value] | None:
    """The members that going through a value yields; None when unknown."""
    if isinstance(value, Items) and not value.open:
        return value.items
    if isinstance(value, Table) and not value.open:
        return [Known(key) for key in value.entries]
    if isinstance(value, Known) and isinstance(value.value, str | tuple) and len(value.value) <= _LONGEST:
        return [Known(item) for item in value.value]
    return None


def _same(left: Value, right: Value) -> bool | None:
    if isinstance(left, Known) and isinstance(right, Known):
        singletons = (None, True, False)
        if any(left.value is s for s in singletons) or any(right.value is s for s in singletons):
            return left.value is right.value
        return None
    if isinstance(left, Unknown | External) or isinstance(right, Unknown | External):
        return None
    if left is right:
        return True
    kinds = (Known, Module, Class, Function, Items, Table)
    return (
        False
        if isinstance(left, kinds) and isinstance(right, kinds) and type(left) is not type(right)
        else None
    )


def _contains(item: Value, container: Value) -> bool | None:
    known, key = constant(item)
    if not known or not _hashable(key):
        return None
    if isinstance(container, Known) and isinstance(container.value, str) and isinstance(key, str):
        return key in container.value
    if isinstance(container, Names) and key in container.names:
        return True
    if isinstance(container, Table):
        return True if key in container.entries else (None if container.open else False)
    members = [constant(m) for m in (sequence(container) or ())]
    if any(is_known and member == key for is_known, member in members):
        return True
    closed = sequence(container) is not None and all(is_known for is_known, _ in members)
    return False if closed else None


def _hashable(key: Any) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True


def _small(value: Any) -> bool:
    if isinstance(value, str | bytes | tuple):
        return len(value) <= _LONGEST
    return not isinstance(value, int) or abs(value) < 1 << 256


def _limited(value: Any) -> Value:
    return Known(value) if _small(value) else UNKNOWN


def _formatted(template: str, known: bool, value: Any) -> Value:
    """`%` with plain places only, which cannot grow without bound."""
    places = [template[i + 1 : i + 2] for i, letter in enumerate(template) if letter == "%"]
    if known and _small(value) and places and all(place in ("s", "d") for place in places):
        with contextlib.suppress(TypeError, ValueError):
            return _limited(template % value)
    return UNKNOWN


__all__ = ["TRUE", "Expressions", "Frame", "sequence", "values"]
