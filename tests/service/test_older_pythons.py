"""The service runs in environments down to Python 3.8, because ModelScope's own text front end ends there."""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Iterator

import pytest

from .conftest import ROOT

OLDEST = (3, 8)
NEWER = {
    "typing": {
        "Annotated",
        "Concatenate",
        "Never",
        "ParamSpec",
        "Self",
        "TypeAlias",
        "TypeGuard",
        "override",
    },
    "functools": {"cache"},
    "itertools": {"batched", "pairwise"},
    "": {"tomllib", "zoneinfo", "graphlib"},
}
"""What the standard library has only since, by module; whole modules under no name."""
GENERIC = {
    "tuple",
    "dict",
    "list",
    "set",
    "frozenset",
    "type",
    "deque",
    "OrderedDict",
    "Popen",
    "Pattern",
    "Match",
}
ABSTRACT = {
    "Callable",
    "Iterable",
    "Iterator",
    "Generator",
    "Mapping",
    "MutableMapping",
    "Sequence",
    "Collection",
}


def carried_out(nodes: list[ast.stmt]) -> Iterator[ast.AST]:
    """What runs when a module is imported. Annotations do not: each module puts them off."""
    for node in nodes:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts: list[ast.AST | None] = [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults]
        elif isinstance(node, ast.ClassDef):
            parts = [*node.bases, *node.decorator_list]
            yield from carried_out(node.body)
        elif isinstance(node, ast.AnnAssign):
            parts = [node.value]
        else:
            parts = [node]
        for part in parts:
            if part is not None:
                yield from ast.walk(part)


def too_new(source: str) -> list[str]:
    """What a module needs that the oldest Python has not."""
    tree = ast.parse(source, feature_version=OLDEST)
    found = []
    for node in carried_out(tree.body):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).split(".")[-1] in GENERIC | ABSTRACT:
            found.append(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            found.extend(sorted(names & NEWER.get(node.module or "", set())))
        elif isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names if alias.name in NEWER[""])
    return found


@pytest.mark.parametrize(
    "path", sorted((ROOT / "service").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_module_can_be_imported(path: pathlib.Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert too_new(source) == []
    if any(isinstance(node, ast.AnnAssign | ast.FunctionDef) for node in ast.walk(ast.parse(source))):
        assert "from __future__ import annotations\n" in source


@pytest.mark.parametrize(
    "source",
    [
        "from typing import Self",
        "Table = dict[str, int]",
        "Say = Callable[[str], str]",
        "class Some(dict[str, int]): pass",
        "def give(value=list[int]): pass",
    ],
)
def test_what_is_newer_is_found(source: str) -> None:
    assert too_new(source)


def test_newer_grammar_is_found() -> None:
    with pytest.raises(SyntaxError):
        too_new("match 1:\n    case 1: pass")
