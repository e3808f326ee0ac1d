"""The files of a base: what its packages hold, and the little that their scripts would have made of it."""

from __future__ import annotations

import posixpath
import re
import tarfile
from collections.abc import Iterable, Iterator
from typing import IO

from builder.debian.control import read_paragraph
from builder.debian.deb import Deb, DebError
from builder.debian.ldconfig import loader_cache
from builder.oci.store import tar
from builder.oci.store.compress import CHUNK, LayerWriter
from builder.oci.store.tar import Kind, TarEntry
from envspec.proof.abi import elf
from envspec.system.pattern import matcher
from envspec.system.processor import Processor

FOLDERS = {
    "dev": 0o755,
    "etc": 0o755,
    "home": 0o755,
    "mnt": 0o755,
    "opt": 0o755,
    "proc": 0o555,
    "root": 0o700,
    "run": 0o755,
    "srv": 0o755,
    "sys": 0o555,
    "tmp": 0o1777,
    "usr": 0o755,
    "usr/bin": 0o755,
    "usr/lib": 0o755,
    "usr/lib64": 0o755,
    "usr/local": 0o755,
    "usr/local/bin": 0o755,
    "usr/sbin": 0o755,
    "var": 0o755,
    "var/lib": 0o755,
    "var/lib/dpkg": 0o755,
    "var/lib/dpkg/status.d": 0o755,
    "var/tmp": 0o1777,
}
"""Folders that programs expect, whether a package brings them or not, with their modes."""

LINKS = {
    "bin": "usr/bin",
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    "sbin": "usr/sbin",
    "var/lock": "/run/lock",
    "var/run": "/run",
    "etc/localtime": "/usr/share/zoneinfo/Etc/UTC",
}
"""Links that scripts would have made."""

COPIES = {
    "usr/share/base-files/nsswitch.conf": "etc/nsswitch.conf",
    "usr/share/base-files/profile": "etc/profile",
    "usr/share/base-passwd/group.master": "etc/group",
    "usr/share/base-passwd/passwd.master": "etc/passwd",
    "usr/share/libc-bin/nsswitch.conf": "etc/nsswitch.conf",
}
"""Files that scripts would have copied; from bookworm on it is `libc-bin` that has `nsswitch.conf`."""

CERTIFICATES = "usr/share/ca-certificates/"
BUNDLE = "etc/ssl/certs/ca-certificates.crt"
STATUS = "var/lib/dpkg/status.d"
"""Where images without dpkg keep what is installed; scanners read it."""

_SHARED = re.compile(r".*\.so(\.[0-9][^/]*)?")
_LARGEST_LIBRARY = 256 << 20
_KEPT = re.compile(r"usr/share/doc/[^/]+/copyright")


