"""What of a set serves which card, and the oldest driver that it wants: the value that reports show."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pydantic

from envspec.lockfile.lock import Lock
from envspec.proof.gpu import device
from envspec.proof.gpu.device import CardFile
from envspec.proof.gpu.fatbin import DeviceCode
from envspec.proof.nvidia.libraries import cuda_of_soname
from envspec.proof.nvidia.releases import cuda_of, knows
from envspec.spec.cards import Architecture, runs_on
from envspec.spec.drivers import Release, driver_for, driver_with, release_of_ptx
from envspec.spec.model import Spec
from envspec.supply.facts import FactStore

MACHINE, PTX, RELEASE, NOTHING, UNKNOWN = "machine code", "PTX", "release", "none", "unknown"
"""What serves a card: code as it is, code that the driver compiles, a release by NVIDIA's word, nothing."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """How one package serves one card."""

    by: str
    """One of `MACHINE`, `PTX`, `RELEASE`, `NOTHING`, `UNKNOWN`."""
    code: str = ""
    """The architecture of the code that starts there, such as `sm_80`."""
    driver: str = ""
    """The oldest driver that surely compiles its PTX, where PTX alone serves the card."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One package of a set that has to do with cards."""

    package: str
    version: str
    nvidia: bool
    """Whether it is one of NVIDIA's own libraries, which are judged by their release."""
    cuda: int
    """The major release of CUDA that it computes with; 0 where that could not be told."""
    machine: tuple[str, ...] = ()
    """Architectures of its machine code, the oldest first; of its main library where it has one."""
    ptx: tuple[str, ...] = ()
    served: tuple[Served, ...] = ()
    """How it serves each card of the target, in their order."""
    driver: str = ""
    """The oldest driver that it runs with on these cards; empty where that could not be told."""
    why: str = ""
    """Why that driver, as the end of a sentence."""

    @property
    def named(self) -> str:
        """The package with its version."""
        return f"{self.package} {self.version}".strip()


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class GpuProof:
    """What of a set serves which card, and the oldest driver that it wants."""

    cards: tuple[str, ...] = ()
    """Architectures of the target's cards, `sm_90`; empty where they are left open or there are none."""
    words: tuple[str, ...] = ()
    """The same as the spec names them; several may mean one architecture."""
    open: bool = True
    """Whether the spec leaves the cards open."""
    driver: str = ""
    """The oldest driver of the target; empty where it is left open."""
    rows: tuple[Row, ...] = ()
    """What computes first, then NVIDIA's libraries."""

    @property
    def computing(self) -> tuple[Row, ...]:
        """The rows of packages that hold code for cards and are not NVIDIA's libraries."""
        return tuple(row for row in self.rows if not row.nvidia)

    @property
    def floor(self) -> str:
        """The oldest driver that all of it runs with; empty where nothing wants one."""
        return max((row.driver for row in self.raising), key=version_key, default="")

    @property
    def raising(self) -> tuple[Row, ...]:
        """The rows that want the driver of `floor`; those of NVIDIA's libraries where nothing else does."""
        rows = [row for row in self.computing if row.driver] or [row for row in self.rows if row.driver]
        highest = max((version_key(row.driver) for row in rows), default=())
        return tuple(row for row in rows if version_key(row.driver) == highest)


def version_key(driver: str) -> tuple[int, ...]:
    """A version of a driver in the order of versions."""
    return tuple(int(part) for part in driver.split(".") if part.isdigit())


def gpu_proof(spec: Spec, versions: Mapping[str, str], files: Mapping[str, Sequence[CardFile]]) -> GpuProof:
    """The proof of a set, whose `files` are those of each package that have to do with cards."""
    cards = spec.target.cards or ()
    rows = [_row(name, version, files.get(name, ()), cards) for name, version in sorted(versions.items())]
    own = [_nvidia_row(name, version, cards) for name, version in sorted(versions.items())]
    return GpuProof(
        cards=tuple(map(str, cards)),
        words=spec.target.gpu or (),
        open=spec.target.gpu is None,
        driver=spec.target.driver or "",
        rows=tuple(row for row in (*rows, *own) if row),
    )


def known_gpu_proof(spec: Spec, lock: Lock, store: FactStore) -> GpuProof | None:
    """The proof of a lock from kept facts alone; None where those of a wheel are not known yet."""
    files: dict[str, Sequence[CardFile]] = {}
    for entry in lock.artifact:
        if cuda_of(entry.name, entry.version) is not None:
            continue
        facts = store.get(entry.installed.sha256, device.READER, device.VERSION)
        if facts is None:
            return None
        files[entry.name] = device.from_json(facts)
    return gpu_proof(spec, lock.pins, files)


def united(files: Iterable[CardFile]) -> DeviceCode:
    """The device code of all files that compute, as if they were one; NVIDIA's own are left out."""
    codes = [file.code for file in files if file.computes]
    language: dict[Architecture, Release] = {}
    for code in codes:
        for each, version in code.language.items():
            language[each] = min(version, language.get(each, version))
    return DeviceCode(
        machine=_summed(code.machine for code in codes),
        ptx=_summed(code.ptx for code in codes),
        language=language,
        other=sum(code.other for code in codes),
        problem=next((code.problem for code in codes if code.problem), ""),
    )


