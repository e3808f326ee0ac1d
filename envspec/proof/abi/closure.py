"""Whether every compiled file of a set of wheels finds the libraries, versions and symbols that it needs."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from envspec.proof.abi.base import LoaderBase
from envspec.proof.abi.binary import Binary
from envspec.proof.abi.elf import Elf, Symbol
from envspec.proof.nvidia.driver import is_driver_library, is_driver_symbol
from envspec.proof.nvidia.files import vendor_family

_INTERPRETER = ("libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "libutil.so.1", "librt.so.1",
                "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1")  # fmt: skip
_PYTHON_SYMBOL = re.compile(r"_?Py[A-Z_]|_Py|Py_")
_ORIGIN = re.compile(r"\$(?:ORIGIN|\{ORIGIN\})")
_LIBPYTHON = re.compile(r"libpython\d")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MissingLibrary:
    """A needed library is in no wheel of the set and not in the base."""

    file: str
    """The file below site-packages that cannot be loaded."""
    library: str
    chain: tuple[str, ...]
    """Files from `file` down to the one that needs the library."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TooOld:
    """A library of the base lacks a version that the loader insists on."""

    file: str
    library: str
    version: str
    """Such as `GLIBC_2.38`."""
    newest: str
    """The newest of that kind in the base, such as `2.36`; empty when unknown."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class UndefinedSymbol:
    """No library that the file loads defines a name that it uses."""

    file: str
    symbol: str
    """With its version, such as `png_read@PNG16_0`."""
    user: str
    """The file that uses it: `file` itself or a library of its."""
    library: str = ""
    """The file of the set that its version binds it to, and that lacks it; empty where none does."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Unloadable:
    """A file that no loader takes."""

    file: str
    why: str


Problem = MissingLibrary | TooOld | UndefinedSymbol | Unloadable


def check_closure(
    binaries: Iterable[Binary], base: LoaderBase, *, machine: str = "x86_64"
) -> tuple[Problem, ...]:
    """Every problem of the files that are loaded by name, in the order of the files.

    A file that others need is judged where they load it. Names that the interpreter or the driver of a card
    defines, weak names and names that some other file of the set defines (it may have been loaded before) are
    no problems, and neither are the driver's libraries: the host has them.
    """
    return _Linker(tuple(binaries), base, machine).problems()


def unanswered(binaries: Mapping[str, Iterable[Binary]], base: LoaderBase) -> Iterator[tuple[str, str]]:
    """(package, library) of each library that nothing in the set has and of which the base cannot tell."""
    held = {name for files in binaries.values() for item in files for name in held_names(item)}
    asked: set[str] = set()
    for package, files in binaries.items():
        for item in files:
            for soname in item.elf.needed if item.elf else ():
                if soname in held or soname in asked or is_driver_library(soname):
                    continue
                if base.has(soname) is None:
                    asked.add(soname)
                    yield package, soname


def held_names(item: Binary) -> tuple[str, ...]:
    """The names that a file of a wheel is found by."""
    base_name = posixpath.basename(item.path)
    return (item.elf.soname or base_name, base_name) if item.elf else ()


