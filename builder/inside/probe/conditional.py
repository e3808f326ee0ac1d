"""Which names a module has only where something else is there: what it lacks of them, it never promised."""

from __future__ import annotations

import ast

from . import confirming, reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator


def conditional_names(path: str) -> frozenset[str]:
    """Names that the module in a file binds below a condition or a `try` alone; none where it cannot be read.

    A condition on the version of Python is none: that is not what somebody may install besides.
    """
    tree = confirming.parse(confirming.source(path) or "")
    if tree is None:
        return frozenset()
    always = {name for node in tree.body if type(node) not in BRANCHES for name in names_of(node)}
    return frozenset(below(tree.body)) - always


def below(body: list[Any]) -> Iterator[str]:
    """Names that are bound in the branches of a block."""
    for node in body:
        if type(node) not in BRANCHES:
            continue
        if isinstance(node, ast.If) and any("version" in word for word in reading.words_of(node.test)):
            continue
        for inner in reading.within([node]):
            yield from names_of(inner)


def names_of(node: Any) -> Iterator[str]:
    """Names that one statement binds itself."""
    for each in ast.walk(node) if isinstance(node, (ast.Assign, ast.AnnAssign)) else [node]:
        for name, _ in reading.bound(each, ""):
            yield name


BRANCHES = {ast.If, *reading.TRIES}
"""Statements of which a part may not run."""
