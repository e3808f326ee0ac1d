"""Calls what a package makes public, to see whether a use of others that cannot work is really run into.

What reading finds in a function says that the function fails where it is run, not that anybody runs it. Here
the package's own public functions and methods are called, with guessed arguments: one that ends at that very
line, for that very reason, proves it.
"""

from __future__ import annotations

import contextlib
import dis
import importlib
import inspect
import os
import sys
import tempfile
import time
import types
import warnings

from . import arguments, callers, child, removed
from .worker import limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

CALL = 4.0
"""Seconds for the calls of one public function or class."""
ALL = 15.0
"""Seconds for all that is tried of one distribution."""
ENTRIES = 10
"""Public functions and classes that are tried for one use."""
USES = 6
"""Uses of one distribution that are tried."""
METHODS = 6
"""Methods of one class that are tried."""
STATEMENT = 3
"""Lines of one statement: Python tells one of them."""


class Trial:
    """Tries the uses of one distribution. `root` is its top level, `files` has its modules."""

    def __init__(self, root: str, files: list[list[Any]], *, seconds: float = ALL) -> None:
        self.root, self.files = root, files
        self.callers = None  # type: callers.Callers | None
        self.until = time.monotonic() + seconds
        self.tried = 0

    def reached(self, misfit: dict[str, Any]) -> tuple[str, bool]:
        """The call that ends with a misfit, as one writes it; empty where none that was tried does.

        With it goes whether that is something inside, though the package has functions or classes itself.
        """
        left = self.until - time.monotonic()
        if left <= 0 or self.tried >= USES:
            return "", False
        self.tried += 1
        ways = self.ways(misfit)
        told = []  # type: list[Any]

        def search() -> Any:
            limit(CALL)
            call = self.search(misfit, ways)
            return [call, bool(call) and self.is_deep(call)]

        child.step(search, timeout=min(left, ENTRIES * CALL), tell=told.append)
        call, deep = (told[0].get("value") if told else None) or ("", False)
        return call, deep

    def ways(self, misfit: dict[str, Any]) -> dict[str, int]:
        """By the names of functions and classes, how many calls they are away from a misfit."""
        if self.callers is None:
            self.callers = callers.Callers(self.files)
        return self.callers.distances(misfit["path"], misfit["line"], misfit.get("class", ""))

    def search(self, misfit: dict[str, Any], ways: dict[str, int]) -> str:
        """In the child: call one public thing after the other."""
        warnings.simplefilter("ignore")
        for name, value in self.entries(misfit.get("module", self.root), ways)[:ENTRIES]:
            told = []  # type: list[Any]

            def call(name: str = name, value: Any = value) -> str:
                with quiet(), samples():
                    return next((way for way, error in ended(name, value, ways) if proves(error, misfit)), "")

            child.step(call, timeout=CALL, tell=told.append)
            if told and told[0].get("value"):
                return str(told[0]["value"])
        return ""

    def entries(self, module: str, ways: dict[str, int]) -> list[tuple[str, Any]]:
        """Public functions and classes that may lead into a module by name, the nearest first.

        They are those of the root, and of the public ones among the module and what it lies in.
        """
        inner = module[len(self.root) + 1 :].split(".")
        depth = next((n for n, part in enumerate(inner) if part.startswith("_")), len(inner))
        places = [".".join([self.root, *inner[:n]]) for n in range(depth + 1)]
        found = [each for place in places if not place.endswith(".") for each in self.exported(place, ways)]
        return [(name, value) for _, name, value in found]

    def exported(self, place: str, ways: dict[str, int]) -> list[tuple[int, str, Any]]:
        """The public functions and classes of a module that may lead there, with how near they are."""
        own = {module for module, _, _ in self.files}
        found = []
        with contextlib.suppress(BaseException):
            importlib.import_module(place)
        for name, value in list(vars(sys.modules[place]).items()) if place in sys.modules else ():
            if name.startswith("_") or getattr(value, "__module__", None) not in own:
                continue
            if type(value) is types.FunctionType:
                near = [ways[each] for each in callers.called_as(value.__qualname__) if each in ways]
            elif issubclass(type(value), type):
                near = [ways[each] for each in (value.__name__, *methods(value)) if each in ways]
            else:
                near = []
            if near:
                found.append((min(near), "%s.%s" % (place, name), value))
        return sorted(found, key=lambda each: each[:2])

    def is_deep(self, call: str) -> bool:
        """Whether a call is of something deep inside, or one module down though the root has some itself."""
        depth = call.partition("(")[0].count(".") - self.root.count(".")
        return (
            depth > 2
            or depth == 2
            and any(
                issubclass(type(value), (type, types.FunctionType)) and not name.startswith("_")
                for name, value in vars(importlib.import_module(self.root)).items()
                if str(getattr(value, "__module__", "")).partition(".")[0] == self.root.partition(".")[0]
            )
        )


def methods(kind: Any) -> list[str]:
    """The public methods of a class."""
    own = [
        base
        for base in kind.__mro__
        if base.__module__.partition(".")[0] == kind.__module__.partition(".")[0]
    ]
    return [
        name
        for base in own
        for name, value in vars(base).items()
        if not name.startswith("_") and type(value) is types.FunctionType
    ]


