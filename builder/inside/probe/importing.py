"""Imports one module in the current process and describes what came of it."""

from __future__ import annotations

import importlib
import os
import re
import sys
import time
import types
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TEXT = 1500
"""Characters of a message that are kept."""
FRAMES = 12
"""Innermost frames that are kept."""
NOTES = 20
"""Warnings and noticed actions that are kept of each kind."""


class SizeWarnings:
    """A finder that finds nothing and keeps "size changed" warnings alive.

    NumPy inserts filters that ignore them, so that a struct that grew between build and run stays unseen.
    """

    FILTER = ("always", re.compile("size changed"), RuntimeWarning, None, 0)

    def find_spec(self, *asked: Any) -> None:  # noqa: ARG002
        if not warnings.filters or warnings.filters[0] is not self.FILTER:
            warnings.filters.insert(0, self.FILTER)  # type: ignore[attr-defined]
            getattr(warnings, "_filters_mutated", _nothing)()


def _nothing() -> None:
    """Stands in for what an interpreter does not have."""


class Witness:
    """A listener to what a module does while it is imported that no import should do; one a process."""

    def __init__(self, guarded: list[str]) -> None:
        self.guarded = tuple(folder.rstrip("/") + "/" for folder in guarded)
        self.awake = False
        self.network = []  # type: list[str]
        self.programs = []  # type: list[str]
        self.changed = []  # type: list[str]
        self.signalled = []  # type: list[str]
        if hasattr(sys, "addaudithook"):
            sys.addaudithook(self.on_event)

    def on_event(self, event: str, args: Any) -> None:
        try:
            if self.awake and event in HANDLERS:
                HANDLERS[event](self, args)
        except Exception:
            return

    def connects(self, args: Any) -> None:
        address = args[1]
        if isinstance(address, tuple) and str(address[0]) not in ("127.0.0.1", "::1", "localhost"):
            self.network.append("connect port %s" % (address[1],))

    def resolves(self, args: Any) -> None:
        if args[0] not in (None, "", "localhost", "127.0.0.1", "::1", b"localhost"):
            self.network.append("look up a host name")

    def runs(self, args: Any) -> None:
        self.programs.append(str(args[0])[:200])

    def signals(self, args: Any) -> None:
        if args[0] != os.getpid() and args[1] != 0:
            self.signalled.append("%s signal %s" % (args[0], args[1]))

    def changes(self, args: Any) -> None:
        path = os.path.abspath(os.fsdecode(args[0]))
        if path.startswith(self.guarded) and "__pycache__" not in path:
            self.changed.append(path)

    def opens(self, args: Any) -> None:
        path, mode, flags = args
        writes = flags & (os.O_WRONLY | os.O_RDWR) if isinstance(flags, int) else False
        if (writes or (mode and set(mode) & set("wa+"))) and not isinstance(path, int):
            self.changes((path,))

    def watch(self) -> None:
        """An import begins."""
        for told in (self.network, self.programs, self.changed, self.signalled):
            del told[:]
        self.awake = True

    def seen(self) -> dict[str, list[str]]:
        """The import is over: what was noticed, each thing once."""
        self.awake = False
        told = {
            "network": self.network,
            "programs": self.programs,
            "changed": self.changed,
            "signalled": self.signalled,
        }
        return {name: list(dict.fromkeys(items))[:NOTES] for name, items in told.items() if items}


HANDLERS = {
    "socket.connect": Witness.connects,
    "socket.getaddrinfo": Witness.resolves,
    "subprocess.Popen": Witness.runs,
    "os.system": Witness.runs,
    "os.posix_spawn": Witness.runs,
    "os.kill": Witness.signals,
    "os.killpg": Witness.signals,
    "os.remove": Witness.changes,
    "os.rmdir": Witness.changes,
    "os.rename": Witness.changes,
    "os.truncate": Witness.changes,
    "shutil.rmtree": Witness.changes,
    "open": Witness.opens,
}


