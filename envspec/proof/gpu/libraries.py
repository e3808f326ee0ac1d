"""EV173, EV176, EV177: libraries of CUDA that a set asks for and does not get, by their causes."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from envspec.proof.abi.base import LoaderBase
from envspec.proof.abi.binary import Binary
from envspec.proof.abi.closure import held_names
from envspec.proof.gpu.asides import is_aside
from envspec.proof.gpu.serving import Serving, Surroundings, Way, own_folders, servings, wanted
from envspec.proof.nvidia.libraries import CudaLibrary, cuda_library, distribution, is_optional
from envspec.system import rules
from envspec.system.finding import Finding, Severity
from envspec.system.quoting import listed, with_version

_COMPUTE = frozenset(
    {"cudart", "cublas", "cublasLt", "cudnn", "cufft", "curand", "cusolver", "cusparse", "nvrtc"}
)
"""What a program that opens it by name cannot compute without; others serve clusters, pictures, profilers."""
_NAMED = 4
_CORE = re.compile(r"nvidia/(?:cublas|cuda_runtime|cu\d+)/lib")
"""Folders of NVIDIA's wheels without which nothing computes; CUDA 13 has one for all of the toolkit."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CudaSet:
    """A set of compiled files as it is judged for its libraries of CUDA."""

    binaries: Mapping[str, Sequence[Binary]]
    versions: Mapping[str, str]
    base: LoaderBase
    around: Surroundings = dataclasses.field(default_factory=Surroundings)
    gpu: tuple[str, ...] | None = None
    """Cards that are meant; None where the spec leaves it open, empty for machines without one."""
    cuda_extra: Callable[[str], str] = lambda _: ""
    """An extra of a package that requires NVIDIA's wheels; empty where it has none."""

    def named(self, package: str) -> str:
        """A package with its version."""
        return with_version(package, self.versions)

    def severity(self, usual: Severity = Severity.INFO) -> Severity:
        """An error where a card is meant: then what is missing is missed."""
        return Severity.ERROR if self.gpu else usual


def library_findings(judged: CudaSet) -> Iterator[Finding]:
    """What CUDA programs of the set miss, one finding for each package and cause."""
    if judged.gpu == ():
        return
    served = servings(judged.binaries, judged.base, judged.around)
    missed = [one for group in _missed(judged, served) for one in group]
    by_package: dict[str, list[Serving]] = {}
    for one in missed:
        by_package.setdefault(one.package, []).append(one)
    for package, wants in by_package.items():
        if absent := [one for one in wants if one.way is Way.ABSENT]:
            yield from _absent(judged, package, absent)
        elif wants:
            yield _unreached(judged, package, wants, served)
    yield from _empty_run_paths(judged, frozenset(by_package))


def _missed(judged: CudaSet, served: Iterable[Serving]) -> Iterator[list[Serving]]:
    """What each file of a package is without, where it counts; of alternatives one is wanted."""
    files: dict[tuple[str, str], list[Serving]] = {}
    for one in served:
        files.setdefault((one.package, one.file), []).append(one)
    idle = _idle_files(judged)
    groups: dict[tuple[str, str], dict[str, list[Serving]]] = {}
    for package, items in judged.binaries.items():
        for item in items:
            if package.startswith("nvidia-") or item.path in idle or is_aside(item.path):
                continue
            key = (package, re.sub(r"\d+", "#", item.path))
            wants = files.get((package, item.path), [])
            groups.setdefault(key, {})[item.path] = [*_linked(wants), *_opened(wants)]
    for group in groups.values():
        if group and all(any(_certain(one) for one in wants) for wants in group.values()):
            yield [one for wants in group.values() for one in wants]
        else:
            yield [
                one for wants in group.values() for one in wants if one.way is Way.OTHER and not one.linked
            ]


def _certain(one: Serving) -> bool:
    return one.way in (Way.ABSENT, Way.NOWHERE)


