"""Reading a Debian package: an `ar` archive with two tar archives inside. Nothing is unpacked by name.

Source: deb(5), ar(5).
"""

from __future__ import annotations

import contextlib
import dataclasses
import lzma
import pathlib
import re
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO

from builder.oci.store.compress import CHUNK
from envspec.system.errors import OutsideError

MAGIC = b"!<arch>\n"

_HEAD = 60  # bytes of a member's header
_UNREADABLE = (
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    OSError,
    OverflowError,
    ValueError,
)


class DebError(OutsideError):
    """A file that should be a Debian package is none, or one that must not be unpacked."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(f"{file}: {problem}", hint="fetch it again, or take packages from another mirror")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ArMember:
    """One member of an `ar` archive."""

    name: str
    offset: int
    size: int


def ar_members(stream: IO[bytes], name: str) -> tuple[ArMember, ...]:
    """The members of an `ar` archive. Raises `DebError` for anything else."""
    stream.seek(0, 2)
    end = stream.tell()
    stream.seek(0)
    if stream.read(len(MAGIC)) != MAGIC:
        raise DebError(name, "it is no Debian package")
    found = []
    place = len(MAGIC)
    while place < end:
        head = stream.read(_HEAD)
        size = head[48:58].strip()
        if len(head) != _HEAD or head[58:] != b"`\n" or not re.fullmatch(rb"\d+", size):
            raise DebError(name, "its table of contents is damaged")
        member = ArMember(
            name=head[:16].rstrip().rstrip(b"/").decode("ascii", "replace"),
            offset=place + _HEAD,
            size=int(size),
        )
        if member.offset + member.size > end:
            raise DebError(name, "it ends too early")
        found.append(member)
        place = member.offset + member.size + member.size % 2
        stream.seek(place)
    return tuple(found)


class Deb:
    """A Debian package on disk."""

    def __init__(self, file: pathlib.Path) -> None:
        self.file = file

    def control(self) -> str:
        """The text of its control file. Raises `DebError`."""
        for info, stream in self._members("control.tar"):
            if _clean(info.name) == "control" and stream is not None:
                return stream.read(CHUNK).decode("utf-8", "replace")
        raise DebError(self.file.name, "it holds no control file")

    def data(self) -> Iterator[tuple[tarfile.TarInfo, str, IO[bytes] | None]]:
        """Every entry of its data, with its path below the root and its bytes, in the archive's order.

        Raises `DebError` for an entry that leaves the root or is neither file, folder nor link.
        """
        for info, stream in self._members("data.tar"):
            path = _clean(info.name)
            if path is None:
                raise DebError(self.file.name, f"{info.name!r} leaves the place it is unpacked in")
            if not (info.isreg() or info.isdir() or info.issym() or info.islnk()):
                raise DebError(self.file.name, f"{info.name!r} is neither file, folder nor link")
            if path:
                yield info, path, stream

    def _members(self, prefix: str) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
        with self.file.open("rb") as raw, self._trouble():
            member = next((s for s in ar_members(raw, self.file.name) if s.name.startswith(prefix)), None)
            if member is None:
                raise DebError(self.file.name, f"it holds no {prefix}")
            with _tar(MemberWindow(raw, member), member.name.removeprefix(prefix)) as archive:
                for info in archive:
                    yield info, archive.extractfile(info) if info.isreg() else None

    @contextlib.contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except OutsideError:
            raise
        except _UNREADABLE as error:
            raise DebError(self.file.name, f"it cannot be read ({error or type(error).__name__})") from error


class MemberWindow:
    """A readable part of a file."""

    def __init__(self, stream: IO[bytes], member: ArMember) -> None:
        self._stream = stream
        self._left = member.size
        stream.seek(member.offset)

    def read(self, count: int = -1) -> bytes:
        """The next bytes of the part."""
        data = self._stream.read(self._left if count < 0 else min(count, self._left))
        self._left -= len(data)
        return data


def _tar(window: MemberWindow, suffix: str) -> tarfile.TarFile:
    modes = {"": "r|", ".xz": "r|xz", ".gz": "r|gz", ".bz2": "r|bz2"}
    if suffix not in modes:
        raise tarfile.ReadError(f"{suffix} is a compression that is not known here")
    return tarfile.open(fileobj=window, mode=modes[suffix])  # type: ignore[call-overload,no-any-return]


def _clean(name: str) -> str | None:
    """The path below the root, without `./`; empty for the root itself, None for one that leaves it."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return None if ".." in parts or name.startswith("/") or "\0" in name else "/".join(parts)
