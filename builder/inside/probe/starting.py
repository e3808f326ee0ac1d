"""Starts the commands of a distribution and makes what it exports: does that end where it meets others?

They are started in a folder of samples: without arguments, and, where a use of others is known that cannot
work, with each of their subcommands. What a command says of its own is no fault, as that it wants a file.
Classes that want no arguments are constructed: nothing that was guessed can then be to blame.
"""

from __future__ import annotations

import abc
import ast
import importlib
import inspect
import linecache
import re
import sys
import time
import types
import warnings

from . import child, importing, trying
from .worker import limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

START = 4.0
"""Seconds for one start; what serves or asks the network then goes on, and is well."""
ALL = 20.0
"""Seconds for all starts of one distribution."""
MAKE = 2.0
"""Seconds for one constructor."""
CLASSES = 24
"""Classes of one distribution that are constructed."""
COMMANDS = 5
"""Commands of one distribution that are started without arguments."""
DEEP = 3
"""Levels of subcommands that are gone down."""
REFUSED = (
    re.compile(r"(?P<name>\w+)\(\) got an unexpected keyword argument '(?P<argument>\w+)'"),
    re.compile(
        r"(?P<name>\w+)\(\) takes (?:from \d+ to )?(?P<taken>\d+) positional arguments? but (?P<given>\d+) "
    ),
    re.compile(
        r"(?P<name>\w+)\(\) missing \d+ required (?:positional|keyword-only) arguments?: '(?P<demanded>\w+)'"
    ),
)
"""How Python tells that a call and what is called do not fit."""
LACKED = re.compile(r"(?:module '[\w.]+'|(?:type object )?'(\w+)'(?: object)?) has no attribute '(\w+)'")
"""How Python tells that a class or a module has no attribute."""