class RootWriter:
    """A writer of a root file system into a layer, package by package."""

    def __init__(self, writer: LayerWriter, processor: Processor, *, without: Iterable[str] = ()) -> None:
        """`without` has patterns of absolute paths that are left out, but for licences."""
        self._writer = writer
        self._processor = processor
        self._owners: dict[str, str] = {}
        self._copied: dict[str, bytes] = {}
        self._certificates: dict[str, bytes] = {}
        self._sonames: dict[str, str] = {}
        self._left_out = matcher(pattern.lstrip("/").replace("*", "**") for pattern in without)

    def start(self) -> None:
        """Write the folders and links that every base has."""
        for path, mode in FOLDERS.items():
            self._folder(path, mode)
        for path, target in LINKS.items():
            self._write(TarEntry(path=path, kind=Kind.LINK, mode=0o777, link=target), "the base")

    def add_package(self, name: str, deb: Deb) -> None:
        """Write one package. Raises `DebError`, also when another package brought the same file."""
        control = deb.control()
        for info, path, stream in deb.data():
            self._entry(name, merged_path(path), info, stream, deb)
        self._file(f"{STATUS}/{read_paragraph(control).get('Package', name)}", control.encode(), name)

    def finish(self) -> None:
        """Write what scripts would have made."""
        copied = {COPIES[path]: body for path, body in self._copied.items()}
        copied[BUNDLE] = b"".join(
            body if body.endswith(b"\n") else body + b"\n" for _, body in sorted(self._certificates.items())
        )
        copied["etc/ld.so.cache"] = loader_cache(self._sonames, self._processor.debian)
        copied["etc/timezone"] = b"Etc/UTC\n"
        for path in sorted(copied):
            if path not in self._owners and copied[path]:
                self._parents(path)
                self._file(path, copied[path], "the base")

    def _entry(self, name: str, path: str, info: tarfile.TarInfo, stream: IO[bytes] | None, deb: Deb) -> None:
        if path in LINKS or (self._left_out(path) and not _KEPT.fullmatch(path)):
            return
        mode = info.mode & 0o7777
        if info.isdir():
            self._folder(path, mode, info.uid, info.gid)
            return
        self._parents(path)
        kind = Kind.LINK if info.issym() else Kind.HARD_LINK if info.islnk() else Kind.FILE
        link = merged_path(posixpath.normpath(info.linkname)) if info.islnk() else info.linkname
        if info.islnk() and link not in self._owners:
            raise DebError(deb.file.name, f"{info.name!r} is a link to {link!r}, which is not there")
        entry = TarEntry(
            path=path,
            kind=kind,
            mode=mode,
            size=info.size if kind is Kind.FILE else 0,
            link=link,
            user=info.uid,
            group=info.gid,
        )
        if stream is None:
            self._write(entry, name)
        elif self._wanted(path, info.size):
            body = stream.read()
            self._look(path, body)
            self._write(entry, name, body)
        else:
            self._write(entry, name, iter(lambda: stream.read(CHUNK), b""))

    def _wanted(self, path: str, size: int) -> bool:
        """Whether the file's content decides something later on."""
        library = _SHARED.fullmatch(path) is not None and size <= _LARGEST_LIBRARY
        return library or path in COPIES or path.startswith(CERTIFICATES)

    def _look(self, path: str, body: bytes) -> None:
        if path in COPIES:
            self._copied[path] = body
        elif path.startswith(CERTIFICATES):
            self._certificates[path] = body
        elif posixpath.dirname(path) in self._searched() and (soname := _soname(body)):
            self._sonames.setdefault(soname, f"/{posixpath.dirname(path)}/{soname}")

    def _searched(self) -> Iterable[str]:
        """The folders that the loader's configuration names."""
        return "usr/lib", f"usr/lib/{self._processor.multiarch}"

    def _folder(self, path: str, mode: int, user: int = 0, group: int = 0) -> None:
        if path not in self._owners:
            self._parents(path)
            self._owners[path] = ""
            self._writer.add(
                TarEntry(path=path, kind=Kind.FOLDER, mode=FOLDERS.get(path, mode), user=user, group=group)
            )

    def _parents(self, path: str) -> None:
        for folder in tar.parent_paths(path):
            self._folder(folder, 0o755)

    def _file(self, path: str, body: bytes, owner: str) -> None:
        self._write(TarEntry(path=path, size=len(body)), owner, body)

    def _write(self, entry: TarEntry, owner: str, content: bytes | Iterator[bytes] = b"") -> None:
        if (other := self._owners.get(entry.path)) is not None:
            raise DebError(f"package {owner}", f"/{entry.path} is there already, from {other or 'a folder'}")
        self._owners[entry.path] = owner
        self._writer.add(entry, content)


def merged_path(path: str) -> str:
    """The path on a system whose top folders are links into `/usr`, as Debian's are since bookworm."""
    top, slash, rest = path.partition("/")
    return f"{LINKS[top]}/{rest}" if slash and top in LINKS else path


def _soname(body: bytes) -> str:
    try:
        return elf.read_elf(body).soname if elf.is_elf(body) else ""
    except elf.ElfError:
        return ""
