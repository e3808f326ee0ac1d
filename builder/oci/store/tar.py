"""Tar archives whose bytes depend on nothing but names, modes and contents."""

from __future__ import annotations

import dataclasses
import enum
import os
import re
from collections.abc import Iterable

BLOCK = 512
END = bytes(2 * BLOCK)
"""What closes an archive."""

EPOCH = 315_532_800
"""1980-01-01: the time of every file unless `SOURCE_DATE_EPOCH` says otherwise, a zip's oldest."""

_NAME = 100  # bytes of a name that the plain header holds; longer ones go into an extended header
_LARGEST = 8**11 - 1  # likewise for sizes
_SLASH = re.compile("/")
_NUMBER = re.compile(r"\d{1,10}")


class Kind(enum.StrEnum):
    """What an archive's entry is, as its type flag says."""

    FILE = "0"
    HARD_LINK = "1"
    LINK = "2"
    FOLDER = "5"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TarEntry:
    """One entry of an archive."""

    path: str
    """Below the root, without a leading or trailing `/`."""
    kind: Kind = Kind.FILE
    mode: int = 0o644
    size: int = 0
    """Bytes that follow; 0 for everything but files."""
    link: str = ""
    """What a link points to."""
    user: int = 0
    group: int = 0


def archive_epoch() -> int:
    """Seconds since 1970 that every file is dated to: `SOURCE_DATE_EPOCH` where it is set."""
    said = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(said) if _NUMBER.fullmatch(said) else EPOCH


def folder_entry(path: str, mode: int = 0o755) -> TarEntry:
    """A folder that belongs to root."""
    return TarEntry(path=path, kind=Kind.FOLDER, mode=mode)


def tar_header(entry: TarEntry, mtime: int) -> bytes:
    """The blocks before an entry's bytes. Source: POSIX.1-2017, `pax`, ustar and extended formats."""
    name = entry.path.encode("utf-8", "surrogateescape") + (b"/" if entry.kind is Kind.FOLDER else b"")
    link = entry.link.encode("utf-8", "surrogateescape")
    records = b""
    if len(name) > _NAME or not name.isascii():
        records += _record(b"path", name)
    if len(link) > _NAME or not link.isascii():
        records += _record(b"linkpath", link)
    if entry.size > _LARGEST:
        records += _record(b"size", b"%d" % entry.size)
    plain = _block(
        name[:_NAME],
        entry.mode,
        entry.user,
        entry.group,
        min(entry.size, _LARGEST),
        mtime,
        entry.kind.value.encode(),
        link[:_NAME],
    )
    if not records:
        return plain
    before = _block(b"PaxHeaders/entry", 0o644, 0, 0, len(records), mtime, b"x", b"")
    return before + records + tar_padding(len(records)) + plain


def tar_padding(size: int) -> bytes:
    """What fills the last block of `size` bytes."""
    return bytes(-size % BLOCK)


def length(entry: TarEntry, mtime: int) -> int:
    """Bytes that the entry takes, its header and padding included."""
    return len(tar_header(entry, mtime)) + entry.size + -entry.size % BLOCK


def parent_paths(path: str) -> tuple[str, ...]:
    """The folders above `path`, outermost first."""
    return tuple(path[: slash.start()] for slash in _SLASH.finditer(path))


def folders_above(paths: Iterable[str]) -> set[str]:
    """All folders above any of the paths."""
    found: set[str] = set()
    for path in paths:
        end = path.rfind("/")
        while end > 0 and (folder := path[:end]) not in found:  # what is above a known one is known
            found.add(folder)
            end = folder.rfind("/")
    return found


def _record(key: bytes, value: bytes) -> bytes:
    """One record of an extended header; its length counts its own digits."""
    rest = len(key) + len(value) + 3
    size = rest + len(str(rest))
    size = rest + len(str(size))
    return b"%d %s=%s\n" % (size, key, value)


def _block(
    name: bytes, mode: int, user: int, group: int, size: int, mtime: int, kind: bytes, link: bytes
) -> bytes:
    block = (
        name.ljust(100, b"\0")
        + b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, user, group, size, mtime)
        + b"        "
        + kind
        + link.ljust(100, b"\0")
        + b"ustar\x0000"
        + bytes(64)
        + b"%07o\0%07o\0" % (0, 0)
        + bytes(167)
    )
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