class Starter:
    """Starts commands [[name, module, attribute]] of a distribution with `files` [[module, path, ...]].

    `gone` has the names that the standard library once had, by top-level module.
    """

    def __init__(
        self,
        commands: list[list[str]],
        files: list[list[Any]],
        others: set[str],
        gone: dict[str, list[str]] | None = None,
    ) -> None:
        self.commands = commands
        self.modules = {path: module for module, path, _ in files}
        self.others = others
        self.gone = gone or {}
        self.tops = others | {module.partition(".")[0] for module in self.modules.values()}
        self.until = time.monotonic() + ALL

    def start_all(self) -> list[dict[str, Any]]:
        """Misfits, as the reader of uses tells them, that commands end in, bare or with `--help`."""
        found = {}  # type: dict[str, dict[str, Any]]
        for name, module, attribute in self.commands[:COMMANDS]:
            for words in ([name], [name, "--help"]):
                ends = self.start(words, module, attribute, self.misfit)
                if ends is not None:
                    found.setdefault(ends["name"], dict(ends, tried=" ".join(words)))
                    break
        return list(found.values())

    def make_all(self, root: str) -> list[dict[str, Any]]:
        """Misfits that constructors without arguments end in, of the classes that a root exports."""
        told = []  # type: list[Any]

        def make() -> list[dict[str, Any]]:
            found = {}  # type: dict[str, dict[str, Any]]
            for name, kind in classes(root, set(self.modules.values()))[:CLASSES]:
                ends = self.ended(kind, self.misfit, MAKE)
                # What is missing may be what the class would only hand on, or others make of its having none.
                if ends is not None and "demanded" not in ends and "caller" not in ends:
                    found.setdefault(ends["name"], dict(ends, tried="%s.%s()" % (root, name)))
            return list(found.values())

        child.step(make, timeout=CLASSES * MAKE / 4, tell=told.append)
        return (told[0].get("value") if told else None) or []

    def reached(self, misfit: dict[str, Any], ways: dict[str, int]) -> str:
        """The command line that ends with a known misfit; empty where none of those tried does."""

        def is_there(error: BaseException) -> dict[str, Any] | None:
            return {} if trying.proves(error, misfit) else None

        for name, module, attribute in self.commands[:COMMANDS]:
            for words in self.lines(module, attribute, ways):
                if self.start([name, *words], module, attribute, is_there) is not None:
                    return " ".join([name, *words])
        return ""

    def start(
        self,
        words: list[str],
        module: str,
        attribute: str,
        look: Callable[[BaseException], dict[str, Any] | None],
    ) -> dict[str, Any] | None:
        """What `look` says of the exception that a command line ends in; None where it says nothing."""

        def begin() -> None:
            sys.argv[:] = words
            entry(module, attribute)()

        return self.ended(begin, look, START)

    def ended(
        self, work: Callable[[], Any], look: Callable[[BaseException], dict[str, Any] | None], seconds: float
    ) -> dict[str, Any] | None:
        """What `look` says of the exception that some work ends in, in a process of its own."""
        left = self.until - time.monotonic()
        if left <= 0:
            return None
        told = []  # type: list[Any]

        def run() -> Any:
            limit(seconds)
            warnings.simplefilter("ignore")
            with trying.quiet(), trying.samples():
                try:
                    work()
                except BaseException as error:
                    return look(error)
            return None

        child.step(run, timeout=min(seconds, left), tell=told.append)
        return told[0].get("value") if told else None

    def lines(self, module: str, attribute: str, ways: dict[str, int]) -> list[list[str]]:
        """The subcommands of a command, those first whose functions may lead to a line by name (`ways`)."""
        told = []  # type: list[Any]

        def find() -> Any:
            limit(START)
            found = []  # type: list[tuple[int, list[str]]]
            walk(command(module, attribute), [], ways, found)
            return [words for _, words in sorted(found, key=lambda each: each[0])]

        child.step(find, timeout=START, tell=told.append)
        return (told[0].get("value") if told else None) or []

    def misfit(self, error: BaseException) -> dict[str, Any] | None:
        """The misfit that an exception tells of, where code of two distributions met.

        `caller` is told where the one that called is another than this.
        """
        for each in trying.chain(error):
            frame = last_frame(each)
            if frame is None:
                continue
            path = frame.tb_frame.f_code.co_filename
            module = self.modules.get(path) or str(frame.tb_frame.f_globals.get("__name__"))
            top = module.partition(".")[0]
            told = self.refusal(each, frame) if isinstance(each, TypeError) else self.lack(each)
            if told is None or told["name"].partition(".")[0] == top:
                continue
            place = {"module": module, "path": path, "line": frame.tb_lineno, "deep": True, "hot": True}
            if path in self.modules:
                return dict(place, reach="command", **told)
            if top in self.others:
                return dict(place, reach="command", caller=top, **told)
        return None

    def lack(self, error: BaseException) -> dict[str, Any] | None:
        """The name that an object, a class or a module of another distribution does not have.

        Or one that the standard library has lost.
        """
        if isinstance(error, AttributeError):
            home, name = importing.holder(error, str(error)), lacked(error)
        elif isinstance(error, ImportError) and "cannot import name" in str(error):
            home, name = error.name or "", re.sub(r".*cannot import name '(\w+)'.*", r"\1", str(error))
        else:
            return None
        full, top = "%s.%s" % (home, name), home.partition(".")[0]
        if not name or (top not in self.tops and full not in self.gone.get(top, ())):
            return None
        return {"name": full, "kind": "name"}

    def refusal(self, error: TypeError, frame: Any) -> dict[str, Any] | None:
        """The argument that a function of another distribution does not take, or wants."""
        found = next(filter(None, (pattern.search(str(error)) for pattern in REFUSED)), None)
        function = called(frame, found.group("name")) if found is not None else None
        if found is None or function is None or str(function.__module__).partition(".")[0] not in self.tops:
            return None
        told = found.groupdict()
        name = "%s.%s" % (function.__module__, function.__qualname__)
        if "demanded" in told:
            return {"name": name, "argument": "", "demanded": told["demanded"]}
        if "argument" in told:
            return {"name": name, "argument": told["argument"]}
        return {"name": name, "argument": "", "given": int(told["given"]), "taken": int(told["taken"])}


def classes(root: str, own: set[str]) -> list[tuple[str, Any]]:
    """The public classes of a root that its distribution defines and that can be made of nothing."""
    found = {}  # type: dict[Any, str]
    for name, value in list(vars(importlib.import_module(root)).items()):
        if name.startswith("_") or not issubclass(type(value), type) or value.__module__ not in own:
            continue
        if (
            issubclass(value, BaseException)
            or type(value) not in (type, abc.ABCMeta)
            or inspect.isabstract(value)
        ):
            continue
        if "__init__" in vars(value) and wants_nothing(value):
            found.setdefault(value, name)
    return [(name, value) for value, name in found.items()]