def import_module(name: str, witness: Witness, attributes: list[str]) -> dict[str, Any]:
    """Import `name`, then read `attributes` (dotted) from it.

    Keys: `seconds`, `file`, `error` (see `describe`) if any, `warnings`, `finders` (old-style ones left on
    the meta path), `lacks` (attributes that cannot be read, with reasons), and what the witness noticed.
    """
    finders = len(sys.meta_path)
    sys.meta_path.insert(0, SizeWarnings())
    result = {}  # type: dict[str, Any]
    witness.watch()
    began = time.monotonic()
    with warnings.catch_warnings(record=True) as caught:
        if not sys.warnoptions:  # else the user's own filters, which may turn warnings into errors
            warnings.simplefilter("default")
            warnings.filterwarnings("ignore", category=ImportWarning)
        try:
            module = importlib.import_module(name)
            file = getattr(module, "__file__", None)
            result["file"] = os.path.realpath(file) if isinstance(file, str) else None
            for attribute in attributes:
                note_missing(module, attribute, result)
        except BaseException as error:
            result["error"] = describe(error)
    result["seconds"] = round(time.monotonic() - began, 4)
    result["warnings"] = [_warning(each) for each in caught or () if _notable(each)][:NOTES]
    if len(sys.meta_path) > finders + 1:
        result["finders"] = [_class(each) for each in sys.meta_path if not hasattr(each, "find_spec")]
    result.update(witness.seen())
    return result


def note_missing(module: Any, attribute: str, result: dict[str, Any]) -> None:
    """Note in the result an attribute that cannot be read, with the reason."""
    try:
        read_attribute(module, attribute)
    except Exception as error:
        result.setdefault("lacks", []).append([attribute, "%s: %s" % (type(error).__name__, _text(error))])


def read_attribute(module: Any, attribute: str) -> Any:
    """The dotted attribute, a submodule included.

    Raises AttributeError where it is missing.
    """
    value = module
    for part in attribute.split("."):
        value = getattr(value, part)
    return value


def _class(thing: Any) -> str:
    kind = thing if isinstance(thing, type) else type(thing)
    return "%s.%s" % (kind.__module__, kind.__qualname__)


def _notable(caught: Any) -> bool:
    return not issubclass(caught.category, (DeprecationWarning, PendingDeprecationWarning, ResourceWarning))


def _warning(caught: Any) -> dict[str, str]:
    return {
        "category": caught.category.__name__,
        "message": str(caught.message)[:TEXT],
        "file": str(caught.filename),
    }


def describe(error: BaseException) -> dict[str, Any]:
    """The exception as values: the `root` of its chain is where the trouble began."""
    root = error
    seen = {id(error)}
    while True:
        below = root.__cause__ or (None if root.__suppress_context__ else root.__context__)
        if below is None or id(below) in seen:
            break
        seen.add(id(below))
        root = below
    result = _one(error)
    if root is not error:
        result["root"] = _one(root)
    return result


def _one(error: BaseException) -> dict[str, Any]:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith("<frozen importlib") and "<envspec" not in code.co_filename:
            frames.append([code.co_filename, trace.tb_lineno, code.co_name])
        trace = trace.tb_next
    described = {
        "type": type(error).__name__,
        "bases": [base.__name__ for base in type(error).__mro__[1:-1]],
        "message": _text(error),
        "frames": frames[-FRAMES:],
    }  # type: dict[str, Any]
    for attribute in ("name", "path", "filename", "lineno"):
        value = getattr(error, attribute, None)
        if isinstance(value, (str, int)):
            described[attribute] = value
    if isinstance(error, AttributeError):
        described["holder"] = holder(error, str(described["message"]))
    return described


def holder(error: AttributeError, message: str) -> str:
    """The module of what lacks an attribute; empty where it is not known.

    Before Python 3.10 the exception tells no more than the name of a class or a module.
    """
    found = getattr(error, "obj", None)
    if found is None:
        module = re.match(r"module '([\w.]+)'", message)
        if module is not None:
            return module.group(1) if module.group(1) in sys.modules else ""
        kind = re.match(r"(?:type object )?'(\w+)'", message)
        tables = [getattr(module, "__dict__", {}) for module in list(sys.modules.values())]
        known = [table.get(kind.group(1)) for table in tables if type(table) is dict] if kind else []
        homes = {each.__module__ for each in known if type(each) is type}
        return str(homes.pop()) if len(homes) == 1 else ""
    if isinstance(found, types.ModuleType):
        return str(found.__name__)
    return str(getattr(found if isinstance(found, type) else type(found), "__module__", ""))


def _text(error: BaseException) -> str:
    try:
        return str(error)[:TEXT]
    except Exception:
        return ""
