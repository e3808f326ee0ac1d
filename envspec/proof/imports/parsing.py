"""The trees of modules: of large packages without the bodies of functions, which are read when called."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping

from envspec.proof.imports.outline import FunctionBody, outline
from envspec.proof.imports.source import LARGEST, Origin, Syntax, marked_lines, syntax
from envspec.proof.imports.values import Function

NEWEST_GRAMMAR = 11
"""Minor version of the newest grammar that the oldest Python which runs this can be asked for."""


class Parser:
    """Turns modules into trees, for one version of Python."""

    def __init__(self, version: tuple[int, ...]) -> None:
        self._grammar = version[0], min(version[1], NEWEST_GRAMMAR)
        self._bodies: dict[str, Mapping[int, FunctionBody]] = {}
        self.read_bytes = 0
        """Bytes of all texts so far."""

    def module(self, name: str, origin: Origin) -> tuple[ast.Module, Syntax] | None:
        """Tree and marks of a module; None of a folder. Raises what reading and `ast.parse` do."""
        if origin.package is None:
            return None
        text = origin.package.read(origin.path)
        self.read_bytes += len(text)
        if len(text) > LARGEST:
            raise ValueError("it is too large")
        marked = marked_lines(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = self._outlined(name, text, marked) if origin.package.large else None
            tree = tree or ast.parse(text, feature_version=self._grammar)
        return tree, syntax(tree, marked)

    def _outlined(self, name: str, text: bytes, marked: list[int]) -> ast.Module | None:
        """A module without the long bodies of its functions; None where they cannot be told."""
        found = outline(text, marked)
        try:
            tree = ast.parse(found.text, feature_version=self._grammar)
        except SyntaxError:
            return None
        self._bodies[name] = found.bodies
        return tree

    def body(self, function: Function, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
        """The body of a function, read now if it was left out. Raises what `ast.parse` does."""
        match node.body[0]:
            case ast.Expr(value=ast.Constant(value=value), lineno=line) if value is ...:
                left_out = self._bodies.get(function.module, {}).get(line)
                if left_out is not None:
                    node.body = left_out.statements(self._grammar)
        return node.body


def is_old_keyword(error: SyntaxError, version: tuple[int, ...]) -> bool:
    """`async` and `await` were plain names before 3.7."""
    return version < (3, 7) and any(word in (error.text or "") for word in ("async", "await"))
