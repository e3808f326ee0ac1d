"""Holds what a distribution's code uses against what the other distributions really have, after importing."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import os
import re
import sys
import time
import types
import warnings

from . import child, importing, reading
from .group import limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SKIPPED = re.compile(
    r"(?:^|/)(?:_?vendor(?:ed)?|_vendor\w*|extern\w*|third_?party|tests?|testing|_\w*tests)/|conftest\.py$"
)
LARGE = 600_000
"""Bytes above which a file is generated data rather than code."""
TOUCH = 5.0
"""Seconds for reaching for the names that a package loads only when asked."""
MOST = 60
"""Candidates that are confirmed for one distribution."""


class Usage:
    """One distribution's uses of others. Job keys: `root`, `files` [[module, path, is package]], `others`."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        self.root = job["root"]
        self.others = set(job["others"])
        self.deadline = time.monotonic() + float(job["budget"])
        self.readers = {}  # type: dict[str, tuple[str, reading.Reader]]
        self.verdicts = {}  # type: dict[tuple[str, ...], str | None]
        self.gone = dict(job.get("gone", {}))

    def wanted(self, chain: tuple[str, ...]) -> bool:
        return chain[0] in self.others or chain[0] in self.gone

    def look(self) -> dict[str, Any]:
        """In the child: import the root, read every file, and return what does not exist or fit."""
        limit(float(self.job["timeout"]) * 2)
        warnings.simplefilter("ignore")
        try:
            self.touch(importlib.import_module(self.root))
        except BaseException as error:
            return {"failed": type(error).__name__}
        unread = self.read()
        stored = {chain for _, reader in self.readers.values() for chain in reader.stored}
        missing, refused = [], []
        for module, (path, reader) in self.readers.items():
            hot = module in sys.modules
            for use in reader.uses:
                place = {"module": module, "path": path, "line": use.line, "deep": use.deep, "hot": hot}
                lack = self.lacks(use.chain)
                if lack is not None and use.chain not in stored:
                    missing.append(dict(place, name=lack, chain=".".join(use.chain)))
                elif use.keywords and hot:
                    refused += self.refuses(self.value(use.chain), use.keywords, place)
            if hot:
                refused += self.own_calls(module, path, reader)
        return {
            "missing": distinct(missing)[:MOST],
            "refused": distinct(refused)[:MOST],
            "read": len(self.readers),
            "unread": unread,
        }

    def touch(self, root: Any) -> None:
        """Reach for all public names, so that what is loaded lazily is there."""
        until = time.monotonic() + TOUCH
        names = getattr(root, "__all__", ())
        for name in list(names)[:400] if isinstance(names, (list, tuple)) else ():
            if time.monotonic() > until:
                return
            try:
                getattr(root, name)
            except BaseException:
                continue

    def read(self) -> int:
        """Read all files that mention another distribution; returns how many there was no time for."""
        names = "|".join(sorted(re.escape(name) for name in self.others | set(self.gone)))
        mention = re.compile((r"^\s*(?:from|import)\s[^\n]*\b(?:%s)\b" % names).encode(), re.MULTILINE)
        files = sorted(self.job["files"], key=lambda each: each[0] not in sys.modules)
        for index, (module, path, is_package) in enumerate(files):
            if time.monotonic() > self.deadline:
                return len(files) - index
            if SKIPPED.search(path):
                continue
            tree = parse(path, mention)
            if tree is None:
                continue
            package = module if is_package else module.rpartition(".")[0]
            reader = reading.Reader(package, self.wanted)
            try:
                reader.read(tree)
            except RecursionError:
                continue
            self.readers[module] = (path, reader)
        return 0

    def lacks(self, chain: tuple[str, ...]) -> str | None:
        """The first dotted name of a chain that does not exist; None where all do, or nothing is certain."""
        for depth in range(2, len(chain) + 1):
            part = chain[:depth]
            if part not in self.verdicts:
                self.verdicts[part] = self.lacks_last(part)
            if self.verdicts[part] is not None:
                return self.verdicts[part]
        return None

    def lacks_last(self, chain: tuple[str, ...]) -> str | None:
        """The chain as a name if its last part is missing from a module that its other parts are."""
        parent = self.value(chain[:-1])
        if not isinstance(parent, types.ModuleType) or parent.__name__.partition(".")[0] != chain[0]:
            return None
        name = chain[-1]
        if name.startswith("__") and name.endswith("__") and name != "__all__":
            return None
        full = ".".join(chain)
        if chain[0] in self.gone and chain[0] not in self.others and full not in self.gone[chain[0]]:
            return None
        try:
            getattr(parent, name)
        except AttributeError:
            return None if is_module(parent.__name__ + "." + name) else full
        except BaseException:
            return None
        return None

    def value(self, chain: tuple[str, ...]) -> Any:
        """What a chain is at run time; None where it cannot be had."""
        try:
            value = importlib.import_module(chain[0])  # type: Any
        except BaseException:
            return None
        for depth in range(1, len(chain)):
            name = chain[depth]
            try:
                value = getattr(value, name)
            except AttributeError:
                if not isinstance(value, types.ModuleType) or not is_module(value.__name__ + "." + name):
                    return None
                try:
                    value = importlib.import_module(value.__name__ + "." + name)
                except BaseException:
                    return None
            except BaseException:
                return None
        return value

    def own_calls(self, module: str, path: str, reader: reading.Reader) -> list[dict[str, Any]]:
        """Calls of this module's own names that end in another distribution, such as a subclass of its class."""
        found = []
        names = vars(sys.modules[module])
        for chain, line, words in reader.calls:
            value = names.get(chain[0])
            for name in chain[1:]:
                value = getattr(value, name, None) if isinstance(value, (types.ModuleType, type)) else None
            place = {"module": module, "path": path, "line": line, "deep": True, "hot": True}
            found += self.refuses(value, words, place)
        return found

    def refuses(self, value: Any, words: list[str], place: dict[str, Any]) -> list[dict[str, Any]]:
        """Arguments that a callable of another distribution does not take."""
        final = receiver(value, words)
        if final is None:
            return []
        function, spare = final
        home = str(getattr(function, "__module__", "") or "").partition(".")[0]
        if home not in self.others:
            return []
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            return []
        if any(each.kind is each.VAR_KEYWORD for each in parameters):
            return []
        accepted = {each.name for each in parameters if each.kind is not each.POSITIONAL_ONLY}
        name = "%s.%s" % (function.__module__, function.__qualname__)
        return [
            dict(place, name=name, argument=word)
            for word in words
            if word not in accepted and word not in spare
        ]


