"""The modules of a set of packages under one Python: which there are, and what is known of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from envspec.proof.abi.base import LoaderBase
from envspec.proof.imports.source import Index, Package, Syntax
from envspec.proof.imports.values import External, Fault, Items, Raised, SourceLine, Value
from envspec.proof.stdlib import Stdlib

# Packages that rebuild the import system around themselves: their modules are there, their names not ours.
_OPAQUE = frozenset({"setuptools", "_distutils_hack", "distutils"})
_VENDORED = (".extern", "._vendor", "._vendored", ".vendor", ".externals")


@dataclasses.dataclass(kw_only=True, slots=True)
class State:
    """One module as far as it was read."""

    name: str
    kind: str
    """`source`, `compiled`, `folder`, `stdlib` or `opaque`."""
    names: dict[str, Value] = dataclasses.field(default_factory=dict)
    open: bool = False
    """It may have names that no statement binds."""
    loading: bool = False
    failure: Raised | None = None
    package: Package | None = None
    syntax: Syntax = dataclasses.field(default_factory=Syntax)
    future: bool = False
    """Annotations are not evaluated."""

    def may_be_given(self, name: str) -> bool:
        """Whether other code of its package may give it this name: it knows the module's, and this one."""
        inner = self.package is not None and "." in self.name
        return inner and self.package is not None and self.package.fills(self.name, name)


class Modules:
    """What can be imported, and what was imported so far; nothing here reads a program."""

    def __init__(
        self,
        packages: Iterable[Package],
        *,
        python: str,
        base: LoaderBase | None = None,
        broken: Mapping[str, str] | None = None,
        variables: Iterable[str] = (),
    ) -> None:
        """`broken`: compiled modules that cannot be loaded, with the reason.

        `variables` are those of the environment that may be set, beyond the usual ones.
        """
        self.packages = tuple(packages)
        self.python = python
        self.base = base
        self.variables = frozenset(variables)
        self.versions = {package.name: package.version for package in self.packages}
        minor = python.removesuffix("t")
        self.version = tuple(int(part) for part in minor.split(".")[:2])
        self.index = Index(self.packages, python)
        self.stdlib = Stdlib(minor)
        self.states: dict[str, State] = {}
        self.registered: set[str] = set(self.index.hooked)
        """Modules that some module puts into `sys.modules` by their names."""
        self.stand_ins: set[str] = set()
        """Compiled files that packages load by other ways than an import of their names."""
        self.dead_finders: dict[str, int] = {}
        """Module to the line of an import hook that this Python never calls."""
        self._broken = dict(broken or {})
        self._dynamic: set[str] = set()
        self._searching = False

    def begin(self, name: str, where: SourceLine) -> State:
        """The state of a module that nothing imported yet; `Raised` where there surely is none."""
        origin = self.index.origins.get(name)
        top = name.partition(".")[0]
        opaque = top in _OPAQUE or any(part in f".{name}" for part in _VENDORED)
        if name in self.registered or (opaque and (origin or self._distutils(top) or name != top)):
            state = State(name=name, kind="opaque")
        elif self.stdlib.has(name) and not (origin and origin.kind == "source" and "." in name):
            state = State(name=name, kind="stdlib")
        elif origin is not None:
            state = State(name=name, kind=origin.kind, package=origin.package, open=origin.kind != "source")
            if name in self._broken:
                state.failure = self._unloadable(name, where)
        elif self.may_exist(name):
            state = State(name=name, kind="opaque")
        else:
            raise self._absent(name, where)
        self.states[name] = state
        return state

    def learn(self, state: State) -> None:
        """Take up what the text of a module says about other modules."""
        marks = state.syntax
        self.registered |= marks.registered
        self._searching |= marks.search
        if marks.legacy_finder and self.version >= (3, 12):
            self.dead_finders[state.name] = marks.legacy_finder
        elif marks.modules:
            self._dynamic.add(state.name.partition(".")[0])

    def hollow(self, state: State) -> Raised | None:
        """Why a package fails that loads a compiled module of its own name in its place, as OpenCV does."""
        own = f"{state.name}.{state.name}"
        if not state.syntax.search or own not in self.index.origins:
            return None
        self.stand_ins.add(own)
        return self._unloadable(own, SourceLine(module=state.name, line=1)) if own in self._broken else None

    def open_own_library(self, module: str, where: SourceLine) -> None:
        """`ctypes` opens a file that is told only at run time: of a package with one compiled file, that.

        Raises `Raised` where that cannot be loaded.
        """
        origin = self.index.origins.get(module)
        if origin is None or origin.package is None:
            return
        compiled = self.index.compiled(origin.package)
        if len(compiled) == 1:
            self.stand_ins.add(compiled[0])
            if reason := self._broken.get(compiled[0]):
                fault = Fault(kind="binary", wanted=reason, owner=compiled[0], where=where)
                raise Raised(External("OSError"), reason, fault, (where,))

    def exists(self, name: str) -> bool:
        """Whether there is such a module, or may be."""
        known = name in self.index.origins or self.stdlib.has(name) or name in self.states
        return known or self.may_exist(name)

    def may_exist(self, name: str) -> bool:
        """Whether a module that no file shows may be put together while the program runs."""
        top, _, rest = name.partition(".")
        if top in self._dynamic or name in self.registered:
            return True
        if not rest:
            return self._searching and name in self.index.nested
        parent = self.states.get(name.rpartition(".")[0])
        if parent is None:
            return False
        path = parent.names.get("__path__")
        nowhere = isinstance(path, Items) and not path.open and not path.items
        return parent.kind in ("opaque", "compiled") or (parent.syntax.path and not nowhere)

    def absolute(self, name: str, level: int, module: str) -> str:
        """The absolute name of a relative import in a module; empty when it leaves the top."""
        if not level:
            return name
        origin = self.index.origins.get(module)
        parts = module.split(".")
        up = level - 1 if origin and origin.is_package else level
        if up >= len(parts) and not (up == len(parts) and name and not origin):
            return ""
        base = parts[: len(parts) - up]
        return ".".join([*base, *([name] if name else [])])

    def _distutils(self, top: str) -> bool:
        return top == "distutils" and (self.stdlib.has("distutils") or "setuptools" in self.versions)

    def _absent(self, name: str, where: SourceLine) -> Raised:
        kind = "stdlib-module" if self.stdlib.gone(name) else "module"
        owner = ""
        parent = self.index.origins.get(name.rpartition(".")[0])
        if "." in name and parent and parent.package:
            owner = parent.package.name
        fault = Fault(kind=kind, wanted=name, owner=owner, where=where)
        message = f"No module named '{name}'"
        return Raised(External("ModuleNotFoundError"), message, fault, (where,))

    def _unloadable(self, name: str, where: SourceLine) -> Raised:
        reason = self._broken[name]
        fault = Fault(kind="binary", wanted=reason, owner=name, where=where)
        return Raised(External("ImportError"), f"{name} {reason}", fault)
