"""The interpreter: a program that is never run, read for what importing its modules would do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envspec.proof.abi.base import LoaderBase
from envspec.proof.imports.calls import Caller
from envspec.proof.imports.course import Course
from envspec.proof.imports.expressions import Evaluator
from envspec.proof.imports.frame import Frame
from envspec.proof.imports.importer import Importer
from envspec.proof.imports.modules import Modules
from envspec.proof.imports.namespace import ModuleNamespace
from envspec.proof.imports.parsing import Parser
from envspec.proof.imports.source import Package
from envspec.proof.imports.statements import Executor
from envspec.proof.imports.values import Raised


class Interpreter:
    """Imports modules of a set of packages under one Python, abstractly. Its parts are those of a `World`."""

    def __init__(
        self,
        packages: Iterable[Package],
        *,
        python: str,
        base: LoaderBase | None = None,
        broken: Mapping[str, str] | None = None,
        variables: Iterable[str] = (),
        budget: int = 2_000_000,
    ) -> None:
        """Budget in statements; the rest as `Modules` has it."""
        self.modules = Modules(packages, python=python, base=base, broken=broken, variables=variables)
        self.course = Course(budget=budget)
        self.parser = Parser(self.modules.version)
        self.names = ModuleNamespace(self)
        self.calls = Caller(self, self.parser)
        self.imports = Importer(self, self.parser)
        self.expressions = Evaluator(self)
        self.statements = Executor(self)

    def failure(self, module: str) -> Raised | None:
        """What importing a module surely raises; None when it may well be imported."""
        try:
            self.imports.load(module, Frame(module="", scopes=[{}]))
        except Raised as raised:
            return raised
        return None
