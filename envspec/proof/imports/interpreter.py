"""The machine: modules, names, attributes and calls of a program that is never run."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from envspec.proof.abi.base import Base
from envspec.proof.imports.expressions import Frame
from envspec.proof.imports.intrinsics import Intrinsics
from envspec.proof.imports.outline import Body, outline
from envspec.proof.imports.source import LARGEST, Index, Origin, Package, Syntax, marked_lines, syntax
from envspec.proof.imports.statements import Exhausted, Statements
from envspec.proof.imports.values import (
    NONE,
    UNKNOWN,
    Class,
    External,
    Fault,
    Function,
    Items,
    Known,
    Module,
    Names,
    Place,
    Raised,
    Value,
    constant,
    joined,
)
from envspec.proof.stdlib import PYTHON_2_BUILTINS, Stdlib

_NAME_FAULTS = ("name", "stdlib-name", "platform-name")
_DEEPEST = 8  # calls within calls
_CALL_BUDGET = 3000  # statements of one call
_CALL_REST = 200  # what is left at least to the caller of an expensive call
_BUILTINS = frozenset(dir(builtins))
# Packages that rebuild the import system around themselves: their modules are there, their names not ours.
_OPAQUE = frozenset({"setuptools", "_distutils_hack", "distutils"})
_IMPLICIT = frozenset({"_", "__module__", "__qualname__", "__class__", "__annotations__", "__path__"})
_VENDORED = (".extern", "._vendor", "._vendored", ".vendor", ".externals")


@dataclasses.dataclass(kw_only=True, slots=True)
class State:
    """One module as far as it was read."""

    name: str
    kind: str
    """`source`, `compiled`, `folder`, `stdlib` or `opaque`."""
    names: dict[str, Value] = dataclasses.field(default_factory=dict)
    open: bool = False
    loading: bool = False
    failure: Raised | None = None
    package: Package | None = None
    syntax: Syntax = dataclasses.field(default_factory=Syntax)
    future: bool = False
    """Annotations are not evaluated."""


class Machine(Intrinsics, Statements):
    """Imports modules of a set of packages under one Python, abstractly."""

    def __init__(
        self,
        packages: Iterable[Package],
        *,
        python: str,
        base: Base | None = None,
        broken: Mapping[str, str] | None = None,
        variables: Iterable[str] = (),
        budget: int = 2_000_000,
    ) -> None:
        """Budget in statements. `broken`: compiled modules that cannot be loaded, with the reason.

        `variables` are those of the environment that may be set, beyond the usual ones.
        """
        self.packages = tuple(packages)
        self.versions = {package.name: package.version for package in self.packages}
        self.python = python
        self.base = base
        self.broken = dict(broken or {})
        self.variables = frozenset(variables)
        self.budget = budget
        self.index = Index(self.packages, python)
        self.stdlib = Stdlib(python)
        self.states: dict[str, State] = {}
        self.registered: set[str] = set()
        self.dynamic: set[str] = set()
        self.dead_finders: dict[str, int] = {}
        self.searching = False
        self.depth = 0
        self.read_bytes = 0
        self.calling: list[ast.AST] = []
        self._suspending: dict[ast.AST, bool] = {}
        self._bodies: dict[str, Mapping[int, Body]] = {}
        self.version_tuple = tuple(int(part) for part in python.split(".")[:2])
        self._grammar = self.version_tuple[0], min(self.version_tuple[1], 11)

    # -- modules ----------------------------------------------------------------------------------

    def load(self, name: str, frame: Frame) -> State:
        """Import a module and its parents; `Raised` when that surely fails."""
        place = frame.place
        parent, _, last = name.rpartition(".")
        if parent:
            above = self.load(parent, frame)
            if above.name != parent and name not in self.states:
                # A parent under another name looks its submodules up where they really are.
                self.states[name] = self.load(f"{above.name}.{last}", frame)
            if above.kind == "opaque":
                return self.states.setdefault(name, State(name=name, kind="opaque"))
        state = self.states.get(name)
        if state is None:
            state = self._begin(name, place)
            if state.kind == "source" and not state.loading and state.failure is None:
                self._read(state)
        if state.failure is not None:
            old = state.failure
            raise Raised(old.kind, old.message, old.fault, (place, *old.chain))
        if parent:
            self.states[parent].names.setdefault(last, Module(name))
        return state

    def _begin(self, name: str, place: Place) -> State:
        origin = self.index.modules.get(name)
        top = name.partition(".")[0]
        opaque = top in _OPAQUE or any(part in f".{name}" for part in _VENDORED)
        if name in self.registered or (opaque and (origin or self._distutils(top) or name != top)):
            state = State(name=name, kind="opaque")
        elif self.stdlib.has(name) and not (origin and origin.kind == "source" and "." in name):
            state = State(name=name, kind="stdlib")
        elif origin is not None:
            state = State(name=name, kind=origin.kind, package=origin.package, open=origin.kind != "source")
            if name in self.broken:
                state.failure = self._broken(name, place)
        elif self.may_exist(name):
            state = State(name=name, kind="opaque")
        else:
            raise self._no_module(name, place)
        self.states[name] = state
        return state

    def _distutils(self, top: str) -> bool:
        return top == "distutils" and (self.stdlib.has("distutils") or "setuptools" in self.versions)

    def may_exist(self, name: str) -> bool:
        """Whether a module that no file shows may be put together while the program runs."""
        top, _, rest = name.partition(".")
        if top in self.dynamic or name in self.registered:
            return True
        if not rest:
            return self.searching and name in self.index.nested
        parent = self.states.get(name.rpartition(".")[0])
        if parent is None:
            return False
        path = parent.names.get("__path__")
        nowhere = isinstance(path, Items) and not path.open and not path.items
        return parent.kind in ("opaque", "compiled") or (parent.syntax.path and not nowhere)

    def _no_module(self, name: str, place: Place) -> Raised:
        kind = "stdlib-module" if self.stdlib.gone(name) else "module"
        owner = ""
        parent = self.index.modules.get(name.rpartition(".")[0])
        if "." in name and parent and parent.package:
            owner = parent.package.name
        fault = Fault(kind=kind, wanted=name, owner=owner, place=place)
        message = f"No module named '{name}'"
        return Raised(External("ModuleNotFoundError"), message, fault, (place,))

    def _broken(self, name: str, place: Place) -> Raised:
        reason = self.broken[name]
        fault = Fault(kind="binary", wanted=reason, owner=name, place=place)
        return Raised(External("ImportError"), f"{name} {reason}", fault)

    def _read(self, state: State) -> None:
        """Go through a module's body."""
        origin = self.index.modules[state.name]
        tree = self._parsed(state, origin)
        if tree is None:
            return
        self.registered |= state.syntax.registered
        self.searching |= state.syntax.search
        if state.syntax.legacy_finder and self.version_tuple >= (3, 12):
            self.dead_finders[state.name] = state.syntax.legacy_finder
        elif state.syntax.modules:
            self.dynamic.add(state.name.partition(".")[0])
        state.open |= state.syntax.open
        state.future = _lazy_annotations(tree) or self.version_tuple >= (3, 14)
        frame = Frame(module=state.name, scopes=[state.names])
        self._describe(state, origin)
        state.loading = True
        before, self.doubt = self.doubt, 0
        depth, self.depth = self.depth, 0
        calling, self.calling = self.calling, []
        guards, self.name_guards = self.name_guards, 0
        end, self.call_end = self.call_end, 0
        budget = self.budget
        try:
            flow = self.run(tree.body, frame)
        except RecursionError:
            state.open = True
            return
        finally:
            state.loading = False
            self.doubt, self.depth, self.calling, self.name_guards = before, depth, calling, guards
            # What a call imports is not the call's own work.
            self.call_end = max(0, end - (budget - self.budget))
        state.failure = flow.surely
        if not flow.normal and state.failure is None:
            state.open = True

    def _parsed(self, state: State, origin: Origin) -> ast.Module | None:
        if origin.package is None:
            return None
        try:
            text = origin.package.read(origin.path)
            self.read_bytes += len(text)
            if len(text) > LARGEST:
                raise ValueError("it is too large")
            marked = marked_lines(text)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = self._outlined(state, text, marked) if origin.package.large else None
                tree = tree or ast.parse(text, feature_version=self._grammar)
            state.syntax = syntax(tree, marked)
            return tree
        except SyntaxError as error:
            if (
                self.stdlib.exact
                and self.version_tuple <= (3, 11)
                and not _old_keyword(error, self.version_tuple)
            ):
                place = Place(module=state.name, line=error.lineno or 1)
                fault = Fault(kind="syntax", wanted=error.msg or "", owner=origin.package.name, place=place)
                state.failure = Raised(External("SyntaxError"), error.msg or "invalid syntax", fault)
            state.kind = "opaque"
        except (ValueError, RecursionError, MemoryError, OSError, LookupError):
            state.kind = "opaque"
        except Exception as error:
            if type(error).__name__ != "WheelError":
                raise
            state.kind = "opaque"
        return None

    def _outlined(self, state: State, text: bytes, marked: list[int]) -> ast.Module | None:
        """A module without the long bodies of its functions; None where they cannot be told."""
        found = outline(text, marked)
        try:
            tree = ast.parse(found.text, feature_version=self._grammar)
        except SyntaxError:
            return None
        self._bodies[state.name] = found.bodies
        return tree

    def _statements(self, function: Function, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
        """The body of a function, read now if it was left out. Raises what `ast.parse` does."""
        match node.body[0]:
            case ast.Expr(value=ast.Constant(value=value), lineno=line) if value is ...:
                left_out = self._bodies.get(function.module, {}).get(line)
                if left_out is not None:
                    node.body = left_out.statements(self._grammar)
        return node.body

    def _describe(self, state: State, origin: Origin) -> None:
        package = state.name if origin.is_package else state.name.rpartition(".")[0]
        state.names |= {
            "__name__": Known(state.name),
            "__package__": Known(package),
            "__file__": UNKNOWN,
            "__doc__": UNKNOWN,
            "__builtins__": UNKNOWN,
            "__spec__": UNKNOWN,
            "__loader__": UNKNOWN,
        }
        if origin.is_package:
            state.names["__path__"] = UNKNOWN

    # -- imports ----------------------------------------------------------------------------------

    def _do_import(self, node: ast.Import, frame: Frame) -> None:
        for alias in node.names:
            frame.line = node.lineno
            self.load(alias.name, frame)
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            self.bind(ast.Name(id=alias.asname or name, ctx=ast.Store()), Module(name), frame)

    def _do_importfrom(self, node: ast.ImportFrom, frame: Frame) -> None:
        frame.line = node.lineno
        name = self.absolute(node.module or "", node.level, frame.module)
        if name == "__future__":
            return
        if not name:
            for alias in node.names:
                self.bind(ast.Name(id=alias.asname or alias.name, ctx=ast.Store()), UNKNOWN, frame)
            return
        state = self.load(name, frame)
        for alias in node.names:
            frame.line = node.lineno
            if alias.name == "*":
                self._star(state, frame)
            else:
                value = self.member(state, alias.name, frame)
                self.bind(ast.Name(id=alias.asname or alias.name, ctx=ast.Store()), value, frame)

    def absolute(self, name: str, level: int, module: str) -> str:
        """The absolute name of a relative import; empty when it leaves the top."""
        if not level:
            return name
        origin = self.index.modules.get(module)
        parts = module.split(".")
        up = level - 1 if origin and origin.is_package else level
        if up >= len(parts) and not (up == len(parts) and name and not origin):
            return ""
        base = parts[: len(parts) - up]
        return ".".join([*base, *([name] if name else [])])

    def member(self, state: State, name: str, frame: Frame) -> Value:
        """`from module import name`."""
        place = frame.place
        whole = f"{state.name}.{name}"
        if name in state.names:
            return self.intrinsic(whole) or state.names[name]
        if whole in self.index.modules and state.kind != "opaque":
            self.load(whole, frame)
            return Module(whole)
        try:
            return self.module_attribute(state, name, frame)
        except Raised as raised:
            if raised.fault.place != place or raised.fault.kind not in _NAME_FAULTS:
                raise
            message = f"cannot import name '{name}' from '{state.name}'"
            raise Raised(External("ImportError"), message, raised.fault, raised.chain) from raised

    def _star(self, state: State, frame: Frame) -> None:
        if state.kind == "stdlib":
            names = self.stdlib.names(state.name)
            for name in names or ():
                if not name.startswith("_"):
                    frame.names[name] = External(f"{state.name}.{name}")
            self.states[frame.module].open |= names is None
            return
        listed = state.names.get("__all__")
        if listed is None:
            names_here = [name for name in state.names if not name.startswith("_")]
            self.states[frame.module].open |= state.open or state.loading or state.kind != "source"
        else:
            known, members = constant(listed)
            items = listed.items if isinstance(listed, Items) else []
            found = (
                members
                if known and isinstance(members, tuple)
                else [c for i in items if (c := constant(i)[1])]
            )
            names_here = [name for name in found if isinstance(name, str)]
            self.states[frame.module].open |= not known
        for name in names_here:
            if listed is None:
                frame.names[name] = state.names[name]
            else:
                frame.names[name] = self._listed(state, name, frame)

    def _listed(self, state: State, name: str, frame: Frame) -> Value:
        """A name of `__all__`: a missing one is an AttributeError there."""
        try:
            return self.member(state, name, frame)
        except Raised as raised:
            if raised.fault.place == frame.place and raised.fault.kind in _NAME_FAULTS:
                raised.kind = External("AttributeError")
            raise

    # -- names and attributes ---------------------------------------------------------------------

    def lookup(self, name: str, frame: Frame) -> Value:
        """See `Expressions`."""
        for scope in reversed(frame.scopes):
            if name in scope:
                return scope[name]
        if name in PYTHON_2_BUILTINS:
            state = self.states.get(frame.module)
            if not frame.in_function and state and not state.open:
                raise self._unbound("stdlib-name", f"builtins.{name}", name, frame)
        elif name not in _BUILTINS and self.name_guards and name not in _IMPLICIT and not frame.in_function:
            state = self.states.get(frame.module)
            if state and not state.open and not self.doubt:
                raise self._unbound("unbound", name, name, frame)
        return External(name) if name in _BUILTINS else UNKNOWN

    def _unbound(self, kind: str, wanted: str, name: str, frame: Frame) -> Raised:
        fault = Fault(kind=kind, wanted=wanted, owner="", place=frame.place)
        return Raised(External("NameError"), f"name '{name}' is not defined", fault)

    def attribute(self, value: Value, name: str, frame: Frame) -> Value:
        """See `Expressions`."""
        if isinstance(value, Module):
            state = self.states.get(value.name)
            return UNKNOWN if state is None else self.module_attribute(state, name, frame)
        if isinstance(value, Class):
            return self._class_attribute(value, name)
        if isinstance(value, External):
            return self.external_attribute(value, name)
        if (
            isinstance(value, Known)
            and isinstance(value.value, tuple)
            and name in ("major", "minor", "micro")
        ):
            number = getattr(value.value, name, None)
            return UNKNOWN if number is None else Known(number)
        return UNKNOWN

    def _class_attribute(self, value: Class, name: str) -> Value:
        if name in value.names:
            return value.names[name]
        for base in value.bases:
            if isinstance(base, Class) and (found := self._class_attribute(base, name)) is not UNKNOWN:
                return found
        return UNKNOWN

    def module_attribute(self, state: State, name: str, frame: Frame) -> Value:
        """An attribute of an imported module; `Raised` AttributeError where there surely is none."""
        if name in state.names:
            return self.intrinsic(f"{state.name}.{name}") or state.names[name]
        whole = f"{state.name}.{name}"
        if state.kind == "stdlib":
            return self._stdlib_attribute(state, name, frame)
        if state.kind != "source" or name.startswith("__"):
            return UNKNOWN
        if (getter := state.names.get("__getattr__")) is not None:
            found = self._lazy(getter, name, frame)
            if found is not None:
                return found
        # While it is being read itself, what is bound depends on who came first.
        unsure = state.loading and frame.module != state.name
        if state.open or unsure or whole in self.index.modules or whole in self.states:
            return UNKNOWN
        owner = state.package.name if state.package else ""
        if whole in self.registered or state.syntax.path or self._filled(state):
            return UNKNOWN
        fault = Fault(kind="name", wanted=whole, owner=owner, place=frame.place)
        message = f"module '{state.name}' has no attribute '{name}'"
        raise Raised(External("AttributeError"), message, fault)

    def _filled(self, state: State) -> bool:
        """Whether machine code of its package may put names into a module: it knows the module's own name."""
        if state.package is not None and "." in state.name:
            state.open = state.package.mentions(state.name)
        return state.open

    def _stdlib_attribute(self, state: State, name: str, frame: Frame) -> Value:
        whole = f"{state.name}.{name}"
        if self.stdlib.has(whole):
            self.states.setdefault(whole, State(name=whole, kind="stdlib"))
            return Module(whole)
        known = self.stdlib.names(state.name)
        if known is None or name in known or name.startswith("__"):
            return self.intrinsic(whole) or External(whole)
        kind = "stdlib-name" if self.stdlib.once_had(state.name, name) else "platform-name"
        fault = Fault(kind=kind, wanted=whole, owner="", place=frame.place)
        message = f"module '{state.name}' has no attribute '{name}'"
        raise Raised(External("AttributeError"), message, fault)

    def _lazy(self, getter: Value, name: str, frame: Frame) -> Value | None:
        """What a module's `__getattr__` answers; None when it surely says that there is no such name."""
        if not isinstance(getter, Function):
            return UNKNOWN
        try:
            return self.call(getter, [Known(name)], {}, frame)
        except Raised as raised:
            kind = raised.builtin
            if kind is not None and issubclass(kind, AttributeError) and raised.fault.kind == "raised":
                return None
            if kind is None or not issubclass(kind, AttributeError | ImportError):
                return UNKNOWN
            raise

    def bind_attribute(self, owner: Value, name: str, value: Value) -> None:
        """See `Expressions`."""
        names = owner.names if isinstance(owner, Class) else None
        if isinstance(owner, Module) and owner.name in self.states:
            names = self.states[owner.name].names
        if names is not None:
            names[name] = joined(names.get(name, UNKNOWN), value) if self.doubt else value

    def bind_name(self, owner: Names, key: Value, value: Value) -> None:
        """See `Expressions`."""
        known, name = constant(key)
        if known and isinstance(name, str):
            owner.names[name] = joined(owner.names.get(name, UNKNOWN), value) if self.doubt else value
        elif owner.module in self.states:
            self.states[owner.module].open = True

    def bind_external(self, name: str, key: Value, value: Value) -> None:
        """See `Expressions`: another name for a module, or anything in a module's place."""
        known, module = constant(key)
        if name != "sys.modules" or not known or not isinstance(module, str):
            return
        if isinstance(value, Module) and value.name in self.states and not self.doubt:
            self.states[module] = self.states[value.name]
        else:
            self.registered.add(module)

    def external_item(self, name: str, key: Any) -> Value:
        """See `Expressions`."""
        found = name == "sys.modules" and isinstance(key, str) and key in self.states
        return Module(key) if found else UNKNOWN

    def members(self, value: Value) -> list[Value] | None:
        """See `Expressions`; going through `sys.modules` yields what was imported so far."""
        if isinstance(value, External) and value.name == "sys.modules":
            return [Known(name) for name in self.states]
        return super().members(value)

    # -- calls ------------------------------------------------------------------------------------

    def call(self, function: Value, args: list[Value] | None, named: dict[str, Value], frame: Frame) -> Value:
        """See `Expressions`."""
        for item in (*(args or ()), *named.values()):
            if isinstance(item, Names):
                self.bind_name(item, UNKNOWN, UNKNOWN)
        if isinstance(function, External) and function.name in ("globals", "locals", "vars") and not args:
            here = frame.scopes[0] if function.name == "globals" or len(frame.scopes) == 1 else None
            return UNKNOWN if here is None else Names(frame.module, here)
        if isinstance(function, External):
            return self.call_external(function.name, args, named, frame)
        if isinstance(function, Function):
            return self._call_function(function, args, named, frame)
        if function is UNKNOWN:
            self._hand_over((*(args or ()), *named.values()), frame)
        return UNKNOWN

    def _hand_over(self, items: Iterable[Value], frame: Frame) -> None:
        """Whatever gets hold of a module of the caller's own package may fill it with names.

        The caller's own name will do: `sys.modules` leads from there to the module.
        """
        here = self.states.get(frame.module)
        for item in items:
            state = self.states.get(item.name) if isinstance(item, Module) else None
            if isinstance(item, Known) and item.value == frame.module and not frame.in_function:
                state = here
            if state is not None and here is not None and state.package is here.package:
                state.open = True

    def _call_function(
        self, function: Function, args: list[Value] | None, named: dict[str, Value], frame: Frame
    ) -> Value:
        node = function.node
        if self.depth >= _DEEPEST or node in self.calling:
            return UNKNOWN
        try:
            body = [] if isinstance(node, ast.Lambda) else self._statements(function, node)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return UNKNOWN
        if self._suspends(node):
            return UNKNOWN
        names = _arguments(function, args, named)
        inner = Frame(
            module=function.module, scopes=[*function.scopes, names], in_function=True, line=frame.line
        )
        if isinstance(node, ast.Lambda):
            return self.perhaps(node.body, inner)
        self.depth += 1
        self.calling.append(node)
        end, self.call_end = self.call_end, max(self.call_end, self.budget - _CALL_BUDGET)
        try:
            flow = self.run(body, inner)
        except Exhausted:
            if self.budget < max(end, 0):
                raise
            return UNKNOWN
        finally:
            self.depth -= 1
            self.calling.pop()
            self.call_end = max(0, min(end, self.budget - _CALL_REST))
        if raised := flow.surely:
            raise Raised(raised.kind, raised.message, raised.fault, (frame.place, *raised.chain))
        results = [*flow.returns, *([NONE] if flow.normal else [])]
        value = results[0] if results else UNKNOWN
        for other in results[1:]:
            value = joined(value, other)
        return value

    def _suspends(self, node: ast.AST) -> bool:
        if node not in self._suspending:
            self._suspending[node] = _suspends(node)
        return self._suspending[node]

    # -- annotations ------------------------------------------------------------------------------

    def annotation(self, node: ast.expr | None, frame: Frame) -> None:
        """See `Statements`."""
        state = self.states.get(frame.module)
        if node is not None and state is not None and not state.future:
            self.evaluate(node, frame)


def _arguments(function: Function, args: list[Value] | None, named: dict[str, Value]) -> dict[str, Value]:
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


def _lazy_annotations(tree: ast.Module) -> bool:
    return any(
        isinstance(item, ast.ImportFrom)
        and item.module == "__future__"
        and any(alias.name == "annotations" for alias in item.names)
        for item in tree.body
    )


def _old_keyword(error: SyntaxError, version: tuple[int, ...]) -> bool:
    """`async` and `await` were plain names before 3.7."""
    return version < (3, 7) and any(word in (error.text or "") for word in ("async", "await"))
