"""How each of CUDA's libraries that a set asks for is served: who brings it, and by which search."""

from __future__ import annotations

import dataclasses
import enum
import functools
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from envspec.proof.abi.base import LoaderBase
from envspec.proof.abi.binary import Binary
from envspec.proof.abi.closure import held_names
from envspec.proof.nvidia.libraries import CudaLibrary, cuda_library

_ORIGIN = re.compile(r"\$(?:ORIGIN|\{ORIGIN\})")
_SITE = re.compile(r"\{site\}|\{prefix\}/lib/python3\.\d+t?/site-packages")


class Way(enum.Enum):
    """How a file comes by a library."""

    PATH = "on a search path of its own, or of the environment"
    OWN = "its package, or what that requires, loads it first"
    OTHER = "another package of the set may have loaded it before"
    NOWHERE = "it is in the set, and on no search path"
    ABSENT = "nothing brings it"
    UNKNOWN = "the base may have it"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """One library that one file wants, and how it gets it."""

    package: str
    file: str
    library: CudaLibrary
    linked: bool
    """Whether the loader insists on it; else the file opens it by name."""
    way: Way
    bringer: str = ""
    """The package that brings it; empty where none does."""
    place: str = ""
    """The folder below site-packages that it lies in."""
    loader: str = ""
    """The package that loads it first, for `OWN` and `OTHER`."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What of a set and its environment decides about searches, beside its compiled files."""

    requires: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    """What each package requires here."""
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Variables that are set whoever starts what, as the spec writes them."""
    preloads: Callable[[str], bool] = lambda _: False
    """Whether the Python of a package loads NVIDIA's libraries by their place."""
    cuda_base: bool = True
    """Whether a base that cannot be read may hold CUDA's libraries."""


def servings(
    binaries: Mapping[str, Sequence[Binary]], base: LoaderBase, around: Surroundings
) -> tuple[Serving, ...]:
    """Every library of CUDA that a file of the set wants, the driver's aside, in the order of the files."""
    return tuple(_Searcher(binaries, base, around).all())


class _Searcher:
    """The loader's view of CUDA's libraries in one set."""

    def __init__(
        self, binaries: Mapping[str, Sequence[Binary]], base: LoaderBase, around: Surroundings
    ) -> None:
        self.binaries = binaries
        self.base = base
        self.around = around
        self.bringers: dict[str, list[tuple[str, str]]] = {}
        self.foreign_path = False
        for package, files in binaries.items():
            for item in files:
                for name in dict.fromkeys(held_names(item)):
                    self.bringers.setdefault(name, []).append((package, posixpath.dirname(item.path)))
        self.folders = tuple(self._environment_folders())
        self._carriers = self._find_carriers()

    def all(self) -> Iterator[Serving]:
        for package, files in self.binaries.items():
            for item in files:
                for library, linked in wanted(item):
                    yield self._served(package, item, library, linked=linked)

    def _served(self, package: str, item: Binary, library: CudaLibrary, *, linked: bool) -> Serving:
        def serving(way: Way, bringer: str = "", place: str = "", loader: str = "") -> Serving:
            return Serving(
                package=package, file=item.path, library=library, linked=linked,
                way=way, bringer=bringer, place=place, loader=loader,
            )  # fmt: skip

        there = self.bringers.get(library.soname, [])
        known = self.base.has(library.soname)
        for bringer, folder in there:
            if folder in (*self.folders, *own_folders(item)):
                return serving(Way.PATH, bringer, folder)
        if known:
            return serving(Way.PATH)
        if known is None and (self.around.cuda_base or self.foreign_path):
            return serving(Way.UNKNOWN)
        if not there:
            return serving(Way.ABSENT)
        bringer, folder = there[0]
        way, loader = self._loaded_first(package, library.soname)
        return serving(way, bringer, folder, loader)

    def _loaded_first(self, package: str, soname: str) -> tuple[Way, str]:
        near = self._below(package)
        carriers = self._carriers.get(_shared(soname), ())
        if loader := next((name for name in carriers if name in near), ""):
            return Way.OWN, loader
        if loader := next((name for name in sorted(near) if self._preloads(name)), ""):
            return Way.OWN, loader
        if carriers:
            return Way.OTHER, carriers[0]
        if loader := next((name for name in self.binaries if name not in near and self._preloads(name)), ""):
            return Way.OTHER, loader
        return Way.NOWHERE, ""

    def _preloads(self, package: str) -> bool:
        return not package.startswith("nvidia-") and self.around.preloads(package)

    @functools.cache  # noqa: B019 -- it lives as long as one proof
    def _below(self, package: str) -> frozenset[str]:
        """The package and all that it requires."""
        found, queue = {package}, [package]
        while queue:
            for name in self.around.requires.get(queue.pop(), ()):
                if name not in found:
                    found.add(name)
                    queue.append(name)
        return frozenset(found)

    def _find_carriers(self) -> dict[str, list[str]]:
        """By library the packages that find it by a path of their own, and so make it known to all."""
        found: dict[str, list[str]] = {}
        for package, files in self.binaries.items():
            if package.startswith("nvidia-"):
                continue
            for item in files:
                folders = own_folders(item)
                for library, _ in wanted(item):
                    there = self.bringers.get(library.soname, ())
                    if any(folder in folders for _, folder in there):
                        found.setdefault(_shared(library.soname), []).append(package)
        return {soname: list(dict.fromkeys(packages)) for soname, packages in found.items()}

    def _environment_folders(self) -> Iterator[str]:
        for entry in self.around.environment.get("LD_LIBRARY_PATH", "").split(":"):
            if matched := _SITE.match(entry):
                yield posixpath.normpath(entry[matched.end() :].strip("/") or ".")
            elif entry:
                self.foreign_path = True


def _shared(soname: str) -> str:
    """The name that stands for all that is loaded together: cuDNN opens its own parts beside itself."""
    library = cuda_library(soname)
    if library and library.family == "cudnn":
        return f"libcudnn.so.{library.number.partition('.')[0]}"
    return soname


def wanted(item: Binary) -> Iterator[tuple[CudaLibrary, bool]]:
    """(library, whether it is linked) of all that a file wants of CUDA's."""
    for soname in item.elf.needed if item.elf else ():
        if library := cuda_library(soname):
            yield library, True
    for soname in item.opens:
        if library := cuda_library(soname):
            yield library, False


def own_folders(item: Binary) -> list[str]:
    """Folders below site-packages that a file's own run path names."""
    if item.elf is None:
        return []
    origin = posixpath.dirname(item.path)
    return [
        posixpath.normpath(_ORIGIN.sub(origin or ".", entry))
        for entry in (*item.elf.runpath, *item.elf.rpath)
    ]
