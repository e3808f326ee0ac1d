"""Suspected placeholders: a distribution that holds nothing but a name on the index."""

from __future__ import annotations

import ast
import contextlib

from envspec.proof.imports.source import Package

_LARGEST = 4096
"""Bytes of all sources of a placeholder together."""
_MOST = 64
"""Modules of a placeholder: generated ones are many, and empty."""


def is_stub(package: Package) -> bool:
    """Whether a package has modules, yet no code, no data, no requirement and no command.

    Distributions without any module are no stubs: they exist for what they require, or for their data.
    """
    sources = [path for path in package.files if path.endswith(".py")]
    others = [path for path in package.files if not path.endswith((".py", "/py.typed"))]
    if not sources or others or package.requires or package.commands:
        return False
    if len(sources) > _MOST or sum(map(package.size, sources)) > _LARGEST:
        return False
    return all(_says_nothing(package.read(path)) for path in sources)


def _says_nothing(text: bytes) -> bool:
    """Only constants: a docstring, a version, functions that greet."""
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        return all(_is_empty(node) for node in ast.parse(text).body)
    return False


def _is_empty(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef):
        return not node.decorator_list and all(_is_empty(item) for item in node.body)
    plain = isinstance(node, ast.Pass | ast.Expr | ast.Assign | ast.Return)
    return plain and _is_constant(getattr(node, "value", None))


def _is_constant(node: ast.expr | None) -> bool:
    if node is None or isinstance(node, ast.Constant):
        return True
    return isinstance(node, ast.Tuple | ast.List) and all(_is_constant(item) for item in node.elts)
