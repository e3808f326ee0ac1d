"""What the code of a wheel takes from other distributions when it is imported, read off its syntax."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from envspec.proof.imports.link import is_aside
from envspec.supply.wheel import Wheel, WheelError

LARGEST = 200 << 10
"""Bytes of a module that is read for it."""


def certain_uses(wheel: Wheel) -> frozenset[str]:
    """Dotted names that modules take from outside, in statements that run whenever they are imported.

    What stands below a `try` or an `if`, or in a function, may not run, and is left out; so are tests.
    """
    own = set(wheel.top_level)
    found: set[str] = set()
    for path, name in wheel.library.items():
        module = path.removesuffix(".py").replace("/", ".")
        if not path.endswith(".py") or is_aside(module):
            continue
        try:
            tree = ast.parse(wheel.read(name, limit=LARGEST))
        except (WheelError, SyntaxError, ValueError):
            continue
        found |= {used for used in _of(tree) if used.partition(".")[0] not in own}
    return frozenset(found)


def _of(tree: ast.Module) -> Iterator[str]:
    modules: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
                if alias.asname or "." not in alias.name:
                    modules[alias.asname or alias.name] = alias.name
        else:
            yield from _attributes(node, modules)


def _attributes(node: ast.stmt, modules: dict[str, str]) -> Iterator[str]:
    """Attributes of imported modules in what surely runs: bases, decorators and plain assignments."""
    running: list[ast.AST] = []
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr) and node.value is not None:
        running = [node.value]
    elif isinstance(node, ast.ClassDef):
        running = [*node.bases, *node.decorator_list]
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        running = list(node.decorator_list)
    for part in running:
        if any(isinstance(inner, ast.Lambda | ast.IfExp | ast.BoolOp) for inner in ast.walk(part)):
            continue
        for inner in ast.walk(part):
            if (
                isinstance(inner, ast.Attribute)
                and isinstance(inner.value, ast.Name)
                and (module := modules.get(inner.value.id))
            ):
                yield f"{module}.{inner.attr}"
