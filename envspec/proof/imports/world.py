"""What the parts of the interpreter ask of each other: none of them can read a program alone."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from envspec.proof.imports.course import Course
from envspec.proof.imports.flow import Flow
from envspec.proof.imports.frame import Frame
from envspec.proof.imports.modules import Modules, State
from envspec.proof.imports.values import Names, Value


class Namespace(Protocol):
    """Says what names, attributes and items mean, and binds them."""

    def lookup(self, name: str, frame: Frame) -> Value:
        """What a name means; `Raised` where it surely means nothing."""

    def attribute(self, value: Value, name: str, frame: Frame) -> Value:
        """An attribute of a value; `Raised` where there surely is none."""

    def module_attribute(self, state: State, name: str, frame: Frame) -> Value:
        """The same of a module."""

    def item(self, name: str, key: Any) -> Value:
        """An item of a library's object; only `sys.modules` matters."""

    def members(self, value: Value) -> list[Value] | None:
        """What going through a value yields; None when unknown."""

    def set_attribute(self, owner: Value, name: str, value: Value) -> None:
        """Assign to an attribute; only those of modules and classes are kept."""

    def set_name(self, owner: Names, key: Value, value: Value) -> None:
        """Add a name to a module's dictionary; an unknown key opens the module."""

    def set_item(self, name: str, key: Value, value: Value) -> None:
        """Assign to an item of a library's object; only `sys.modules` matters."""


class Calls(Protocol):
    """Follows calls."""

    def call(
        self, function: Value, args: list[Value] | None, named: Mapping[str, Value], frame: Frame
    ) -> Value:
        """The result of a call; `args` is None when they are not known one by one."""


class Imports(Protocol):
    """Imports modules, abstractly."""

    def load(self, name: str, frame: Frame) -> State:
        """Import a module and its parents; `Raised` when that surely fails."""

    def run_import(self, node: ast.Import, frame: Frame) -> None:
        """`import a.b as c`."""

    def run_from(self, node: ast.ImportFrom, frame: Frame) -> None:
        """`from a import b`."""


class Expressions(Protocol):
    """Evaluates expressions."""

    def evaluate(self, node: ast.expr | None, frame: Frame) -> Value:
        """What an expression may be; `Raised` when evaluating it surely raises."""

    def perhaps(self, node: ast.expr | None, frame: Frame) -> Value:
        """The same of an expression that may not be evaluated at all: nothing it raises counts."""

    def bind(self, target: ast.expr, value: Value, frame: Frame) -> None:
        """Assign to a target."""


class Statements(Protocol):
    """Executes blocks of statements."""

    def run(self, block: Sequence[ast.stmt], frame: Frame) -> Flow:
        """Go through a block."""


class World(Protocol):
    """All parts of one interpreter: each holds it, and asks the others through it."""

    @property
    def modules(self) -> Modules:
        """What there is to import."""

    @property
    def course(self) -> Course:
        """How far reading may go."""

    @property
    def names(self) -> Namespace:
        """What names mean."""

    @property
    def calls(self) -> Calls:
        """What calls give."""

    @property
    def imports(self) -> Imports:
        """What imports do."""

    @property
    def expressions(self) -> Expressions:
        """What expressions are."""

    @property
    def statements(self) -> Statements:
        """What blocks do."""
