"""What the base below the wheels offers: shared libraries of a root folder, or a list of names."""

from __future__ import annotations

import dataclasses
import mmap
import pathlib
import re
from collections.abc import Iterable, Mapping
from typing import Protocol

from envspec.proof.abi import elf

_FOLDERS = (
    "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu",
    "lib64", "usr/lib64", "lib", "usr/lib", "usr/local/lib",
)  # fmt: skip
_MUSL_FOLDERS = ("lib", "usr/local/lib", "usr/lib")
"""Where musl's loader looks without `/etc/ld-musl-<machine>.path`. Source: musl, ldso/dynlink.c."""
_MUSL_LOADER = re.compile(r"ld-musl-\w+\.so\.1")
_MUSL_ITSELF = re.compile(r"lib(?:c|pthread|rt|m|dl|util|xnet)\.")
"""How names of libraries begin that are musl itself, whatever follows. Source: musl, ldso/dynlink.c."""
_LINKS = 40


class LoaderBase(Protocol):
    """Where the loader looks when no wheel has a library."""

    def has(self, soname: str) -> bool | None:
        """Whether the library is there; None when nobody knows."""

    def names(self) -> frozenset[str] | None:
        """All names of libraries; None when not all are known."""

    def library(self, soname: str) -> elf.Elf | None:
        """What the library says about itself; None when it is missing or cannot be read."""

    def newest(self, prefix: str) -> str:
        """The newest version with a prefix such as `GLIBC`, as `2.36`; empty when unknown."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class NamedBase:
    """A base of which only names are known."""

    sonames: frozenset[str] = frozenset()
    complete: bool = False
    """Whether `sonames` are all there are."""
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Newest version by prefix, such as `{"GLIBC": "2.36", "GLIBCXX": "3.4.30"}`."""
    musl: bool = False
    """Whether its C library is musl."""

    def has(self, soname: str) -> bool | None:
        """Whether the list names the library; None where the list may lack it."""
        own = is_musl(soname) if self.musl else soname in GLIBC_LIBRARIES
        if soname in self.sonames or own:
            return True
        return False if self.complete else None

    def names(self) -> frozenset[str] | None:
        """The listed libraries and the C library's own; None where there may be more."""
        own = frozenset[str]() if self.musl else GLIBC_LIBRARIES
        return self.sonames | own if self.complete else None

    def library(self, _: str) -> elf.Elf | None:
        """None: of libraries that are only listed the contents are never known."""
        return None

    def newest(self, prefix: str) -> str:
        """The newest version of that prefix; empty where none is known."""
        return self.versions.get(prefix, "")


GLIBC_LIBRARIES = frozenset(
    {
        "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1",
        "libresolv.so.2", "libnsl.so.1", "libcrypt.so.1", "libanl.so.1", "libmvec.so.1", "libthread_db.so.1",
        "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
    }
)  # fmt: skip
"""Libraries that come with glibc itself, wherever there is one."""


def is_musl(soname: str) -> bool:
    """Whether musl's loader takes itself for a library of that name: it is one file with many names."""
    return _MUSL_ITSELF.match(soname) is not None or _MUSL_LOADER.fullmatch(soname) is not None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class BaseFolder:
    """Where the base of a lock can be looked at, or why it cannot."""

    root: pathlib.Path | None = None
    """A folder with its libraries as they stand in its root; None where they cannot be had."""
    complete: bool = True
    """Whether nothing comes on top of it: packages that are added to an image are read by nobody."""
    why: str = ""
    """Why there is no folder, as a sentence without its end."""


