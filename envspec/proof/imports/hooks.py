"""Import hooks that a package sets up at every start, and the modules in whose place they put its own."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envspec.proof.imports.source import Origin, Package

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def hooked(package: Package) -> frozenset[str]:
    """Dotted names that stand in the import hooks of a package: what such a hook serves is known to it alone.

    A line of a `.pth` file that begins with `import` is run at every start (documentation of `site`).
    """
    return frozenset(
        node.value
        for path in _started(package)
        for node in ast.walk(_tree(package, path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _DOTTED.fullmatch(node.value)
    )


def stand_in(name: str, package: Package, origins: Mapping[str, Origin]) -> str:
    """The package's own module that lies in a folder as the named one does; empty unless there is one alone.

    Such a hook looks for `a.b` where its package has `c/a/b/__init__.py`.
    """
    found = [
        module
        for module, origin in origins.items()
        if origin.package is package and origin.is_package and module.endswith(f".{name}")
    ]
    return found[0] if len(found) == 1 else ""


def _started(package: Package) -> Iterator[str]:
    """The package's modules that are imported at every start and that hold a finder."""
    files = set(package.files)
    for path in package.files:
        if path.endswith(".pth") and "/" not in path:
            text = package.read(path).decode("utf-8", "replace")
            for name in re.findall(r"^import[ \t]+([\w.]+)", text, re.MULTILINE):
                stem = name.replace(".", "/")
                for file in (f"{stem}.py", f"{stem}/__init__.py"):
                    if file in files and b"meta_path" in package.read(file):
                        yield file


def _tree(package: Package, path: str) -> ast.AST:
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.parse(package.read(path))
    return ast.Module(body=[], type_ignores=[])