def ended(name: str, value: Any, ways: dict[str, int]) -> Iterator[tuple[str, BaseException]]:
    """Calls, as one writes them, with the exceptions that they end in."""
    if not issubclass(type(value), type):
        for given in arguments.calls(value):
            error, _ = outcome(value, given)
            if error is not None:
                yield spelled(name, given), error
        return
    if inspect.isabstract(value):
        return
    wanted = sorted((each for each in methods(value) if each in ways), key=ways.__getitem__)[:METHODS]
    for given in arguments.calls(value):
        error, made = outcome(value, given)
        if error is not None:
            yield spelled(name, given), error
            continue
        for method in wanted:
            bound = getattr(made, method)
            for further in arguments.calls(bound):
                error, _ = outcome(bound, further)
                if error is not None:
                    yield "%s.%s" % (spelled(name, given), spelled(method, further)), error


def outcome(function: Any, given: dict[str, Any]) -> tuple[BaseException | None, Any]:
    """The exception that a call ends in, and what it gives; what is to be awaited is awaited."""
    try:
        value = function(**given)
        if inspect.iscoroutine(value):
            import asyncio  # a third of what this process would begin with, in every one of them

            loop = asyncio.new_event_loop()
            value = loop.run_until_complete(value)
        elif inspect.isgenerator(value):
            next(value, None)
    except BaseException as error:
        return error, None
    return None, value


def proves(error: BaseException, misfit: dict[str, Any]) -> bool:
    """Whether an exception, or what it was raised from, is the one that a misfit must end in."""
    return any(is_misfit(each, misfit) for each in chain(error))


def chain(error: BaseException) -> list[BaseException]:
    """An exception and those that it was raised from or while they were handled."""
    found = []  # type: list[BaseException]
    below = error  # type: BaseException | None
    while below is not None and below not in found and len(found) < 20:
        found.append(below)
        below = below.__cause__ or (None if below.__suppress_context__ else below.__context__)
    return found


def is_misfit(error: BaseException, misfit: dict[str, Any]) -> bool:
    """Whether an exception was raised in the file of a misfit, within its statement, for its reason.

    Where a method is overridden in vain: in the one that is called in its place, for an object of that class.
    """
    if "instead" in misfit:
        return has_frame(error, misfit["instead"], misfit["class"])
    if misfit.get("overrides"):
        return isinstance(error, TypeError) and misfit["name"].rpartition(".")[2] + "()" in str(error)
    there = [each for each in steps(error) if each.tb_frame.f_code.co_filename == misfit["path"]]
    last = there[-1] if there else None
    if last is None or not stands_in(misfit["line"], last):
        return False
    if misfit.get("doubtful"):
        # Texts, numbers and nothing are no arrays: whoever was given one by guess proves nothing.
        value = last.tb_frame.f_locals.get(misfit.get("copied", ""), ())
        array = isinstance(value, (list, tuple)) or hasattr(value, "__array__")
        return isinstance(error, ValueError) and misfit["argument"] in str(error) and array
    if misfit.get("removed"):
        return removed.SAYS.search(type(error).__name__) is not None
    if last.tb_next is not None and not is_lazy(last.tb_next):
        return False  # it goes on into another file: the call itself was taken
    if "argument" in misfit:
        word = "'%s'" % misfit["argument"] if misfit["argument"] else "positional argument"
        return isinstance(error, TypeError) and word in str(error)
    return isinstance(error, (AttributeError, ImportError)) and misfit["name"].rpartition(".")[2] in str(
        error
    )


def has_frame(error: BaseException, function: str, kind: str) -> bool:
    """Whether an exception went through a method of an object whose class has this name."""
    return any(
        each.tb_frame.f_code.co_name == function and type(each.tb_frame.f_locals.get("self")).__name__ == kind
        for each in steps(error)
    )


def steps(error: BaseException) -> Iterator[Any]:
    """The parts of an exception's traceback, the outermost first."""
    trace = error.__traceback__
    while trace is not None:
        yield trace
        trace = trace.tb_next


def stands_in(line: int, trace: Any) -> bool:
    """Whether a line belongs to the statement at which a frame ended, which may have some lines."""
    lines = [number for _, number in dis.findlinestarts(trace.tb_frame.f_code) if number]
    return min(lines, default=0) <= line <= max(lines, default=0) and abs(trace.tb_lineno - line) <= STATEMENT


def is_lazy(trace: Any) -> bool:
    """Whether a frame is a module's `__getattr__`, which says that it has no such name, or an import's."""
    return trace.tb_frame.f_code.co_name == "__getattr__" or "importlib" in trace.tb_frame.f_code.co_filename


def spelled(name: str, given: dict[str, Any]) -> str:
    """A call as one writes it."""
    words = []
    for each, value in given.items():
        text = repr(os.path.basename(value) if isinstance(value, str) and os.path.isabs(value) else value)
        words.append("%s=%s" % (each, text if len(text) <= 30 and "\n" not in text else "..."))
    return "%s(%s)" % (name, ", ".join(words))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What is called prints for nobody, and asks nobody."""
    with open(os.devnull, "w") as nothing:
        with contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
            yield


@contextlib.contextmanager
def samples() -> Iterator[None]:
    """A folder of files to call something with, which it is done in; it goes with the judge's scratch."""
    os.chdir(tempfile.mkdtemp())
    arguments.lay(".")
    yield