def _summed(counts: Iterable[Mapping[Architecture, int]]) -> dict[Architecture, int]:
    found: dict[Architecture, int] = {}
    for count in counts:
        for each, number in count.items():
            found[each] = found.get(each, 0) + number
    return found


def serve(code: DeviceCode, card: Architecture) -> Served:
    """How device code serves a card: machine code first, then PTX, of which the oldest language counts."""
    if fitting := [each for each in code.machine if runs_on(each, card)]:
        return Served(by=MACHINE, code=str(max(fitting)))
    if fitting := [each for each in code.ptx if runs_on(each, card, ptx=True)]:
        release = min(release_of_ptx(code.language[each]) for each in fitting)
        return Served(by=PTX, code=str(max(fitting)), driver=driver_with(release) if release > (0, 0) else "")
    return Served(by=NOTHING if code.whole else UNKNOWN)


def _served(files: Sequence[CardFile], code: DeviceCode, card: Architecture) -> Served:
    """How a package serves a card: by all of its files together, but by none without what it is linked with.

    Where one library holds most of the code and has nothing for a card, files that need it do not make up for
    it: PyTorch's linear algebra has code for older cards than its libtorch_cuda.so, and computes with that.
    """
    main = _main(files)
    if main is not None and main.code.whole and serve(main.code, card).by == NOTHING:
        name = posixpath.basename(main.path)
        apart = [file for file in files if file is not main and name not in file.links]
        return serve(united([main, *apart]), card)
    return serve(code, card)


def _main(files: Sequence[CardFile]) -> CardFile | None:
    """The file that holds more than half of a package's code, and that others of it are linked with."""
    total = sum(_amount(file) for file in files if file.computes)
    linked = {name for file in files if file.computes for name in file.links}
    return next(
        (
            file
            for file in files
            if file.computes and _amount(file) * 2 > total and posixpath.basename(file.path) in linked
        ),
        None,
    )


def _amount(file: CardFile) -> int:
    return sum(file.code.machine.values()) + sum(file.code.ptx.values())


def _row(name: str, version: str, files: Sequence[CardFile], cards: Sequence[Architecture]) -> Row | None:
    if cuda_of(name, version) is not None:
        return None
    code = united(files)
    if not code:
        return None
    cuda, told = _cuda(files)
    shown = main.code if (main := _main(files)) else code
    served = tuple(_served(files, code, card) for card in cards)
    wants = [(driver_for((cuda, 0)), f"it computes with CUDA {cuda}{told}")] if cuda else []
    wants += [
        (each.driver, f"its PTX for {each.code}, all that it has for {card}, must be compiled by the driver")
        for each, card in zip(served, cards, strict=True)
        if each.driver
    ]
    driver, why = max(wants, key=lambda want: version_key(want[0]), default=("", ""))
    return Row(
        package=name,
        version=version,
        nvidia=False,
        cuda=cuda,
        machine=tuple(map(str, sorted(shown.machine))),
        ptx=tuple(map(str, sorted(shown.ptx))),
        served=served,
        driver=driver,
        why=why,
    )


def _nvidia_row(name: str, version: str, cards: Sequence[Architecture]) -> Row | None:
    cuda = cuda_of(name, version)
    if cuda is None:
        return None
    return Row(
        package=name,
        version=version,
        nvidia=True,
        cuda=cuda,
        served=tuple(Served(by=_release(cuda, card)) for card in cards),
        driver=driver_for((cuda, 0)) if cuda else "",
        why=f"NVIDIA's libraries of CUDA {cuda} do" if cuda else "",
    )


def _release(cuda: int, card: Architecture) -> str:
    return UNKNOWN if not cuda else RELEASE if knows(cuda, card) else NOTHING


def _cuda(files: Sequence[CardFile]) -> tuple[int, str]:
    """The major release that a package computes with, and by what that is told.

    Of files for several releases, of which one is loaded, the oldest counts: what is said must be certain.
    """
    told = [found for file in files if file.computes and (found := _cuda_of_file(file))[0]]
    return min(told, default=(0, ""))


def _cuda_of_file(file: CardFile) -> tuple[int, str]:
    for name in sorted(file.needs, key=lambda name: not name.startswith("libcudart.")):
        if cuda := cuda_of_soname(name):
            return cuda, f" ({name})"
    newest = max(map(release_of_ptx, file.code.language.values()), default=(0, 0))
    return newest[0], f" ({'.'.join(map(str, newest))} made its PTX)" if newest[0] else ""


def as_json(proof: GpuProof) -> dict[str, Any]:
    """JSON form of a proof, with what follows of it for those who read no Python."""
    return dataclasses.asdict(proof) | {
        "floor": proof.floor,
        "raised_by": [row.package for row in proof.raising],
    }


def from_json(body: Mapping[str, Any]) -> GpuProof:
    """The inverse of `as_json`."""
    return pydantic.TypeAdapter(GpuProof).validate_python(body)