def receiver(value: Any, words: list[str]) -> tuple[Any, set[str]] | None:
    """The function that named arguments end in, with the names that are taken out on the way.

    Follows `__init__(self, **kwargs)` that hands its rest on to `super().__init__(**kwargs)`.
    """
    if isinstance(value, types.FunctionType):
        return None if hasattr(value, "__wrapped__") else (value, set())
    if not isinstance(value, type) or type(value).__call__ is not type.__call__:
        return None
    if value.__new__ is not object.__new__ or hasattr(value, "__signature__"):
        return None
    taken = set()  # type: set[str]
    for kind in value.__mro__:
        init = vars(kind).get("__init__")
        if init is None:
            continue
        if not isinstance(init, types.FunctionType) or hasattr(init, "__wrapped__"):
            return None
        code = init.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if not code.co_flags & inspect.CO_VARKEYWORDS:
            return init, taken
        hands_on = "super" in code.co_names and "__init__" in code.co_names
        if not hands_on:
            return None
        taken.update(names)
        taken.update(word for word in words if word in code.co_consts)
    return None


def is_module(name: str) -> bool:
    """Whether a submodule of this name can be found."""
    try:
        return importlib.util.find_spec(name) is not None
    except BaseException:
        return True


def parse(path: str, mention: Any) -> ast.Module | None:
    """The tree of a file that mentions what is looked for."""
    try:
        with open(path, "rb") as stream:
            source = stream.read(LARGE + 1)
        if len(source) > LARGE or not mention.search(source):
            return None
        return ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def distinct(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each name once a module, the first line of it; those at module level first."""
    kept = {}  # type: dict[tuple[Any, ...], dict[str, Any]]
    for each in sorted(found, key=lambda item: (item["deep"], item["line"])):
        kept.setdefault((each["module"], each["name"], each.get("argument")), each)
    return list(kept.values())


class Confirmation:
    """Imports a module that is said to fail, in a process of its own, to see whether it does for that reason."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout

    def confirm(self, candidate: dict[str, Any]) -> bool:
        """Whether the import fails where and as it should, or, for uses in functions, succeeds."""
        answers = []  # type: list[Any]
        child.step(
            lambda: attempt(candidate["module"]),
            timeout=self.timeout,
            tell=lambda result: answers.append(result.get("value")),
        )
        answer = answers[0] if answers else None
        if answer is None:
            return False
        if candidate["deep"]:
            return bool(answer["ok"])
        same = (
            os.path.realpath(answer["file"]) == os.path.realpath(candidate["path"])
            if answer["file"]
            else False
        )
        return same and candidate["name"].rpartition(".")[2] in answer["message"]


def attempt(module: str) -> dict[str, Any]:
    """Import a module and say how that went."""
    limit(60.0)
    warnings.simplefilter("ignore")
    try:
        importlib.import_module(module)
    except BaseException as error:
        told = importing.describe(error)
        told = told.get("root") or told
        frames = told["frames"]
        return {"ok": False, "file": frames[-1][0] if frames else None, "message": told["message"]}
    return {"ok": True, "file": None, "message": ""}


def main(job: dict[str, Any], say: Any) -> None:
    """Carry out one usage job and report it."""
    results = []  # type: list[dict[str, Any]]
    say({"begin": job["root"]})
    usage = Usage(job)
    child.step(usage.look, timeout=float(job["timeout"]) * 2 + float(job["budget"]), tell=results.append)
    value = results[0].get("value") or {"lost": True}
    confirmation = Confirmation(float(job["timeout"]))
    confirmed = {}  # type: dict[tuple[str, bool], bool]
    for each in value.get("missing", []):
        key = (each["module"], each["deep"]) if each["deep"] else (each["module"], each["name"])
        if key not in confirmed:
            confirmed[key] = confirmation.confirm(each)
        each["confirmed"] = confirmed[key]
    say({"end": job["root"], "outcome": dict(value, usage=True, seconds=results[0].get("seconds", 0))})
