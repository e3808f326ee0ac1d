"""Holds what a distribution's code uses against what the other distributions really have, after importing."""

from __future__ import annotations

import builtins
import contextlib
import gc
import importlib
import importlib.util
import math
import sys
import time
import types
import warnings

from . import (
    asides,
    child,
    confirming,
    hooks,
    importing,
    namespaces,
    programs,
    reaching,
    reading,
    removed,
    screening,
    shape,
    signatures,
    starting,
    trying,
)
from .conditional import conditional_names
from .worker import limit, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable

TOUCH = 5.0
"""Seconds for reaching for the names that a package loads only when asked."""
LOADED = 12
"""Modules of a distribution that are loaded only to see what they hand to others' constructors."""
COPYING = ("numpy", "array")
"""What NumPy has whose `copy=False` meant, before version 2, to copy only if need be.

Source: NumPy 2.0 Migration Guide, "Adapting to changes in the copy keyword".
"""
INERT = (types.ModuleType, str, int, float, tuple, list, dict, set, frozenset, type(None))
"""Kinds of what a package may have at its top without offering anything to call."""
MOST_WRAPPERS = 10
"""Decorators that are looked below, at most."""
MOST = 60
"""Candidates that are confirmed for one distribution."""


class Usage:
    """The reader of how one distribution uses others.

    Job keys: `root`, `files` [[module, path, is package]], `others`.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        self.root = job["root"]
        self.others = set(job["others"])
        self.deadline = 0.0
        self.readers = {}  # type: dict[str, tuple[str, reading.SourceReader]]
        self.verdicts = {}  # type: dict[tuple[str, ...], str | None]
        self.known = {}  # type: dict[tuple[str, ...], bool]
        self.refusals = {}  # type: dict[tuple[str, ...], str]
        self.dead = set()  # type: set[str]
        self.programs = programs.Programs(job["dist"], job["summary"], job["path"])
        self.maps = {}  # type: dict[str, reaching.Map]
        self.gone = dict(job.get("gone", {}))
        self.waiting = []  # type: list[str]
        """Modules that nothing has loaded, and that must be to know what their classes are built from."""
        self.copied = set()  # type: set[str]
        """Modules of other projects' copies: what ends their import may end that of the root's own."""
        self.conditional = {}  # type: dict[str, frozenset[str]]
        self.imports = {}  # type: dict[str, bool]
        self.unloaded = set()  # type: set[str]
        """Modules inside of others that are there and that nothing has imported."""

    def wanted(self, chain: tuple[str, ...]) -> bool:
        return self.wanted_top(chain[0])

    def find_misfits(self) -> dict[str, Any]:
        """In the child: import the root, read every file, and return what does not exist or fit."""
        limit(float(self.job["timeout"]) * 2)
        # Processor time, so that a busy machine does not make the judge see less.
        self.deadline = time.process_time() + float(self.job["budget"])
        warnings.simplefilter("ignore")
        try:
            refused_names = self.touch(importlib.import_module(self.root))
        except BaseException as error:
            return {"failed": type(error).__name__}
        self.load(self.job["commands"])
        entrances = self.entrances()
        self.load(entrances, most=TOUCH)
        gc.disable()  # trees of syntax hold no cycles, and looking for them in all that is loaded takes long
        unread = self.read_files()
        gc.enable()
        stored = {}  # type: dict[tuple[str, ...], list[str]]
        for module, (_, reader) in self.readers.items():
            for chain in reader.stored:
                stored.setdefault(chain, []).append(module)
        missing, refused = [], []  # type: tuple[list[dict[str, Any]], list[dict[str, Any]]]
        for module, (path, reader) in self.readers.items():
            hot = module in sys.modules
            for use in reader.uses:
                if hot and self.is_untaken(use, module):
                    continue
                if module in self.copied and (use.deep or use.chain[0] not in self.gone):
                    continue
                place = {
                    "module": module,
                    "path": path,
                    "line": use.line,
                    "deep": use.deep,
                    "hot": hot,
                    "kind": use.kind,
                    "raised": use.raised,
                    "sure": use.sure,
                    "foreign": module in self.copied,
                }
                elsewhere = any(name != module for name in stored.get(use.chain, ()))
                found = self.misses(use, place, put=elsewhere or reader.is_stored(use))
                missing += found
                if not found and (use.keywords or use.given) and hot and use.chain[0] in self.others:
                    refused += self.refuses(self.value(use.chain), use.keywords or [], place, use.given)
            if hot:
                refused += self.own_calls(module, path, reader)
                refused += self.copies(module, path, reader)
                refused += self.hooked(module, path, hooks.unfit(module, self.others))
                paths = [each for _, each, _ in self.job["files"]]
                missing += self.hooked(module, path, hooks.idle(module, paths, self.others))
        refused += self.apart()
        for each in [*missing, *refused]:
            loaded = each["module"] in sys.modules
            each["reach"] = self.reach(each["module"], each["path"], each["line"]) if loaded else ""
        return {
            "missing": distinct(missing)[:MOST],
            "refused": distinct(refused)[:MOST],
            "lazy": refused_names,
            "entrances": entrances,
            "programs": self.programs.run,
            "wrapped": self.programs.wrapped,
            "read": len(self.readers),
            "unread": unread,
        }

    def load(self, modules: Iterable[str], most: float = math.inf) -> None:
        """Import modules for what they load, for so many processor seconds; what fails is told elsewhere."""
        until = time.process_time() + most
        for module in modules:
            if time.process_time() > until:
                return
            with contextlib.suppress(BaseException):
                importlib.import_module(module)

    def entrances(self) -> list[str]:
        """What users import of a package that has nothing for them but its version: its direct modules."""
        offered = [
            type(value)
            for name, value in vars(sys.modules[self.root]).items()
            if not name.startswith("_") and "version" not in name.lower()
        ]
        if self.job["hot"] or not all(issubclass(kind, INERT) for kind in offered):
            return []
        stem = self.root.replace(".", "/") + "/"
        paths = (module.replace(".", "/") + ".py" for module, _, _ in self.job["files"])
        names = {shape.direct(path, stem) for path in paths}
        return sorted(self.root + "." + name for name in names if name)

    def misses(self, use: reading.Use, place: dict[str, Any], *, put: bool) -> list[dict[str, Any]]:
        """What one use does not find; `put` says whether the distribution puts it there itself."""
        gone = self.removed(use.chain) if place["hot"] and use.deep and use.kind == "call" else ""
        if gone:
            return [dict(place, chain=".".join(use.chain), name=gone, removed=True)]
        lack = self.lacks(use.chain)
        if lack and lack.count(".") < use.taken:
            return []  # the import statement itself lacks it, and has a way out where it is not told
        found = dict(place, chain=".".join(use.chain))
        if lack and not put and not is_asked(lack, use, place["module"]):
            # Outside of functions a module that was imported has shown itself what it reaches.
            if not (use.doubted and place["hot"]):
                meant = self.meant(lack) if use.deep else ""
                return [dict(found, name=lack, meant=meant, optional=self.is_optional(lack))]
        elif not lack and not put and use.deep and place["hot"]:
            # Whatever an import statement goes through is imported by it.
            unloaded = "" if use.kind == "import" else self.unimported(use.chain, use.taken)
            return [dict(found, name=unloaded, unloaded=True)] if unloaded else []
        return []

    def is_untaken(self, use: reading.Use, module: str) -> bool:
        """Whether a use is of what its name would stand for, had the module taken another branch."""
        there = vars(sys.modules[module]).get(use.either) if use.either and use.deep else None
        return there is not None and there is not self.value(use.chain[: use.taken])

    def reach(self, module: str, path: str, line: int) -> str:
        """How a line is reached through what the root exports (see `reaching.Map.reach`)."""
        if module not in self.maps:
            self.maps[module] = reaching.Map(path, module, sys.modules[self.root])
        return self.maps[module].reach(line)

    def touch(self, root: Any) -> list[dict[str, Any]]:
        """Reach for all public names, so that what is loaded lazily is there; those that fail behind it."""
        until = time.monotonic() + TOUCH
        names = getattr(root, "__all__", ())
        failed = []  # type: list[dict[str, Any]]
        for name in list(names)[:400] if isinstance(names, (list, tuple)) else ():
            if time.monotonic() > until:
                break
            try:
                getattr(root, name)
            except BaseException as error:
                told = importing.describe(error)
                cause = told.get("root") or told
                # One that only says that it has no such name promises nothing that it breaks.
                if len({frame[0] for frame in cause["frames"][1:]} - {getattr(root, "__file__", "")}):
                    failed.append({"name": str(name), "error": told})
        return failed[:MOST]

    def read_files(self) -> int:
        """Read all files that mention another distribution; returns how many there was no time for."""
        files = sorted(self.job["files"], key=lambda each: each[0] not in sys.modules)
        for index, (module, path, is_package) in enumerate(files):
            if time.process_time() > self.deadline:
                return len(files) - index
            if self.job["hot"] and module not in sys.modules:
                continue
            copied = asides.is_copied(module, is_package) and module not in sys.modules
            if asides.is_foreign_or_test(module, is_package) and not copied:
                continue
            text = confirming.source(path)
            if not copied:
                self.programs.read_source(text or "", path)
            if text is None:
                continue
            if not copied and self.builds_on_others(module, text):
                self.waiting.append(module)
            elif not self.worthwhile(module, text):
                continue
            if copied:
                self.copied.add(module)
            tree = confirming.parse(text)
            if tree is None:
                continue
            package = module if is_package else module.rpartition(".")[0]
            reader = reading.SourceReader(package, self.wanted, live_lines(module, path))
            try:
                reader.read_module(tree)
            except RecursionError:
                continue
            self.readers[module] = (path, reader)
        return 0

    def worthwhile(self, module: str, text: str) -> bool:
        """Whether a file spells something that is missing, or calls what might refuse an argument."""
        loaded = sys.modules.get(module)
        hot = loaded is not None
        if hot and "copy=False" in text and COPYING[0] in self.others:
            return True
        for chain, called in screening.chains(text, screening.aliases(text, self.wanted_top)):
            if self.lacks(chain) is not None or (hot and self.unimported(chain)):
                return True
            if called and hot and chain[0] in self.others and (self.picky(chain) or self.removed(chain)):
                return True
        return hot and any(self.inherits(value, module) for value in list(vars(loaded).values()))

    def builds_on_others(self, module: str, text: str) -> bool:
        """Whether a public module that nothing has loaded holds classes that others' constructors build."""
        if self.job["hot"] or module in sys.modules or "super().__init__(" not in text:
            return False
        if any(part.startswith("_") for part in module.split(".")):
            return False
        names = screening.aliases(text, self.others.__contains__)
        return any(base.partition(".")[0] in names for base in screening.bases(text))

    def picky(self, chain: tuple[str, ...]) -> bool:
        """Whether what a chain names is a callable whose accepted arguments can be known."""
        if chain not in self.known:
            self.known[chain] = signatures.receiver(self.value(chain), []) is not None
        return self.known[chain]

    def removed(self, chain: tuple[str, ...]) -> str:
        """The dotted name of a chain that another has only to say that it is gone; empty without one."""
        if chain not in self.refusals:
            # Nothing is imported for it: what a module reaches without its import is another question.
            depth = removed.depth(sys.modules.get(chain[0]), chain[1:]) if chain[0] in self.others else 0
            self.refusals[chain] = ".".join(chain[: depth + 1]) if depth else ""
        return self.refusals[chain]

    def wanted_top(self, name: str) -> bool:
        return name in self.others or name in self.gone

    def inherits(self, value: Any, module: str) -> bool:
        """Whether a value is a class of this module that is built by another distribution's constructor."""
        return (
            issubclass(type(value), type)
            and value.__module__ == module
            and any(str(kind.__module__).partition(".")[0] in self.others for kind in value.__mro__[1:])
        )

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
        if not issubclass(type(parent), types.ModuleType) or parent.__name__.partition(".")[0] != chain[0]:
            return None
        if is_namespace(parent):
            return None  # whoever fills it may be left out: what is not there was promised by nobody
        name = chain[-1]
        if name.startswith("__") and name.endswith("__") and name != "__all__":
            return None
        full = ".".join(chain)
        if chain[0] in self.gone and chain[0] not in self.others and full not in self.gone[chain[0]]:
            return None
        try:
            getattr(parent, name)
        except AttributeError:
            if not is_module(parent.__name__ + "." + name):
                return full
            if full == parent.__name__ + "." + name and full not in sys.modules:
                self.unloaded.add(full)
            return None
        except BaseException:
            return None
        return None

    def unimported(self, chain: tuple[str, ...], taken: int = 0) -> str:
        """The module inside of another that a chain goes through and that nobody imports; empty for none.

        The first parts are `taken` by a statement that imports them.
        """
        parts = (".".join(chain[:depth]) for depth in range(max(2, taken + 1), len(chain) + 1))
        name = next((each for each in parts if each in self.unloaded), "")
        if name and name not in self.imports:
            parent, _, last = name.rpartition(".")
            self.imports[name] = screening.mentions_import(
                parent, last, (confirming.source(path) or "" for _, path, _ in self.job["files"])
            )
        return name if name and not self.imports[name] else ""

    def is_optional(self, lack: str) -> bool:
        """Whether the module that lacks a name has it where something else is there."""
        *parents, name = lack.split(".")
        file = getattr(self.value(tuple(parents)), "__file__", None) or ""
        if file not in self.conditional:
            self.conditional[file] = conditional_names(file) if file.endswith(".py") else frozenset()
        return name in self.conditional[file]

    def meant(self, lack: str) -> str:
        """The name that a missing one is but for its underscores: then its author wrote it wrong.

        One more at the end makes another name, by custom: NumPy's `int` and `int_` were two things.
        """
        *parents, name = lack.split(".")
        there = dir(self.value(tuple(parents)))
        start, bare = name[: len(name) - len(name.lstrip("_"))], name.replace("_", "")
        near = (each for each in there if each.replace("_", "") == bare and not each.startswith("_" + start))
        return next((each for each in near if each.startswith(start) and each != name + "_"), "")

    def value(self, chain: tuple[str, ...]) -> Any:
        """What a chain is at run time; None where it cannot be had."""
        if self.job["hot"] and chain[0] in self.others and chain[0] not in sys.modules:
            return None  # what is only there for others is judged with what it has loaded
        try:
            value = importlib.import_module(chain[0])  # type: Any
        except BaseException:
            return None
        for depth in range(1, len(chain)):
            name = chain[depth]
            try:
                value = getattr(value, name)
            except AttributeError:
                inner = value.__name__ + "." + name if isinstance(value, types.ModuleType) else ""
                if not inner or inner in self.dead or not is_module(inner):
                    return None
                try:
                    value = importlib.import_module(inner)
                except BaseException:
                    self.dead.add(inner)
                    return None
            except BaseException:
                return None
        return value

    def apart(self) -> list[dict[str, Any]]:
        """Calls of modules that nothing has loaded, which are imported for that in a process of their own."""
        found = []  # type: list[dict[str, Any]]

        def load_and_look() -> list[dict[str, Any]]:
            told = []
            for module in self.waiting[:LOADED]:
                with contextlib.suppress(Exception):
                    importlib.import_module(module)
                    told += self.own_calls(module, *self.readers[module])
            return told

        if self.waiting:
            answers = []  # type: list[dict[str, Any]]
            child.step(load_and_look, timeout=float(self.job["timeout"]), tell=answers.append)
            found += answers[0].get("value") or []
        return found

    def own_calls(self, module: str, path: str, reader: reading.SourceReader) -> list[dict[str, Any]]:
        """Calls of this module's own names that end in another distribution, as subclasses do."""
        found = []
        names = vars(sys.modules[module])
        place = {"module": module, "path": path, "deep": True, "hot": True}  # type: dict[str, Any]
        for chain, line, words, given in reader.calls:
            found += self.refuses(below(names.get(chain[0]), chain[1:]), words, dict(place, line=line), given)
        for kind, line, words, given in reader.builds:
            first, *inner = kind.split(".")
            value = below(names.get(first), tuple(inner))
            if (
                issubclass(type(value), type)
                and value.__module__ == module
                and not signatures.is_mixed_in(value)
            ):
                found += self.refuses(value, words, dict(place, line=line), given, above=True)
        return found

    def copies(self, module: str, path: str, reader: reading.SourceReader) -> list[dict[str, Any]]:
        """Calls that forbid to copy, where that became an error if it cannot be done without (NumPy 2)."""
        numpy = sys.modules.get("numpy")
        if "numpy" not in self.others or not hasattr(numpy, "isdtype"):
            return []
        place = {"module": module, "path": path, "deep": True, "hot": True, "doubtful": True}
        return [
            dict(place, line=line, name=".".join(chain), argument="copy", copied=copied)
            for chain, line, copied in reader.uncopied
            if chain == COPYING
        ]

    def hooked(self, module: str, path: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Methods that classes override in vain, or otherwise than they are called (see `hooks`)."""
        place = {"module": module, "path": path, "deep": True, "hot": True, "kind": "hook", "sure": False}
        return [dict(place, **each) for each in found]

    def refuses(
        self, value: Any, words: list[str], place: dict[str, Any], given: int, *, above: bool = False
    ) -> list[dict[str, Any]]:
        """Arguments that a callable of another distribution does not take (see `signatures.refused`)."""
        found = signatures.refused(value, words, given, self.others, above=above)
        return [dict(place, **each) for each in found]


def live_lines(module: str, path: str) -> frozenset[int]:
    """First lines of the functions of a file that the module made of it and its classes have."""
    found = set()  # type: set[int]
    if module not in sys.modules:
        return frozenset(found)
    inside = [value for kind in hooks.classes(module) for value in vars(kind).values()]
    for value in [*vars(sys.modules[module]).values(), *inside]:
        function = below_wrappers(value)
        code = function.__code__ if type(function) is types.FunctionType else None
        if code is not None and code.co_filename == path:
            found.add(code.co_firstlineno)
    return frozenset(found)


def below_wrappers(value: Any) -> Any:
    """What a method or a decorator holds, as far as it says so."""
    for _ in range(MOST_WRAPPERS):
        kind = type(value)  # not isinstance: lazy stand-ins answer for what they stand for, and load it
        if kind in (staticmethod, classmethod):
            value = value.__func__
        elif kind is property:
            value = value.fget
        elif kind is types.FunctionType and "__wrapped__" in value.__dict__:
            value = value.__dict__["__wrapped__"]
        else:
            break
    return value


def below(value: Any, names: tuple[str, ...]) -> Any:
    """What is reached through modules and classes alone; None where anything else stands in between."""
    for name in names:
        value = getattr(value, name, None) if issubclass(type(value), (types.ModuleType, type)) else None
    return value


def is_asked(lack: str, use: reading.Use, module: str) -> bool:
    """Whether what a use in a function lacks is named by what surrounds it: it is for those who have it.

    A name that Python has as well says nothing: who asks for `is_int` does not ask for NumPy's `int`.
    """
    names = [name for name in lack.lower().split(".")[1:] if not hasattr(builtins, name)]
    around = (*use.asked, *module.lower().split(".")[1:])
    return use.deep and any(name in word for name in names for word in around)


def is_namespace(module: Any) -> bool:
    """Whether a module is a folder that several distributions may share, by PEP 420 or by its own word."""
    if not hasattr(module, "__path__"):
        return False
    file = getattr(module, "__file__", None)
    return file is None or namespaces.declares_namespace(file)


def is_module(name: str) -> bool:
    """Whether a submodule of this name can be found."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the parent is no package
        return False
    except BaseException:
        return True


def distinct(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each name once a module, the first line of it; those at module level first."""
    kept = {}  # type: dict[tuple[Any, ...], dict[str, Any]]
    order = {"import": 0, "constructor": 1, "function": 2, "": 3}
    for each in sorted(found, key=lambda item: (item["deep"], order[item["reach"]], item["line"])):
        kept.setdefault((each["module"], each["name"], each.get("argument")), each)
    return list(kept.values())


def carry_out(job: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Carry out one usage job and report it."""
    results = []  # type: list[dict[str, Any]]
    say({"begin": job["root"], "usage": True})
    usage = Usage(job)
    child.step(
        usage.find_misfits, timeout=float(job["timeout"]) * 2 + float(job["budget"]), tell=results.append
    )
    value = results[0].get("value") or {"lost": True, "output": results[0].get("output", "")}
    confirmation = confirming.Confirmation(float(job["timeout"]))
    confirmed = {}  # type: dict[tuple[str, bool], bool]
    known = {}  # type: dict[str, str]
    for each in value.get("missing", []):
        key = (each["module"], each["deep"]) if each["deep"] else (each["module"], each["name"])
        if key not in confirmed:
            confirmed[key] = confirmation.confirm(each)
            known[each["module"]] = each.get("as", "")
        each["confirmed"] = confirmed[key]
        if each["confirmed"] and each["deep"] and each["sure"] and not each["hot"]:
            taken, _ = confirming.taken_down(each["module"], job["files"])
            each["used"] = confirming.used_in(taken | {each["module"]}, job["files"])
        each["as"] = known[each["module"]]
        if each["confirmed"] and not each["deep"]:
            prefix = each["module"][: -len(each.get("as") or each["module"])]
            taken, each["of"] = confirming.taken_down(each["module"], job["files"], prefix)
            each["takes"] = len(taken)
            if each.get("foreign") and not taken:
                each["confirmed"] = False  # nobody's import needs it
            inside = set(value.get("entrances", ()))
            each["surface"] = len(taken & inside) > len(inside) / 2
            each["used"] = confirming.used_in(taken, job["files"], prefix)
            each["commands"] = sorted(
                name for entry_module, name in job["commands"].items() if entry_module in taken
            )
    if job["acts"] and not job["hot"]:
        try_out(job, value)
    value["refused"] = [
        each for each in value.get("refused", []) if each.get("tried") or not each.get("doubtful")
    ]
    say({"end": job["root"], "outcome": dict(value, usage=True, seconds=results[0].get("seconds", 0))})


def is_open(each: dict[str, Any]) -> bool:
    """Whether a use in a function is left that must fail where it runs, and that users may run into."""
    harmless = each.get("raised") or each.get("meant") or each.get("optional")
    return bool(each["deep"] and each.get("confirmed", True) and not harmless)


def try_out(job: dict[str, Any], value: dict[str, Any]) -> None:
    """Start the commands of a distribution, and see which of what was found in functions is run into.

    Each use then tells in `tried` the call or the command line that ended in it.
    """
    starts = [each for each in job["starts"] if is_below(each[1], job["root"])]
    starter = starting.Starter(starts, job["files"], set(job["met"]), job["gone"])
    ended = [*starter.start_all(), *starter.make_all(job["root"])]
    found = [each for each in [*value.get("missing", []), *value.get("refused", [])] if is_open(each)]
    # In what is not required, or what nothing loads, nobody was promised anything. Python itself is required.
    promised = {*job["requires"], *(set(job["gone"]) - set(job["met"]))}
    found = [
        each
        for each in found
        if each["name"].partition(".")[0] in promised and (each["hot"] or each.get("used"))
    ]
    trial = trying.Trial(job["root"], job["files"])
    for each in sorted(found, key=lambda each: not each["reach"]):
        same = [end["tried"] for end in ended if (end["path"], end["line"]) == (each["path"], each["line"])]
        each["tried"], each["corner"] = (same[0], False) if same else trial.reached(each)
        if not each["tried"] and starts:
            each["tried"] = starter.reached(each, trial.ways(each))
    told = {(each["path"], each["line"]) for each in found}
    for each in ended:
        if (each["path"], each["line"]) not in told:
            value.setdefault("refused" if "argument" in each else "missing", []).append(each)


def is_below(module: str, root: str) -> bool:
    """Whether a module is a root or lies in it."""
    return module == root or module.startswith(root + ".")


def main(bundle: dict[str, Any]) -> None:  # noqa: ARG001
    """Entry of a process of this kind."""
    serve(carry_out)
