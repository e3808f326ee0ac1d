"""Which arguments a callable takes: by their names, and how many by their place."""

from __future__ import annotations

import ast
import inspect
import textwrap
import types

from . import reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def refused(
    value: Any, words: list[str], given: int, others: set[str], *, above: bool = False
) -> list[dict[str, Any]]:
    """What a callable that ends in one of the top-level modules `others` does not take of a call's arguments.

    `words` are those by name, `given` counts those by place. `above`: the callable is what the constructor of
    the class `value` itself calls as the next. Keys told: `name` of the callable and `argument`; where there
    are too many by place that is empty, and `given` and `taken` say how many.
    """
    final = receiver(value, words, above=above)
    if final is None:
        return []
    function, spare = final
    home = str(getattr(function, "__module__", "") or "").partition(".")[0]
    if home not in others:
        return []
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []
    name = "%s.%s" % (function.__module__, function.__qualname__)
    most = places(first_with_init(value) if above else value, function, parameters)
    if most is not None and given > most:
        return [{"name": name, "argument": "", "given": given, "taken": most}]
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return []
    accepted = {each.name for each in parameters if each.kind is not each.POSITIONAL_ONLY}
    return [{"name": name, "argument": word} for word in words if word not in accepted and word not in spare]


def is_mixed_in(kind: Any) -> bool:
    """Whether a class has subclasses in which its `super()` is another class than in itself."""
    todo = list(type.__subclasses__(kind))
    while todo:
        below_it = todo.pop()
        order = below_it.__mro__
        if order[order.index(kind) + 1] is not kind.__mro__[1]:
            return True
        todo += type.__subclasses__(below_it)
    return "mixin" in kind.__name__.lower()


def first_with_init(kind: Any) -> Any:
    """The class whose constructor a class's own calls by `super()`."""
    return next((each for each in kind.__mro__[1:] if "__init__" in vars(each)), object)


def places(value: Any, function: Any, parameters: list[Any]) -> int | None:
    """How many arguments a callable takes by their place; None where any number, or it is not known."""
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return None
    own = function is value
    if not own and vars(value).get("__init__") is not function:
        return None  # a constructor further up, which one in between may call in its own way
    taken = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    return len(taken) if own else len(taken) - 1


def receiver(value: Any, words: list[str], *, above: bool = False) -> tuple[Any, set[str]] | None:
    """The function that named arguments end in, with the names that are taken out on the way.

    Follows `__init__(self, **kwargs)` that hands its rest on with `super().__init__(**kwargs)`. `above`
    asks for what such a call in the class `value` itself ends in.
    """
    if type(value) is types.FunctionType:
        return None if hasattr(value, "__wrapped__") else (value, set())
    if not issubclass(type(value), type) or type(value).__call__ is not type.__call__:
        return None
    if value.__new__ is not object.__new__ or hasattr(value, "__signature__"):
        return None
    taken = set()  # type: set[str]
    for kind in value.__mro__[above:]:
        init = vars(kind).get("__init__")
        if init is None:
            continue
        if not isinstance(init, types.FunctionType) or hasattr(init, "__wrapped__"):
            return None
        code = init.__code__
        if not code.co_flags & inspect.CO_VARKEYWORDS:
            return init, taken
        named = code.co_argcount + code.co_kwonlyargcount
        rest = code.co_varnames[named + bool(code.co_flags & inspect.CO_VARARGS)]
        if not hands_on(init, rest):
            return None
        taken.update(code.co_varnames[:named])
        taken.update(word for word in words if word in code.co_consts)
    return None


def hands_on(init: Any, rest: str) -> bool:
    """Whether a constructor passes its remaining named arguments to `super().__init__`, and nowhere else."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(init)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return False
    passed = [
        call
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and any(word.arg is None and reading.last_name(word.value) == rest for word in call.keywords)
    ]
    if len(passed) != 1:
        return False
    function = passed[0].func
    if not isinstance(function, ast.Attribute) or function.attr != "__init__":
        return False
    return isinstance(function.value, ast.Call) and reading.last_name(function.value) == "super"