class RootBase:
    """A root file system in a folder, or this machine's own (`/`). Nothing outside of it is followed."""

    def __init__(self, root: pathlib.Path, *, complete: bool = True) -> None:
        """List the folders that the loader searches; files are read when they are asked for.

        With `complete` false more libraries may come on top of it.
        """
        self.root = root
        self.complete = complete
        self._read: dict[str, elf.Elf | None] = {}
        self._files = self._listed((*self._configured(), *_FOLDERS))
        self._musl = ""
        if "libc.so.6" not in self._files:  # else musl is there beside glibc, as Debian's package brings it
            self._musl = next(filter(_MUSL_LOADER.fullmatch, self._files), "")
        if self._musl:
            self._files = self._listed(self._musl_configured())

    @property
    def musl(self) -> bool | None:
        """Whether its C library is musl, False where it is glibc; None where it has neither."""
        return bool(self._musl) or (False if "libc.so.6" in self._files else None)

    def _listed(self, folders: Iterable[str]) -> dict[str, pathlib.Path]:
        """The libraries of folders by name; of two with one name the first."""
        files: dict[str, pathlib.Path] = {}
        for folder in folders:
            place = self._inside(pathlib.PurePosixPath(folder))
            if place and place.is_dir():
                for file in sorted(place.iterdir()):
                    if ".so" in file.name:
                        files.setdefault(file.name, file)
        return files

    def has(self, soname: str) -> bool | None:
        """Whether a library of that name stands in a folder that the loader searches."""
        return self._own_name(soname) in self._files or (False if self.complete else None)

    def _own_name(self, soname: str) -> str:
        return self._musl if self._musl and is_musl(soname) else soname

    def names(self) -> frozenset[str] | None:
        """Every library that stands there; None where there may be more."""
        return frozenset(self._files) if self.complete else None

    def library(self, soname: str) -> elf.Elf | None:
        """What the library of that name holds; None where it is missing or cannot be read."""
        name = self._own_name(soname)
        if name not in self._read:
            self._read[name] = self._load(name)
        return self._read[name]

    def newest(self, prefix: str) -> str:
        """The newest version of that prefix that its C or C++ library defines; empty where none is."""
        facts = self.library({"GLIBC": "libc.so.6"}.get(prefix, "libstdc++.so.6"))
        found = [re.fullmatch(rf"{prefix}_([\d.]+)", v) for v in (facts.version_definitions if facts else ())]
        numbers = [match[1] for match in found if match]
        return max(numbers, key=lambda text: tuple(map(int, text.split("."))), default="")

    def _load(self, soname: str) -> elf.Elf | None:
        file = self._files.get(soname)
        place = self._inside(pathlib.PurePosixPath(file.relative_to(self.root))) if file else None
        if place is None or not place.is_file():
            return None
        try:
            with (
                place.open("rb") as stream,
                mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            ):
                return elf.read_elf(mapped)
        except (OSError, ValueError):  # an empty file cannot be mapped; `ElfError` is a ValueError
            return None

    def _configured(self) -> list[str]:
        """Folders of `ld.so.conf` and the files beside it."""
        etc = self._inside(pathlib.PurePosixPath("etc"))
        if etc is None:
            return []
        lines: list[str] = []
        for file in (etc / "ld.so.conf", *sorted(etc.glob("ld.so.conf.d/*.conf"))):
            if file.is_file() and not file.is_symlink():
                lines += file.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line.strip() for line in lines if line.strip().startswith("/")]

    def _musl_configured(self) -> Iterable[str]:
        """Folders that musl's loader searches, as its own file says it."""
        machine = self._musl.removeprefix("ld-musl-").removesuffix(".so.1")
        file = self._inside(pathlib.PurePosixPath(f"etc/ld-musl-{machine}.path"))
        if file is None or not file.is_file():
            return _MUSL_FOLDERS
        return re.split(r"[:\n]", file.read_text(encoding="utf-8", errors="replace"))

    def _inside(self, path: pathlib.PurePosixPath) -> pathlib.Path | None:
        """The real place of a path of the root file system, its links followed as inside of it."""
        parts = [part for part in path.parts if part != "/"]
        done: list[str] = []
        links = 0
        while parts:
            part = parts.pop(0)
            if part == "..":
                done = done[:-1]
                continue
            here = self.root.joinpath(*done, part)
            if here.is_symlink():
                links += 1
                if links > _LINKS:
                    return None
                target = pathlib.PurePosixPath(here.readlink())
                if target.is_absolute():
                    done = []
                parts = [item for item in target.parts if item != "/"] + parts
            else:
                done.append(part)
        return self.root.joinpath(*done)
