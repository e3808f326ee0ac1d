"""What names, attributes and items mean, and what becomes of them when they are assigned to."""

from __future__ import annotations

import builtins
from typing import Any

from envspec.proof.imports import intrinsics
from envspec.proof.imports.constants import sequence
from envspec.proof.imports.frame import Frame
from envspec.proof.imports.modules import State
from envspec.proof.imports.values import (
    UNKNOWN,
    Class,
    External,
    Fault,
    Function,
    Known,
    Module,
    Names,
    Raised,
    Value,
    constant,
    joined,
)
from envspec.proof.imports.world import World
from envspec.proof.stdlib import PYTHON_2_BUILTINS

_BUILTINS = frozenset(dir(builtins))
_IMPLICIT = frozenset({"_", "__module__", "__qualname__", "__class__", "__annotations__", "__path__"})


class ModuleNamespace:
    """The names of modules, classes and the standard library."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._modules = world.modules
        self._course = world.course
        self._constants = intrinsics.constants(world.modules.version)

    def lookup(self, name: str, frame: Frame) -> Value:
        """What a name means; `Raised` where it surely means nothing."""
        for scope in reversed(frame.scopes):
            if name in scope:
                return scope[name]
        if name in PYTHON_2_BUILTINS:
            state = self._modules.states.get(frame.module)
            if not frame.in_function and state and not state.open:
                raise _unbound("stdlib-name", f"builtins.{name}", name, frame)
        elif name not in _BUILTINS and self._course.name_guards and name not in _IMPLICIT:
            state = self._modules.states.get(frame.module)
            if not frame.in_function and state and not state.open and not self._course.doubt:
                raise _unbound("unbound", name, name, frame)
        return External(name) if name in _BUILTINS else UNKNOWN

    def attribute(self, value: Value, name: str, frame: Frame) -> Value:
        """An attribute of a value; `Raised` where there surely is none."""
        if isinstance(value, Module):
            state = self._modules.states.get(value.name)
            return UNKNOWN if state is None else self.module_attribute(state, name, frame)
        if isinstance(value, Class):
            return _class_attribute(value, name)
        if isinstance(value, External):
            return intrinsics.attribute(value, name)
        if (
            isinstance(value, Known)
            and isinstance(value.value, tuple)
            and name in ("major", "minor", "micro")
        ):
            number = getattr(value.value, name, None)
            return UNKNOWN if number is None else Known(number)
        return UNKNOWN

    def module_attribute(self, state: State, name: str, frame: Frame) -> Value:
        """An attribute of an imported module; `Raised` AttributeError where there surely is none."""
        whole = f"{state.name}.{name}"
        if name in state.names:
            return self._constants.get(whole) or state.names[name]
        if state.kind == "stdlib":
            return self._standard(state, name, frame)
        if state.kind != "source" or name.startswith("__"):
            return UNKNOWN
        if (getter := state.names.get("__getattr__")) is not None:
            found = self._made(getter, name, frame)
            if found is not None:
                return found
        # While it is being read itself, what is bound depends on who came first.
        unsure = state.loading and frame.module != state.name
        if state.open or unsure or whole in self._modules.index.origins or whole in self._modules.states:
            return UNKNOWN
        owner = state.package.name if state.package else ""
        if whole in self._modules.registered or state.syntax.path or state.may_be_given(name):
            return UNKNOWN
        raise _no_attribute("name", state, name, owner, frame)

    def _standard(self, state: State, name: str, frame: Frame) -> Value:
        """An attribute of a module of the standard library."""
        whole = f"{state.name}.{name}"
        stdlib = self._modules.stdlib
        if stdlib.has(whole):
            self._modules.states.setdefault(whole, State(name=whole, kind="stdlib"))
            return Module(whole)
        known = stdlib.names(state.name)
        if known is None or name in known or name.startswith("__"):
            return self._constants.get(whole) or External(whole)
        kind = "stdlib-name" if stdlib.once_had(state.name, name) else "platform-name"
        raise _no_attribute(kind, state, name, "", frame)

    def _made(self, getter: Value, name: str, frame: Frame) -> Value | None:
        """What a module's `__getattr__` answers; None when it surely says that there is no such name."""
        if not isinstance(getter, Function):
            return UNKNOWN
        try:
            return self._world.calls.call(getter, [Known(name)], {}, frame)
        except Raised as raised:
            kind = raised.builtin
            if kind is not None and issubclass(kind, AttributeError) and raised.fault.kind == "raised":
                return None
            if kind is None or not issubclass(kind, AttributeError | ImportError):
                return UNKNOWN
            raise

    def item(self, name: str, key: Any) -> Value:
        """An item of a library's object; only `sys.modules` matters."""
        found = name == "sys.modules" and isinstance(key, str) and key in self._modules.states
        return Module(key) if found else UNKNOWN

    def members(self, value: Value) -> list[Value] | None:
        """What going through a value yields; of `sys.modules` what was imported so far; None when unknown."""
        if isinstance(value, External) and value.name == "sys.modules":
            return [Known(name) for name in self._modules.states]
        return sequence(value)

    def set_attribute(self, owner: Value, name: str, value: Value) -> None:
        """Assign to an attribute; only those of modules and classes are kept."""
        names = owner.names if isinstance(owner, Class) else None
        if isinstance(owner, Module) and owner.name in self._modules.states:
            names = self._modules.states[owner.name].names
        if names is not None:
            self._set(names, name, value)

    def set_name(self, owner: Names, key: Value, value: Value) -> None:
        """Add a name to a module's dictionary; an unknown key opens the module."""
        known, name = constant(key)
        if known and isinstance(name, str):
            self._set(owner.names, name, value)
        elif owner.module in self._modules.states:
            self._modules.states[owner.module].open = True

    def set_item(self, name: str, key: Value, value: Value) -> None:
        """Put another name for a module, or anything in a module's place, into `sys.modules`."""
        known, module = constant(key)
        if name != "sys.modules" or not known or not isinstance(module, str):
            return
        if isinstance(value, Module) and value.name in self._modules.states and not self._course.doubt:
            self._modules.states[module] = self._modules.states[value.name]
        else:
            self._modules.registered.add(module)

    def _set(self, names: dict[str, Value], name: str, value: Value) -> None:
        names[name] = joined(names.get(name, UNKNOWN), value) if self._course.doubt else value


def _class_attribute(value: Class, name: str) -> Value:
    if name in value.names:
        return value.names[name]
    for base in value.bases:
        if isinstance(base, Class) and (found := _class_attribute(base, name)) is not UNKNOWN:
            return found
    return UNKNOWN


def _unbound(kind: str, wanted: str, name: str, frame: Frame) -> Raised:
    fault = Fault(kind=kind, wanted=wanted, owner="", where=frame.where)
    return Raised(External("NameError"), f"name '{name}' is not defined", fault)


def _no_attribute(kind: str, state: State, name: str, owner: str, frame: Frame) -> Raised:
    fault = Fault(kind=kind, wanted=f"{state.name}.{name}", owner=owner, where=frame.where)
    message = f"module '{state.name}' has no attribute '{name}'"
    return Raised(External("AttributeError"), message, fault)
