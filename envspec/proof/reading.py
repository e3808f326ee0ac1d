"""Which wheels of a lock are read whole, and of which an excerpt does: those of NVIDIA's own libraries.

They are most of what a set for a GPU weighs, and are judged by their release, not by their machine code.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import datetime as dt
import functools
import pathlib
import posixpath
from collections.abc import Iterator, Mapping, Sequence

from packaging.utils import canonicalize_name

from envspec.lockfile.lock import Artifact, Lock
from envspec.proof.abi import binary
from envspec.proof.abi.binary import Binary
from envspec.proof.gpu import device
from envspec.proof.gpu.device import CardFile
from envspec.proof.nvidia.files import OPENED_BY_NAME, RELEASED_TOGETHER, vendor_family
from envspec.proof.nvidia.releases import cuda_of
from envspec.resolve.graph import needed
from envspec.source.fetch import fetch_locked
from envspec.supply.core_metadata import WheelMetadata
from envspec.supply.excerpt import Excerpts, open_excerpt
from envspec.supply.facts import FactStore
from envspec.supply.sources import Sources
from envspec.supply.wheel import Wheel
from envspec.supply.wheelhouse import WORKERS, Wheelhouse
from envspec.system.disk import DiskError
from envspec.system.errors import OutsideError
from envspec.system.home import tool_home
from envspec.system.progress import SILENT, Progress

LARGE = 50 << 20
"""Bytes of a wheel from which on an excerpt is worth asking for."""

TOGETHER = dt.timedelta(days=30)
"""What was made within it is of one release: those of the CUDA toolkit are two to three months apart."""

_UNREAD = (".a", ".bc", ".h", ".hpp", ".ltoir")
"""Ends of the names of other large files that nobody reads before the build."""


def may_lack(files: Sequence[str]) -> bool:
    """Whether a wheel is judged without the machine code of these files, which are the largest in it."""
    return any(map(vendor_family, files)) and all(
        vendor_family(file) or file.endswith(_UNREAD) for file in files
    )


def bring_to_read(
    lock: Lock,
    known: Mapping[str, WheelMetadata],
    sources: Sources,
    store: Wheelhouse,
    progress: Progress = SILENT,
    *,
    large: int = LARGE,
) -> frozenset[str]:
    """Bring what the lock installs here to be read; the packages of which there are excerpts alone.

    Raises as `fetch_locked` does.
    """
    shelf = Shelf(store=store)
    absent = [entry for entry in lock.artifact if entry.wheel is None and not store.has(entry)]
    heavy = [entry for entry in absent if entry.size >= large]
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        done = pool.map(lambda entry: _excerpted(entry, shelf.excerpts, sources), heavy)
        parts = {entry.name for entry, there in zip(heavy, done, strict=True) if there}
    while True:
        fetch_locked(lock, sources, store, progress, without=parts)
        doubtful = frozenset(_doubtful(lock, known, dataclasses.replace(shelf, parts=frozenset(parts))))
        if not doubtful:
            return frozenset(parts)
        parts -= doubtful


def _excerpted(entry: Artifact, excerpts: Excerpts, sources: Sources) -> bool:
    """Whether there is an excerpt of a wheel, that from an earlier run or one that is fetched now."""
    if (found := excerpts.open(entry)) is not None:
        with found:
            return may_lack(tuple(found.lacks))
    if sources.offline:
        return False
    try:
        offered = sources.files(entry.index, entry.name)
        remote = next(
            file for file in offered if file.file == entry.file and file.sha256 in {None, entry.sha256}
        )
        return remote.url.startswith("http") and excerpts.make(entry, remote, sources, may_lack)
    except DiskError:
        raise
    except (OutsideError, StopIteration):  # whoever fetches the whole says it better
        return False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shelf:
    """Where the wheels of a lock are to be read."""

    store: Wheelhouse
    parts: frozenset[str] = frozenset()
    """Packages of which excerpts are read."""

    @functools.cached_property
    def excerpts(self) -> Excerpts:
        """The excerpts of this machine."""
        return Excerpts(tool_home() / "excerpts")

    def place(self, entry: Artifact) -> pathlib.Path:
        """The file of a package's wheel, or of its excerpt."""
        return (
            self.excerpts.path(entry.installed)
            if entry.name in self.parts
            else self.store.path(entry.installed)
        )

    def open(self, entry: Artifact) -> Wheel:
        """A package's wheel, to read what is at hand of it. Raises `WheelError`."""
        place = self.place(entry)
        return open_excerpt(place) if entry.name in self.parts else Wheel(place)

    def binaries(self, entry: Artifact, wheel: Wheel) -> tuple[Binary, ...]:
        """Facts about a wheel's compiled files, read once for all time."""
        return self.compiled(entry, wheel)[0]

    def compiled(self, entry: Artifact, wheel: Wheel) -> tuple[tuple[Binary, ...], tuple[CardFile, ...]]:
        """The same, and what of them has to do with cards, of one pass over the wheel.

        NVIDIA's own libraries are judged by their release: their device code is never read.
        """
        store, digest = FactStore(tool_home() / "facts"), entry.installed.sha256
        reader = binary.READER_IN_PART if entry.name in self.parts else binary.READER
        own = cuda_of(entry.name, entry.version) is not None
        kept = store.get(digest, reader, binary.VERSION)
        cards = [] if own else store.get(digest, device.READER, device.VERSION)
        if kept is None:
            seen: list[CardFile] = []
            kept = binary.as_json(
                binary.read_wheel(
                    wheel, None if own else lambda path, data: seen.append(device.read(path, data))
                )
            )
            store.put(digest, reader, binary.VERSION, kept)
            cards = device.as_json(device.kept(seen))
        elif cards is None:
            cards = device.as_json(device.read_wheel(wheel))
        else:
            return binary.from_json(kept), device.from_json(cards)
        if not own:
            store.put(digest, device.READER, device.VERSION, cards)
        return binary.from_json(kept), device.from_json(cards)


