"""What a package has only to say that it is no longer there: whoever uses it gets an error that says so."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SAYS = re.compile(r"removed|deprecat|obsolete|nolonger", re.IGNORECASE)
"""In the name of an exception: that something was taken away."""
DEEP = 3
"""Functions that a call is followed through to what is raised."""


def depth(module: Any, names: tuple[str, ...]) -> int:
    """How many of these names, read one after the other, lead to what is only there to be refused; or 0."""
    value = module
    for number, name in enumerate(names, 1):
        if is_removed(value, name):
            return number
        try:
            value = getattr(value, name)
        except BaseException:
            return 0
    return 0


def is_removed(parent: Any, name: str) -> bool:
    """Whether what another has under a name is there only to be refused, when it is read or called."""
    try:
        value = getattr(parent, name)
    except BaseException as error:
        return not isinstance(error, AttributeError) and SAYS.search(type(error).__name__) is not None
    if issubclass(type(value), type):
        value = vars(value).get("__init__")
    return type(value) is types.FunctionType and always_raises(value)


def always_raises(function: Any, depth: int = 0) -> bool:
    """Whether a function begins with raising such an error, or with a call of one that does."""
    try:
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return False
    body = [each for each in getattr(node, "body", []) if not is_text(each)]
    first = body[0] if body else None
    if isinstance(first, ast.Raise):
        raised = first.exc.func if isinstance(first.exc, ast.Call) else first.exc
        return SAYS.search(getattr(raised, "id", getattr(raised, "attr", ""))) is not None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Call) and depth < DEEP:
        called = function.__globals__.get(getattr(first.value.func, "id", ""))
        return type(called) is types.FunctionType and always_raises(called, depth + 1)
    return False


def is_text(node: Any) -> bool:
    """Whether a statement is a text that stands alone, as documentation does."""
    return isinstance(node, ast.Expr) and type(node.value).__name__ in ("Constant", "Str")