class _Linker:
    """The loader's view of one set."""

    def __init__(self, binaries: tuple[Binary, ...], base: LoaderBase, machine: str) -> None:
        self.base = base
        self.machine = machine
        self.files: Mapping[str, Elf] = {item.path: item.elf for item in binaries if item.elf}
        self.opaque = frozenset(item.path for item in binaries if item.opaque)
        self._words = frozenset(filter(None, map(vendor_family, self.opaque)))
        self.broken = {item.path: item.problem for item in binaries if item.problem}
        self.names: dict[str, str] = {}
        for item in binaries:
            for name in held_names(item):
                self.names.setdefault(name, item.path)
        self._defined: dict[str, frozenset[str]] = {}
        self._offered: frozenset[str] | None = None
        self._open: dict[str, tuple[Symbol, ...]] = {}

    def problems(self) -> tuple[Problem, ...]:
        found: list[Problem] = [
            Unloadable(file=path, why=why) for path, why in self.broken.items() if ".so" in path
        ]
        needed = {
            target
            for path in self.files
            for soname in self.files[path].needed
            if (target := self._resolve(soname, (path,))) and target != path
        }
        for path, facts in self.files.items():
            if facts.machine != self.machine:
                found.append(Unloadable(file=path, why=f"it is made for {facts.machine}, not {self.machine}"))
            elif path not in needed or facts.python_inits:
                found += self._judge(path)
        return tuple(dict.fromkeys(found))

    def _resolve(self, soname: str, chain: tuple[str, ...]) -> str:
        """The file of the set that a name means when `chain[-1]` needs it; empty when none does.

        A name that no search path finds is taken from anywhere in the set: whoever loads it first
        makes it known to all.
        """
        for folder in self._search_path(chain):
            path = posixpath.normpath(posixpath.join(folder, soname))
            if path in self.files:
                return path
        return self.names.get(soname, "")

    def _search_path(self, chain: tuple[str, ...]) -> list[str]:
        last = self.files[chain[-1]]
        users = [chain[-1]] if last.runpath else list(reversed(chain))
        folders: list[str] = []
        for user in users:
            origin = posixpath.dirname(user)
            facts = self.files[user]
            folders += [_ORIGIN.sub(origin or ".", entry) for entry in facts.runpath or facts.rpath]
        return folders

    def _closure(self, root: str) -> tuple[list[str], list[str], list[tuple[str, tuple[str, ...]]]]:
        """(files of the set, libraries of the base, missing ones with their chains) that `root` loads."""
        files, system, missing = [root], list(_INTERPRETER), list[tuple[str, tuple[str, ...]]]()
        queue: list[tuple[str, ...]] = [(root,)]
        seen = {root}
        while queue:
            chain = queue.pop(0)
            for soname in self.files[chain[-1]].needed:
                path = self._resolve(soname, chain)
                if path and path not in seen:
                    seen.add(path)
                    files.append(path)
                    queue.append((*chain, path))
                elif not path and soname not in seen:
                    seen.add(soname)
                    if is_driver_library(soname):
                        continue
                    if self.base.has(soname) is False and not _LIBPYTHON.match(soname):
                        missing.append((soname, chain))
                    else:
                        system += self._system(soname, seen)
        return files, system, missing

    def _system(self, soname: str, seen: set[str]) -> list[str]:
        found, queue = [soname], [soname]
        while queue:
            facts = self.base.library(queue.pop(0))
            for further in facts.needed if facts else ():
                if further not in seen:
                    seen.add(further)
                    found.append(further)
                    queue.append(further)
        return found

    def _judge(self, root: str) -> list[Problem]:
        files, system, missing = self._closure(root)
        found: list[Problem] = [
            MissingLibrary(file=root, library=soname, chain=chain) for soname, chain in missing
        ]
        found += [problem for path in files for problem in self._versions(path, root)]
        if not found and all(self.base.library(soname) for soname in system if self._matters(soname)):
            found += self._symbols(root, files, system)
        else:
            found += self._bound(root, files)
        return found

    def _bound(self, root: str, files: list[str]) -> Iterator[Problem]:
        """Names that are bound to a library of the set by their version: no base has them, known or not."""
        for path in files:
            for symbol in self._unresolved(path):
                if library := self._owner(symbol, path):
                    yield UndefinedSymbol(file=root, symbol=_full(symbol), user=path, library=library)

    def _owner(self, symbol: Symbol, user: str) -> str:
        library = self._resolve(symbol.library, (user,)) if symbol.library else ""
        return library if library and self.files[library].defined else ""

    def _matters(self, soname: str) -> bool:
        """Libraries that may be there must be known before a symbol can be called undefined."""
        return self.base.has(soname) is not False

    def _versions(self, path: str, root: str) -> list[Problem]:
        """Versions are insisted on while loading, whether a symbol needs them or not."""
        found: list[Problem] = []
        for soname, version in self.files[path].version_needs:
            if self._resolve(soname, (path,)):
                continue
            library = self.base.library(soname)
            prefix, _, number = version.partition("_")
            newest = (
                self.base.newest(prefix) if soname in ("libc.so.6", "libm.so.6", "libstdc++.so.6") else ""
            )
            if library is not None:
                lacks = bool(library.version_definitions) and version not in library.version_definitions
            else:
                lacks = bool(newest) and _newer(number, newest)
            if lacks:
                found.append(TooOld(file=root, library=soname, version=version, newest=newest))
        return found

    def _symbols(self, root: str, files: list[str], system: list[str]) -> list[Problem]:
        scope = [self._names_of(path, self.files[path]) for path in files]
        scope += [self._names_of(f"/{s}", facts) for s in system if (facts := self.base.library(s))]
        return [
            UndefinedSymbol(file=root, symbol=_full(symbol), user=path, library=self._owner(symbol, path))
            for path in files
            for symbol in self._unresolved(path)
            if not any(_full(symbol) in names for names in scope)
        ]

    def _unresolved(self, path: str) -> tuple[Symbol, ...]:
        """Names that nobody in the whole set and no common library defines: few, so that roots are quick."""
        if path not in self._open:
            offered = self._everything()
            drives = any(map(is_driver_library, self.files[path].needed))
            self._open[path] = tuple(
                symbol
                for symbol in self.files[path].undefined
                if not symbol.weak
                and not _PYTHON_SYMBOL.match(symbol.name)
                and _full(symbol) not in offered
                and not (drives and is_driver_symbol(symbol.name))
                and not (self.opaque and self._may_be_opaque(symbol, path))
            )
        return self._open[path]

    def _may_be_opaque(self, symbol: Symbol, user: str) -> bool:
        """Whether a library of which only the name is known may define a name: by what the name says of it.

        What a library's own neighbours use was released with it.
        """
        if symbol.library:
            return self._resolve(symbol.library, (user,)) in self.opaque
        name = symbol.name.lower()
        if any(word in name for word in self._words):
            return True
        folder = posixpath.dirname(user)
        return any(posixpath.dirname(path) == folder for path in self.opaque)

    def _everything(self) -> frozenset[str]:
        if self._offered is None:
            names: set[str] = set()
            for path, facts in self.files.items():
                names |= self._names_of(path, facts)
            for soname in (*_INTERPRETER, "libstdc++.so.6", "libgcc_s.so.1"):
                if facts_of_system := self.base.library(soname):
                    names |= self._names_of(f"/{soname}", facts_of_system)
            self._offered = frozenset(names)
        return self._offered

    def _names_of(self, key: str, facts: Elf) -> frozenset[str]:
        """Names as they can be asked for: plain, and with their version."""
        if key not in self._defined:
            names = {symbol.name for symbol in facts.defined}
            names |= {f"{symbol.name}@{symbol.version}" for symbol in facts.defined if symbol.version}
            if not facts.version_definitions:
                # A library that lost its versions still satisfies a reference to one, with a warning.
                names |= {f"{symbol.name}@" for symbol in facts.defined}
            self._defined[key] = frozenset(names)
        return self._defined[key]


def _full(symbol: Symbol) -> str:
    return f"{symbol.name}@{symbol.version}" if symbol.version else symbol.name


def _newer(wanted: str, there: str) -> bool:
    def numbers(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", text))

    return bool(numbers(wanted)) and numbers(wanted) > numbers(there)
