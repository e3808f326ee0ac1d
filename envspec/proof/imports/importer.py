"""Importing modules, abstractly: by a statement, or because somebody asks for one."""

from __future__ import annotations

import ast

from envspec.proof.imports import intrinsics
from envspec.proof.imports.frame import Frame
from envspec.proof.imports.modules import State
from envspec.proof.imports.parsing import Parser, is_old_keyword
from envspec.proof.imports.source import Origin
from envspec.proof.imports.values import (
    UNKNOWN,
    External,
    Fault,
    Items,
    Known,
    Module,
    Raised,
    SourceLine,
    Value,
    constant,
)
from envspec.proof.imports.world import World

_NAME_FAULTS = ("name", "stdlib-name", "platform-name")


class Importer:
    """Reads each module once, when it is first imported."""

    def __init__(self, world: World, parser: Parser) -> None:
        self._world = world
        self._parser = parser
        self._modules = world.modules
        self._constants = intrinsics.constants(world.modules.version)

    def load(self, name: str, frame: Frame) -> State:
        """Import a module and its parents; `Raised` when that surely fails."""
        states = self._modules.states
        where = frame.where
        parent, _, last = name.rpartition(".")
        if parent:
            above = self.load(parent, frame)
            if above.name != parent and name not in states:
                # A parent under another name looks its submodules up where they really are.
                states[name] = self.load(f"{above.name}.{last}", frame)
            if above.kind == "opaque":
                return states.setdefault(name, State(name=name, kind="opaque"))
        state = states.get(name)
        if state is None:
            state = self._modules.begin(name, where)
            if state.kind == "source" and not state.loading and state.failure is None:
                self._read(state)
        if state.failure is not None:
            old = state.failure
            raise Raised(old.kind, old.message, old.fault, (where, *old.chain))
        if parent:
            states[parent].names.setdefault(last, Module(name))
        return state

    def _read(self, state: State) -> None:
        """Go through a module's body."""
        origin = self._modules.index.origins[state.name]
        tree = self._parsed(state, origin)
        if tree is None:
            return
        self._modules.learn(state)
        state.failure = self._modules.hollow(state)
        if state.failure is not None:
            return
        state.open |= state.syntax.open
        state.future = _lazy_annotations(tree) or self._modules.version >= (3, 14)
        frame = Frame(module=state.name, scopes=[state.names])
        _describe(state, origin)
        state.loading = True
        try:
            with self._world.course.afresh():
                flow = self._world.statements.run(tree.body, frame)
        except RecursionError:
            state.open = True
            return
        finally:
            state.loading = False
        state.failure = flow.surely
        if not flow.normal and state.failure is None:
            state.open = True

    def _parsed(self, state: State, origin: Origin) -> ast.Module | None:
        """The tree of a module, whose state takes its marks; None where it cannot be read."""
        try:
            found = self._parser.module(state.name, origin)
            if found is None:
                return None
            tree, state.syntax = found
            return tree
        except SyntaxError as error:
            version = self._modules.version
            if self._modules.stdlib.exact and version <= (3, 11) and not is_old_keyword(error, version):
                where = SourceLine(module=state.name, line=error.lineno or 1)
                owner = origin.package.name if origin.package else ""
                fault = Fault(kind="syntax", wanted=error.msg or "", owner=owner, where=where)
                state.failure = Raised(External("SyntaxError"), error.msg or "invalid syntax", fault)
            state.kind = "opaque"
        except (ValueError, RecursionError, MemoryError, OSError, LookupError):
            state.kind = "opaque"
        except Exception as error:
            if type(error).__name__ != "WheelError":
                raise
            state.kind = "opaque"
        return None

    # -- statements -------------------------------------------------------------------------------

    def run_import(self, node: ast.Import, frame: Frame) -> None:
        """`import a.b as c`."""
        for alias in node.names:
            frame.line = node.lineno
            self.load(alias.name, frame)
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            self._bind(alias.asname or name, Module(name), frame)

    def run_from(self, node: ast.ImportFrom, frame: Frame) -> None:
        """`from a import b`."""
        frame.line = node.lineno
        name = self._modules.absolute(node.module or "", node.level, frame.module)
        if name == "__future__":
            return
        if not name:
            for alias in node.names:
                self._bind(alias.asname or alias.name, UNKNOWN, frame)
            return
        state = self.load(name, frame)
        for alias in node.names:
            frame.line = node.lineno
            if alias.name == "*":
                self._star(state, frame)
            else:
                self._bind(alias.asname or alias.name, self._member(state, alias.name, frame), frame)

    def _bind(self, name: str, value: Value, frame: Frame) -> None:
        self._world.expressions.bind(ast.Name(id=name, ctx=ast.Store()), value, frame)

    def _member(self, state: State, name: str, frame: Frame) -> Value:
        """`name` of `from module import name`."""
        where = frame.where
        whole = f"{state.name}.{name}"
        if name in state.names:
            return self._constants.get(whole) or state.names[name]
        if whole in self._modules.index.origins and state.kind != "opaque":
            self.load(whole, frame)
            return Module(whole)
        try:
            return self._world.names.module_attribute(state, name, frame)
        except Raised as raised:
            if raised.fault.where != where or raised.fault.kind not in _NAME_FAULTS:
                raise
            message = f"cannot import name '{name}' from '{state.name}'"
            raise Raised(External("ImportError"), message, raised.fault, raised.chain) from raised

    def _star(self, state: State, frame: Frame) -> None:
        here = self._modules.states[frame.module]
        if state.kind == "stdlib":
            names = self._modules.stdlib.names(state.name)
            for name in names or ():
                if not name.startswith("_"):
                    frame.names[name] = External(f"{state.name}.{name}")
            here.open |= names is None
            return
        listed = state.names.get("__all__")
        if listed is None:
            here.open |= state.open or state.loading or state.kind != "source"
            for name in [name for name in state.names if not name.startswith("_")]:
                frame.names[name] = state.names[name]
            return
        known, members = constant(listed)
        items = listed.items if isinstance(listed, Items) else []
        found = members if known and isinstance(members, tuple) else [constant(item)[1] for item in items]
        here.open |= not known
        for name in found:
            if isinstance(name, str) and (name or known):
                frame.names[name] = self._listed(state, name, frame)

    def _listed(self, state: State, name: str, frame: Frame) -> Value:
        """A name of `__all__`: a missing one is an AttributeError there."""
        try:
            return self._member(state, name, frame)
        except Raised as raised:
            if raised.fault.where == frame.where and raised.fault.kind in _NAME_FAULTS:
                raised.kind = External("AttributeError")
            raise


def _describe(state: State, origin: Origin) -> None:
    """Bind the names that every module has."""
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


def _lazy_annotations(tree: ast.Module) -> bool:
    return any(
        isinstance(item, ast.ImportFrom)
        and item.module == "__future__"
        and any(alias.name == "annotations" for alias in item.names)
        for item in tree.body
    )