def _doubtful(lock: Lock, known: Mapping[str, WheelMetadata], shelf: Shelf) -> Iterator[str]:
    """Of the packages that are read in part those that have to be read whole.

    Libraries that somebody pins together, or of which the needed one is as new as the one that needs it, were
    made for each other, or for less than is there. What was moved away from such a pin, or is older, may lack
    what others want of it: only reading tells.
    """
    if not shelf.parts:
        return
    wants = {name: tuple(_wanted(name, known, lock)) for name in lock.pins}
    fixed = {name: {package for package, exact in own if exact is True} for name, own in wants.items()}
    moved = {package for own in wants.values() for package, exact in own if exact is False}
    loose = shelf.parts - set().union(*fixed.values())
    with contextlib.ExitStack() as stack:
        wheels = {entry.name: stack.enter_context(shelf.open(entry)) for entry in lock.artifact}
        yield from shelf.parts & moved
        for name in shelf.parts:
            bound = not RELEASED_TOGETHER.isdisjoint(_families(wheels[name]))
            for package, exact in wants[name]:
                together = exact or any({name, package} <= own for own in fixed.values())
                loaded = _families(wheels[package]) != {OPENED_BY_NAME}
                older = bound and loaded and not together and _older(wheels[package], wheels[name])
                if package in moved or older:
                    yield from {name, package} & shelf.parts
        yield from _outrun(lock, shelf, wheels, loose)


def _wanted(name: str, known: Mapping[str, WheelMetadata], lock: Lock) -> Iterator[tuple[str, bool | None]]:
    """The locked packages that a package requires, and whether it is an exact version that is locked.

    None where it leaves the version open.
    """
    for requirement in needed((name, frozenset(known[name].extras)), known, lock.target):
        package = canonicalize_name(requirement.name)
        if package in lock.pins:
            exact = any(each.operator in {"==", "==="} for each in requirement.specifier)
            fits = requirement.specifier.contains(lock.pins[package], prereleases=True)
            yield package, fits if exact else None


def _outrun(lock: Lock, shelf: Shelf, wheels: Mapping[str, Wheel], loose: frozenset[str]) -> Iterator[str]:
    """Of packages that nobody pins those that are older than what loads them by name."""
    held = {posixpath.basename(file): name for name in loose for file in wheels[name].lacks}
    for entry in lock.artifact if held else ():
        wheel = wheels[entry.name]
        if entry.name not in shelf.parts and wheel.binaries:
            for item in shelf.binaries(entry, wheel):
                for soname in item.elf.needed if item.elf else ():
                    if soname in held and _older(wheels[held[soname]], wheel):
                        yield held[soname]


def _families(wheel: Wheel) -> set[str]:
    """Which of NVIDIA's libraries are in a wheel."""
    return set(map(vendor_family, wheel.binaries)) - {""}


def _older(needed_one: Wheel, user: Wheel) -> bool:
    """Whether a wheel may have been made before the release that another one was made for."""
    if needed_one.made is None or user.made is None:
        return True
    return needed_one.made + TOGETHER < user.made