def _idle_files(judged: CudaSet) -> frozenset[str]:
    """Files that packages do without: they need what is optional and not there."""
    held = {name for files in judged.binaries.values() for item in files for name in held_names(item)}
    return frozenset(
        item.path
        for files in judged.binaries.values()
        for item in files
        if item.elf
        and any(
            is_optional(soname) and soname not in held and not judged.base.has(soname)
            for soname in item.elf.needed
        )
    )


def _linked(wants: Iterable[Serving]) -> Iterator[Serving]:
    for one in wants:
        stem = posixpath.basename(one.file).partition(".")[0].removeprefix("_").removeprefix("lib")
        binding = not one.library.toolkit and stem == one.library.family
        if one.linked and not binding and one.way in (Way.ABSENT, Way.NOWHERE):
            yield one


def _opened(wants: Iterable[Serving]) -> Iterator[Serving]:
    """What is opened by name and not found; of names for several versions one is enough."""
    families: dict[str, list[Serving]] = {}
    for one in wants:
        if not one.linked and one.library.family in _COMPUTE:
            families.setdefault(one.library.soname.partition(".so")[0], []).append(one)
    for tries in families.values():
        found = [one for one in tries if one.way in (Way.PATH, Way.OWN, Way.UNKNOWN)]
        numbered = [one for one in tries if one.library.number]
        if found or not numbered:
            continue
        near = [one for one in numbered if one.way in (Way.OTHER, Way.NOWHERE)]
        yield (near or numbered)[-1]


def _absent(judged: CudaSet, package: str, wants: Sequence[Serving]) -> Iterator[Finding]:
    """EV173 where the set has the library for another CUDA, EV176 where it has none."""
    brought = _brought(judged)
    usual = Counter(library.cuda for library, _ in brought if library.cuda).most_common(1)
    there = usual[0][0] if usual else 0
    sonames = list(dict.fromkeys(one.library.soname for one in wants))
    verb = "needs" if any(one.linked for one in wants) else "opens"
    other = [
        (one, library, bringer)
        for one in wants
        for library, bringer in brought
        if library.family == one.library.family and library.soname != one.library.soname
    ]
    meant = {one.library.cuda for one in wants if one.library.cuda}
    said = f"{judged.named(package)} {verb} {listed(sonames, most=_NAMED)}"
    hint = _adding(judged, package, wants, max(meant, default=there))
    if meant and there and there not in meant:
        has = next(
            (f"{judged.named(b)} brings {lib.soname}" for _, lib, b in other if lib.cuda == there),
            f"the set brings CUDA {there}",
        )
        wish = " and ".join(map(str, sorted(meant)))
        yield rules.CUDA_MAJORS.finding(
            f"{said}, of CUDA {wish}, which nothing in the set brings; {has}, of CUDA {there}",
            hint=f"take {_made_for(package, max(meant), there)}, or {hint}",
            where=package,
            severity=judged.severity(Severity.WARNING),
        )
        return
    instead = "".join(f"; {judged.named(b)} brings {lib.soname}" for _, lib, b in other[:1])
    yield rules.CUDA_LIBRARY.finding(
        f"{said}, which nothing in the set and no base brings{instead}",
        hint=hint,
        where=package,
        severity=judged.severity(),
    )


def _made_for(package: str, meant: int, there: int) -> str:
    """The package for another CUDA: by its name where that tells one, as `cupy-cuda12x` does."""
    other = re.sub(rf"(?<=cuda){meant}(?!\d)|(?<=cu){meant}(?!\d)", str(there), package)
    return other if other != package else f"a {package} that is made for CUDA {there}"


