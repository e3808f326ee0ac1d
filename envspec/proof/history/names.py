"""Whether a wheel has a dotted name: read off its files, nothing is run or followed into other packages."""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping, Sequence

from envspec.supply.wheel import Wheel, WheelError

LARGEST = 1 << 20
"""Bytes of a module that is read for it."""
_DEPTH = 6
"""How many modules a name is followed through that are taken over with `*`."""
_MADE = re.compile(r"\b(?:globals|vars|exec|setattr)\s*\(|sys\.modules\s*\[\s*__name__|\b__path__\b")
"""Marks of a module that may have names which no statement binds."""


def has_name(wheel: Wheel, dotted: str) -> bool | None:
    """Whether there is such a module, or a name that a module binds; None where that cannot be read."""
    try:
        return _has(wheel, dotted.split("."), _DEPTH)
    except (WheelError, SyntaxError, ValueError):
        return None


def _has(wheel: Wheel, parts: Sequence[str], depth: int) -> bool | None:
    for end in range(len(parts), 0, -1):
        path = _module(wheel, "/".join(parts[:end]))
        if path is None:
            continue
        if end == len(parts):
            return True
        if not path.endswith(".py"):
            return None
        return _binds(wheel, path, parts[:end], parts[end:], depth)
    return False


def _module(wheel: Wheel, stem: str) -> str | None:
    """The file of a module, or the folder that is one."""
    for path in (f"{stem}/__init__.py", f"{stem}.py"):
        if path in wheel.library:
            return path
    compiled = (f"{stem}.", f"{stem}/__init__.")
    found = next((path for path in wheel.library if path.startswith(compiled) and path.endswith(".so")), None)
    return found or next((f"{stem}/" for path in wheel.library if path.startswith(f"{stem}/")), None)


def _binds(wheel: Wheel, path: str, module: Sequence[str], rest: Sequence[str], depth: int) -> bool | None:
    found = _read(wheel.read(wheel.library[path], limit=LARGEST).decode("utf-8", "replace"))
    if rest[0] in found.bound:
        node = found.bound[rest[0]]
        return True if len(rest) == 1 else _inside(node, rest[1]) if len(rest) == 2 else None
    if found.opened:
        return None
    stars = [_meant(node, module, is_package=path.endswith("/__init__.py")) for node in found.stars]
    answers = [_has(wheel, [*star, *rest], depth - 1) if depth else None for star in stars]
    if True in answers:
        return True
    own = {star[0] for star in stars} <= {module[0]}
    return None if None in answers or not own else False


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Module:
    """What the statements of a module bind."""

    bound: Mapping[str, ast.stmt]
    stars: tuple[ast.ImportFrom, ...]
    opened: bool
    """Whether it may have other names."""


@functools.lru_cache(maxsize=256)
def _read(text: str) -> _Module:
    """Raises `SyntaxError`."""
    statements = [*_statements(ast.parse(text).body)]
    bound = {name: node for node in statements for name in _bound(node)}
    stars = [
        node
        for node in statements
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    opened = "__getattr__" in bound or _MADE.search(text) is not None
    return _Module(bound=bound, stars=tuple(stars), opened=opened)


def _inside(node: ast.stmt, name: str) -> bool | None:
    """Whether a class has an attribute; None for what inherits, and for what is no class."""
    if not isinstance(node, ast.ClassDef):
        return None
    own = any(name in _bound(each) for each in _statements(node.body))
    return own or (None if node.bases or node.keywords or node.decorator_list else False)


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements that run where the body does, those of branches included."""
    for node in body:
        yield node
        for part in ("body", "orelse", "finalbody"):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from _statements(getattr(node, part, []))
        for handler in getattr(node, "handlers", []):
            yield from _statements(handler.body)


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For | ast.With):
        for inner in (
            ast.walk(node) if not isinstance(node, ast.For | ast.With) else ast.iter_child_nodes(node)
        ):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id


def _meant(node: ast.ImportFrom, module: Sequence[str], *, is_package: bool) -> list[str]:
    """The module that a statement of another one imports from."""
    named = node.module.split(".") if node.module else []
    if not node.level:
        return named
    up = node.level - 1 if is_package else node.level
    return [*module[: len(module) - up], *named]