def wants_nothing(kind: Any) -> bool:
    """Whether a class can be called without arguments."""
    try:
        parameters = inspect.signature(kind).parameters.values()
    except (TypeError, ValueError):
        return False
    free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return all(each.default is not each.empty or each.kind in free for each in parameters)


def entry(module: str, attribute: str) -> Any:
    """What a command calls."""
    value = importlib.import_module(module)  # type: Any
    for part in attribute.split("."):
        value = getattr(value, part)
    return value


def command(module: str, attribute: str) -> Any:
    """The click command that a program is made of; None where it is made of something else."""
    value = entry(module, attribute)
    click, typer = sys.modules.get("click"), sys.modules.get("typer")
    if click is None:
        return None
    # Where it is a function, that runs a command of its module.
    table, code = getattr(value, "__globals__", {}), getattr(value, "__code__", None)
    for each in [value, *(table.get(name) for name in (code.co_names if code is not None else ()))]:
        if typer is not None and isinstance(each, typer.Typer):
            return typer.main.get_command(each)
        if isinstance(each, click.Command):
            return each
    return None


def walk(command: Any, words: list[str], ways: dict[str, int], found: list[tuple[int, list[str]]]) -> None:
    """Gather the command lines of all subcommands, with how far they are from a line."""
    if command is None or len(words) > DEEP:
        return
    if hasattr(command, "list_commands"):
        context = sys.modules["click"].Context(command)
        for name in command.list_commands(context):
            walk(command.get_command(context, name), [*words, name], ways, found)
    elif words:
        name = getattr(getattr(command, "callback", None), "__name__", "")
        given = []  # type: list[str]
        for each in command.params:
            if each.required:
                option = [max(each.opts, key=len)] if each.param_type_name == "option" else []
                given += [*option, "sample.json" if "Path" in type(each.type).__name__ else "1"]
        found.append((ways.get(name, 100), [*words, *given]))


def lacked(error: AttributeError) -> str:
    """The attribute that is not there, below its class where it is none of a module; empty if not known."""
    name, owner = getattr(error, "name", None), getattr(error, "obj", None)
    if sys.version_info < (3, 10):  # the exception has its words alone
        told = LACKED.match(str(error))
        return ".".join(filter(None, told.groups())) if told is not None else ""
    if not name or owner is None or isinstance(owner, types.ModuleType):
        return name or ""
    kind = owner if issubclass(type(owner), type) else type(owner)
    return "%s.%s" % (kind.__qualname__, name)


def last_frame(error: BaseException) -> Any:
    """The innermost frame of an exception that is no module's `__getattr__`."""
    last = None
    for trace in trying.steps(error):
        if last is None or not trying.is_lazy(trace):
            last = trace
    return last


def called(frame: Any, name: str) -> Any:
    """The function of this name that a frame's line calls; None where it cannot be told."""
    code, line = frame.tb_frame.f_code, frame.tb_lineno
    try:
        tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.lineno <= line <= getattr(
            node, "end_lineno", node.lineno
        ):
            continue
        value = reached(node.func, frame.tb_frame)
        if issubclass(type(value), type):
            value = value.__init__
        value = getattr(value, "__func__", value)
        if type(value) is types.FunctionType and value.__name__ == name:
            return value
    return None


def reached(node: Any, frame: Any) -> Any:
    """What a dotted name is in a frame, taken from instances and classes without running their code."""
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    if not isinstance(node, ast.Attribute):
        return None
    holder = reached(node.value, frame)
    if isinstance(holder, types.ModuleType):
        return vars(holder).get(node.attr)
    own = getattr(holder, "__dict__", {})
    if not issubclass(type(holder), type) and node.attr in own:
        return own[node.attr]
    kinds = holder.__mro__ if issubclass(type(holder), type) else type(holder).__mro__
    found = next((vars(kind)[node.attr] for kind in kinds if node.attr in vars(kind)), None)
    return found.__func__ if isinstance(found, (staticmethod, classmethod)) else found