def _unreached(judged: CudaSet, package: str, wants: Sequence[Serving], served: Sequence[Serving]) -> Finding:
    """EV177: certain where nothing at all loads the library first, else worth a warning."""
    certain = any(_certain(one) for one in wants)
    sonames = list(dict.fromkeys(one.library.soname for one in wants))
    verb = "needs" if any(one.linked for one in wants) else "opens"
    packages = list(dict.fromkeys(judged.named(one.bringer) for one in wants))
    path = ":".join(
        filter(None, (judged.around.environment.get("LD_LIBRARY_PATH", ""), *_folders(wants, served)))
    )
    found = "is" if len(sonames) == 1 else "are"
    unless = "" if certain else f" unless {wants[0].loader} is imported first"
    return rules.CUDA_PATH.finding(
        f"{judged.named(package)} {verb} {listed(sonames, most=_NAMED)}, which {found} in "
        f"{listed(packages, most=_NAMED)} and on no search path{unless}",
        hint=f'[env] LD_LIBRARY_PATH = "{path}" lets the loader find {"it" if len(sonames) == 1 else "them"}',
        where=package,
        severity=judged.severity(Severity.WARNING)
        if certain
        else Severity.WARNING
        if judged.gpu
        else Severity.INFO,
    )


def _folders(wants: Sequence[Serving], served: Sequence[Serving]) -> list[str]:
    """The folders to search, with those of the libraries that these need themselves."""
    places = dict.fromkeys(one.place for one in wants)
    queue = list(places)
    further: dict[str, list[str]] = {}
    for one in served:
        if one.linked and one.place and one.way is not Way.PATH:
            further.setdefault(posixpath.dirname(one.file), []).append(one.place)
    while queue:
        for place in further.get(queue.pop(), ()):
            if place not in places:
                places[place] = None
                queue.append(place)
    return [f"{{site}}/{place}" for place in places]


def _empty_run_paths(judged: CudaSet, told: frozenset[str]) -> Iterator[Finding]:
    """EV176 of programs that look for what they open in folders of NVIDIA's wheels that are not there."""
    if judged.base.has("libcudart.so.12") or (
        judged.base.has("libcudart.so.12") is None and judged.around.cuda_base
    ):
        return
    held = {posixpath.dirname(item.path) for files in judged.binaries.values() for item in files}
    for package, files in judged.binaries.items():
        if package in told or package.startswith("nvidia-"):
            continue
        if any(linked for item in files for _, linked in wanted(item)):
            continue
        folders = {folder for item in files for folder in own_folders(item)}
        core = sorted(filter(_CORE.fullmatch, folders))
        if core and held.isdisjoint(core):
            yield rules.CUDA_LIBRARY.finding(
                f"{judged.named(package)} looks for CUDA's libraries in folders of NVIDIA's wheels, such as "
                f"{listed(core, most=_NAMED)}, and nothing in the set has those: "
                "it computes on the processor",
                hint=_with_extra(judged, package) or "add NVIDIA's wheels that have these folders",
                where=package,
                severity=judged.severity(),
            )


def _brought(judged: CudaSet) -> list[tuple[CudaLibrary, str]]:
    """(library, package) of all that NVIDIA's wheels of the set bring."""
    found: dict[tuple[str, str], CudaLibrary] = {}
    for package, files in judged.binaries.items():
        if package.startswith("nvidia-"):
            for item in files:
                if item.elf and (library := cuda_library(item.elf.soname or posixpath.basename(item.path))):
                    found.setdefault((library.soname, package), library)
    return [(library, package) for (_, package), library in found.items()]


def _adding(judged: CudaSet, package: str, wants: Sequence[Serving], cuda: int) -> str:
    names = dict.fromkeys(distribution(one.library, one.library.cuda or cuda) for one in wants)
    pin = {
        distribution(one.library, one.library.cuda or cuda): one.library.number.partition(".")[0]
        for one in wants
        if one.library.family == "cudnn"
    }
    spelled = [f'"{name}=={pin[name]}.*"' if pin.get(name) else f'"{name}"' for name in names]
    held = [name for name in names if name in judged.versions]
    if held:
        pinned = " and ".join(judged.named(name) for name in held)
        return f"pin {listed(spelled, most=_NAMED)}, or take a {package} that is made for {pinned}"
    return _with_extra(judged, package) or f"add {listed(spelled, most=_NAMED)} to a stage"


def _with_extra(judged: CudaSet, package: str) -> str:
    extra = judged.cuda_extra(package)
    return f'install "{package}[{extra}]", which brings them' if extra else ""
