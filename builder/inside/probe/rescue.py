"""Tries once more what could not be loaded for want of a library that is elsewhere: with it loaded before."""

from __future__ import annotations

import os
import re

from . import elf, standin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .report import FoundDistribution, ImportOutcome

ABSENT = re.compile(r"([\w.+-]+\.so[\w.]*): cannot open shared object file")
UNDEFINED = re.compile(r"undefined symbol: (\w+)")
SYSTEM = re.compile(r"(?:lib(?:c|m|dl|rt|util|pthread|gcc_s|stdc\+\+)|ld-linux[\w-]*)\.so[.\d]*")
"""What every compiled file may need: the C library and the compilers' own."""
ROUNDS = 8
"""Libraries that are lent to one module one after another."""
MOST = 60
"""Modules that are tried again."""


class Rescue:
    """The libraries of an environment, and what each failed module was lent of them.

    A package may load a library by its path, or import its owner, before it loads what needs it; the judge
    loads every module by itself. The driver's libraries are the host's: where there is no card they are stood
    in for, which shows what else a module lacks.
    """

    def __init__(self, dists: list[FoundDistribution], driver: str, scratch: str, *, card: bool) -> None:
        self.dists = dists
        self.driver = None if card else re.compile(driver)
        self.scratch = scratch
        self.lent = {}  # type: dict[str, list[str]]
        self.first = {}  # type: dict[str, ImportOutcome]
        self.libraries = {}  # type: dict[str, str]
        self.compiled = {}  # type: dict[str, tuple[str, FoundDistribution]]
        for dist in dists:
            for path, _, _ in dist["files"] or ():
                name = os.path.basename(path)
                if ".so" in name:
                    self.libraries.setdefault(name, os.path.join(dist["folder"], path))
            self.compiled.update((module, (path, dist)) for module, path in dist["extensions"])

    def jobs(self, outcomes: list[ImportOutcome]) -> list[dict[str, Any]]:
        """What to import again, with what is to be loaded before; those with the same in one process."""
        groups = {}  # type: dict[tuple[str, ...], list[str]]
        for outcome in outcomes:
            name = outcome["module"]
            file = self.wanted(outcome)
            known = self.lent.get(name, [])
            if file and file not in known and len(known) < ROUNDS and (known or len(self.lent) < MOST):
                self.first.setdefault(name, outcome)
                self.lent[name] = [*known, file]
                groups.setdefault(tuple(self.lent[name]), []).append(name)
        return [
            {"root": names[0], "roots": [[name, []]], "preload": list(files)}
            for files, names in groups.items()
            for name in names
        ]

    def settled(self, outcomes: list[ImportOutcome]) -> list[ImportOutcome]:
        """The last outcome of each module that was tried again, or could not be for a reason.

        One that fails with what others lent is as it was before; with a stand-in, the last says more, unless
        the process did not survive it.
        """
        found = []  # type: list[ImportOutcome]
        for outcome in {each["module"]: each for each in outcomes}.values():
            name = outcome["module"]
            files = self.lent.get(name)
            if files is None:
                if self.borrows(outcome):
                    found.append({**outcome, "borrows": True})
                elif self.is_unnamed(outcome):
                    found.append({**outcome, "unnamed": True})
                continue
            stood = any(file.startswith(self.scratch) for file in files)
            kept = "file" in outcome or (stood and "error" in outcome)
            chosen = outcome if kept else self.first[name]
            names = [os.path.basename(file) for file in files] if kept else []
            found.append({**chosen, "lent": names, "stands_in": stood and kept})
        return found

    def wanted(self, outcome: ImportOutcome) -> str:
        """The file that would serve what an import lacked; empty without one."""
        error = outcome.get("error")
        if error is None:
            return ""
        text = "%s\n%s" % (error["message"], error.get("root", error)["message"])
        absent, undefined = ABSENT.search(text), UNDEFINED.search(text)
        if absent and self.driver is not None and self.driver.fullmatch(absent.group(1)):
            return self.stand_in(absent.group(1), outcome["module"])
        # What a package needs for itself when it is imported, nobody lends it in use.
        if outcome["module"] not in self.compiled:
            return ""
        if absent:
            return self.libraries.get(absent.group(1), "")
        return self.definer(undefined.group(1), outcome["module"]) if undefined else ""

    def borrows(self, outcome: ImportOutcome) -> bool:
        """Whether a symbol is undefined in a module that names no library which could have it.

        Whoever loads such a module has loaded the owner of the symbol before.
        """
        error = outcome.get("error")
        file, dist = self.compiled.get(outcome["module"], ("", None))
        undefined = UNDEFINED.search(error["message"]) if error is not None else None
        if undefined is None or dist is None or re.match(r"_?Py", undefined.group(1)):
            return False
        libraries = elf.needed(os.path.join(dist["folder"], file))
        return bool(libraries) and all(SYSTEM.fullmatch(name) for name in libraries)

    def is_unnamed(self, outcome: ImportOutcome) -> bool:
        """Whether a compiled module that cannot be imported is named by no Python file of its package."""
        file, dist = self.compiled.get(outcome["module"], ("", None))
        if dist is None or "error" not in outcome:
            return False
        word = re.compile(rb"\b%s\b" % outcome["module"].rpartition(".")[2].encode())
        for path, _, _ in dist["files"] or ():
            if path.endswith((".py", ".pth")):
                try:
                    with open(os.path.join(dist["folder"], path), "rb") as stream:
                        if word.search(stream.read()):
                            return False
                except OSError:
                    continue
        return bool(file)

    def definer(self, symbol: str, module: str) -> str:
        """A library of another distribution that defines a symbol."""
        own = self.compiled[module][1]
        needle = b"\0" + symbol.encode() + b"\0"
        for dist in self.dists:
            for path, _, _ in dist["files"] or () if dist is not own else ():
                file = os.path.join(dist["folder"], path)
                if ".so" in os.path.basename(path) and needle in elf.strings(file):
                    if symbol in elf.symbols(file)[0]:
                        return file
        return ""

    def stand_in(self, soname: str, module: str) -> str:
        """The file of a library that stands in for one of the driver's, with all that is asked of it."""
        top = module.partition(".")[0]
        functions = set()  # type: set[str]
        for dist in self.dists:
            if any(root.partition(".")[0] == top for root in dist["roots"]):
                for path, _, _ in dist["files"] or ():
                    if ".so" in os.path.basename(path):
                        functions.update(elf.symbols(os.path.join(dist["folder"], path))[1])
        functions = {name for name in functions if re.match(r"cu[A-Z]|nvml[A-Z]|cuvid[A-Z]|NvEnc|NvOF", name)}
        data = standin.library(os.uname().machine, soname, sorted(functions))
        file = os.path.join(self.scratch, "%s-%s" % (top, soname))
        if not data:
            return ""
        with open(file, "wb") as stream:
            stream.write(data)
        return file
