"""Reading a wheel safely: its files, its metadata, its modules; nothing is ever unpacked by name."""

from __future__ import annotations

import configparser
import contextlib
import csv
import dataclasses
import datetime as dt
import functools
import io
import mmap
import pathlib
import re
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Self

from envspec.supply.core_metadata import WheelMetadata, parse_metadata
from envspec.supply.inflate import INFLATE_ERROR, inflated
from envspec.system.errors import OutsideError
from envspec.system.quoting import shown_path

Buffer = bytes | mmap.mmap

_CHUNK = 1 << 20
_QUICKLY = 1 << 16  # bytes of a member from which on a quicker inflater is worth its start
_IN_MEMORY = 64 << 20  # larger members go through an unnamed file, so that memory stays bounded
_SUFFIX = re.compile(r"\.(?:so|pyd)$")
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\0-\x1f]")
_NOWHERE = frozenset({"", ".", ".."})  # parts of a path that lead elsewhere than down
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    INFLATE_ERROR,
    struct.error,
    EOFError,
    NotImplementedError,  # a compression method that Python lacks
    RuntimeError,  # an encrypted member
    OverflowError,
    UnicodeError,
    ValueError,
    IndexError,
)


class WheelError(OutsideError):
    """A file that should be a wheel is none, or one that must not be installed; `file` is its name."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(f"{file}: {problem}", hint="fetch the file again, or pin another version")
        self.file = file
        self.problem = problem


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a wheel may at most hold; the defaults leave room for the largest real ones."""

    entries: int = 100_000
    total: int = 32 << 30
    """Bytes of all members, inflated."""
    ratio: int = 120
    """Inflated bytes for each byte of the file, once `free` bytes are passed."""
    free: int = 256 << 20
    text: int = 16 << 20
    """Bytes of one metadata file."""
    path: int = 1_000
    """Bytes of a file's path: what stands before it must fit beside it into the system's 4,096."""
    name: int = 240
    """Bytes of one name in it: file systems end at 255."""
    depth: int = 100
    """Folders above a file."""


DEFAULT_LIMITS = Limits()


_DIRECTORY_ENTRY = struct.Struct("<28xHHH12x")  # lengths of name, extra field and comment: APPNOTE 4.3.12
_END = struct.Struct("<4s8xL4x2x")  # signature and bytes of the table of contents: 4.3.16
_END_64 = struct.Struct("<4s36xQ8x")  # likewise: 4.3.14
_LOCATOR_64 = 20  # bytes: 4.3.15
_MEMBER_LENGTHS = struct.Struct("<26xHH")  # of its name and extra field, which stand before the contents
_NO_DATE = 1980  # the year before which no archive can date its files, and which means none
_MEMBER = 30  # bytes before a file's name and contents: 4.3.7
_READ = (".py", ".pth", "/METADATA", "/RECORD", "/WHEEL", "/entry_points.txt")  # whatever they weigh


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One file of a wheel."""

    name: str
    """Path inside the archive, `/` between its parts."""
    size: int
    """Bytes, inflated."""
    packed: int
    """Bytes in the archive."""
    crc: int = 0
    """CRC-32 of its bytes, as the archive has it."""


class Wheel:
    """An open wheel; a context manager. Members are inflated only when they are asked for."""

    def __init__(
        self,
        file: pathlib.Path,
        *,
        limits: Limits = DEFAULT_LIMITS,
        stream: IO[bytes] | None = None,
        lacks: frozenset[str] = frozenset(),
    ) -> None:
        """Open and judge the table of contents.

        `stream` is the wheel where `file` is not it, but tells its name; `lacks` are files that are in the
        wheel and not in that stream.

        Raises `WheelError` when the file is no zip, or holds absolute names, `..`, duplicates, links,
        overlapping members or more than `limits` allows; `OSError` when it cannot be read at all.
        """
        self.file = file
        self.limits = limits
        self.lacks = lacks
        stream = file.open("rb") if stream is None else stream
        try:
            with self._trouble("it is not a zip archive"):
                self._judge_directory(stream)
                self._zip = zipfile.ZipFile(stream)
                size = stream.seek(0, io.SEEK_END)
            self._infos = {info.filename: info for info in self._judged(size)}
        except BaseException:
            stream.close()
            raise
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._stream.close()

    @contextlib.contextmanager
    def _trouble(self, problem: str) -> Iterator[None]:
        """Turn whatever the archive reader raises at hostile bytes into one typed error."""
        try:
            yield
        except _UNREADABLE as error:
            raise WheelError(self.file.name, f"{problem} ({error or type(error).__name__})") from error

    def _judge_directory(self, stream: IO[bytes]) -> None:
        """Refuse a table of contents of too many files before `zipfile` makes an object of each.

        What the table says of its own length is not asked: `zipfile` goes by its bytes, so these are counted.
        """
        place = _directory(stream)
        if place is None or place[1] <= self.limits.entries * _DIRECTORY_ENTRY.size:
            return
        left = place[1]
        stream.seek(place[0])
        for _ in range(self.limits.entries):
            head = stream.read(_DIRECTORY_ENTRY.size)
            left -= _DIRECTORY_ENTRY.size
            if left < 0 or len(head) < _DIRECTORY_ENTRY.size:
                return
            more = sum(_DIRECTORY_ENTRY.unpack(head))
            stream.seek(more, io.SEEK_CUR)
            left -= more
        if left > 0:
            raise WheelError(self.file.name, f"more files than the {self.limits.entries} that are allowed")

    def _judged(self, file_size: int) -> list[zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > self.limits.entries:
            raise WheelError(self.file.name, f"{len(infos)} files; {self.limits.entries} are allowed")
        total = sum(info.file_size for info in infos)
        allowed = min(self.limits.total, max(self.limits.free, file_size * self.limits.ratio))
        if total > allowed:
            raise WheelError(
                self.file.name, f"{file_size} bytes would inflate to {total}; {allowed} are allowed"
            )
        self._judge_overlap(infos)
        if not all(info.filename for info in infos):  # which `is_dir` does not survive
            raise WheelError(self.file.name, "a file without a name")
        files = [info for info in infos if not info.is_dir()]
        seen: set[str] = set()
        for info in files:
            if problem := _name_problem(info) or self._path_problem(info.filename):
                raise WheelError(self.file.name, f"{shown_path(info.filename)} {problem}")
            if info.filename in seen:
                raise WheelError(self.file.name, f"{shown_path(info.filename)} is there twice")
            seen.add(info.filename)
        if both := seen & _folders_above(seen):
            raise WheelError(self.file.name, f"{shown_path(min(both))} is both a file and a folder")
        return files

    def _path_problem(self, path: str) -> str:
        limits, parts = self.limits, path.split("/")
        longest = max(len(part.encode("utf-8", "replace")) for part in parts)
        if longest > limits.name:
            return f"has a name that no file system holds: {longest} bytes, {limits.name} are allowed"
        if len(parts) > limits.depth:
            return f"lies {len(parts) - 1} folders deep; {limits.depth} are allowed"
        size = len(path.encode("utf-8", "replace"))
        return f"is a path of {size} bytes; {limits.path} are allowed" if size > limits.path else ""

    def _judge_overlap(self, infos: list[zipfile.ZipInfo]) -> None:
        """Members that share bytes make bombs of any size, see David Fifield's zip bomb."""
        end = 0
        for info in sorted(infos, key=lambda info: info.header_offset):
            if info.header_offset < end:
                raise WheelError(
                    self.file.name, f"{shown_path(info.filename)} overlaps another file in the archive"
                )
            end = info.header_offset + _MEMBER + info.compress_size

    @functools.cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All files in the archive's order."""
        return tuple(
            Entry(name=info.filename, size=info.file_size, packed=info.compress_size, crc=info.CRC)
            for info in self._infos.values()
        )

    @functools.cached_property
    def made(self) -> dt.date | None:
        """The day of its youngest file; None where it does not tell, as one that was made reproducibly."""
        days = [info.date_time[:3] for info in self._infos.values() if info.date_time[0] > _NO_DATE]
        with contextlib.suppress(ValueError):
            return dt.date(*max(days)) if days else None
        return None

    def larger_than(self, size: int) -> Mapping[str, tuple[int, int]]:
        """The files with more bytes in the archive, but for modules: where each begins, and surely ends."""
        return {
            info.filename: (info.header_offset, info.header_offset + _MEMBER + info.compress_size)
            for info in self._infos.values()
            if info.compress_size > size and not info.filename.endswith(_READ)
        }

    @functools.cached_property
    def python_bytes(self) -> int:
        """Bytes of all its Python sources."""
        return sum(entry.size for entry in self.entries if entry.name.endswith(".py"))

    def __contains__(self, name: str) -> bool:
        return name in self._infos

    def _info(self, name: str) -> zipfile.ZipInfo:
        if name not in self._infos:
            raise WheelError(self.file.name, f"it holds no {name}")
        return self._infos[name]

    def _copy(self, name: str, target: IO[bytes]) -> None:
        info = self._info(name)
        count = 0
        with self._trouble(f"{name} cannot be inflated"), self._zip.open(info) as source:
            for chunk in self._chunks(info, source):
                count += target.write(chunk)
        if count != info.file_size:
            raise WheelError(self.file.name, f"{name} has {count} bytes instead of {info.file_size}")

    def _chunks(self, info: zipfile.ZipInfo, source: IO[bytes]) -> Iterator[bytes]:
        """The bytes of a file that was just opened, whose own header is read and right."""
        if info.compress_type != zipfile.ZIP_DEFLATED or info.compress_size < _QUICKLY:
            yield from iter(functools.partial(source.read, _CHUNK), b"")
            return
        self._stream.seek(info.header_offset)
        name, extra = _MEMBER_LENGTHS.unpack(self._stream.read(_MEMBER))
        yield from inflated(self._stream, info.header_offset + _MEMBER + name + extra, info)

    def read(self, name: str, *, limit: int = _IN_MEMORY) -> bytes:
        """The bytes of a small file; `WheelError` when it is missing, broken or larger than `limit`."""
        size = self._info(name).file_size
        if size > limit:
            raise WheelError(self.file.name, f"{name} has {size} bytes; {limit} are allowed")
        target = io.BytesIO()
        self._copy(name, target)
        return target.getvalue()

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of a file, at most 4096, unproved; `WheelError` when it is missing or broken."""
        with self._trouble(f"{name} cannot be inflated"), self._zip.open(self._info(name)) as source:
            return source.read(size)

    @contextlib.contextmanager
    def buffer(self, name: str) -> Iterator[Buffer]:
        """The bytes of a file of any size, in memory or mapped; valid inside the block only."""
        if self._info(name).file_size <= _IN_MEMORY:
            yield self.read(name)
            return
        with tempfile.TemporaryFile() as target:
            self._copy(name, target)
            target.flush()
            with mmap.mmap(target.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                yield mapped

    def text(self, name: str) -> str:
        """A metadata file as text; broken encodings become replacement characters."""
        return self.read(name, limit=self.limits.text).decode("utf-8", "replace")

    @functools.cached_property
    def dist_info(self) -> str:
        """Name of the `.dist-info` folder; `WheelError` unless there is exactly one."""
        folders = {name.partition("/")[0] for name in self._infos if "/" in name}
        found = sorted(folder for folder in folders if folder.endswith(".dist-info"))
        if len(found) != 1:
            raise WheelError(self.file.name, f"{len(found)} .dist-info folders; a wheel has one")
        return found[0]

    @functools.cached_property
    def metadata(self) -> WheelMetadata:
        """What METADATA says."""
        try:
            return parse_metadata(self.read(f"{self.dist_info}/METADATA", limit=self.limits.text))
        except ValueError as error:
            raise WheelError(self.file.name, f"METADATA {error}") from error

    @functools.cached_property
    def tags(self) -> tuple[str, ...]:
        """Compatibility tags of the WHEEL file, such as `cp311-cp311-manylinux_2_17_x86_64`."""
        return tuple(
            value.strip()
            for key, _, value in (
                line.partition(":") for line in self.text(f"{self.dist_info}/WHEEL").splitlines()
            )
            if key.strip().lower() == "tag"
        )

    @functools.cached_property
    def record(self) -> Mapping[str, str]:
        """RECORD: installed path to its hash as written, empty where none is given."""
        text = self.text(f"{self.dist_info}/RECORD")
        try:
            rows = list(csv.reader(text.splitlines()))
        except csv.Error as error:
            raise WheelError(self.file.name, f"RECORD cannot be read ({error})") from error
        return {row[0]: row[1] if len(row) > 1 else "" for row in rows if row}

    @functools.cached_property
    def scripts(self) -> Mapping[str, str]:
        """Programs that installers make of its entry points, each with what it calls, if it can be read."""
        file = f"{self.dist_info}/entry_points.txt"
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str  # type: ignore[assignment] # names keep their case
        try:
            parser.read_string(self.text(file) if file in self else "")
        except configparser.Error:
            return {}
        sections = [parser[each] for each in ("console_scripts", "gui_scripts") if parser.has_section(each)]
        return {name: target for section in sections for name, target in section.items()}

    @functools.cached_property
    def library(self) -> Mapping[str, str]:
        """Path below site-packages to the name in the archive, for every file that lands there."""
        found: dict[str, str] = {}
        for name in self._infos:
            top, _, rest = name.partition("/")
            if top.endswith(".data"):
                scheme, _, inner = rest.partition("/")
                if scheme in ("purelib", "platlib") and inner:
                    found[inner] = name
            elif not top.endswith(".dist-info"):
                found[name] = name
        return found

    @functools.cached_property
    def top_level(self) -> tuple[str, ...]:
        """Names that the wheel makes importable, sorted; folders without Python files are left out."""
        found: set[str] = set()
        for path in self.library:
            parts = path.split("/")
            stem, dot, suffix = parts[-1].partition(".")
            if not dot or suffix.rpartition(".")[2] not in ("py", "so", "pyd"):
                continue
            top = stem if len(parts) == 1 else parts[0]
            if top.isidentifier():
                found.add(top)
        return tuple(sorted(found))

    @functools.cached_property
    def binaries(self) -> tuple[str, ...]:
        """Names in the archive of files that look like shared libraries, extension modules included."""
        return tuple(name for name in self._infos if _looks_shared(name))

    @functools.cached_property
    def extension_modules(self) -> Mapping[str, str]:
        """Dotted module name to the name in the archive, for every `.so` or `.pyd` that Python may import."""
        found: dict[str, str] = {}
        for path, name in self.library.items():
            if _SUFFIX.search(path):
                module = module_name(path)
                if module:
                    found[module] = name
        return found


def _folders_above(paths: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def module_name(path: str) -> str:
    """Dotted module of an extension file below site-packages; empty when it cannot be one."""
    *folders, file = path.split("/")
    stem = file.partition(".")[0]
    parts = [*folders, stem]
    return ".".join(parts) if all(part.isidentifier() for part in parts) else ""


def _looks_shared(name: str) -> bool:
    return bool(re.search(r"\.so(?:\.[0-9][^/]*)?$", name))


def _directory(stream: IO[bytes]) -> tuple[int, int] | None:
    """Where a zip's table of contents begins, and its bytes; None where there is none.

    It is looked for where `zipfile` looks, so that both mean the same one.
    """
    size = stream.seek(0, io.SEEK_END)
    begin = max(0, size - _END.size - (1 << 16))
    stream.seek(begin)
    tail = stream.read()
    end = len(tail) - _END.size
    if not (tail[max(end, 0) :].startswith(b"PK\5\6") and tail.endswith(b"\0\0")):
        end = tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) < end + _END.size:
        return None
    (_, length), place = _END.unpack_from(tail, end), begin + end
    before = place - _LOCATOR_64 - _END_64.size
    if before >= 0:
        stream.seek(before)
        signature, length_64 = _END_64.unpack(stream.read(_END_64.size))
        if signature == b"PK\6\6" and stream.read(4) == b"PK\6\7":
            place, length = before, length_64
    return max(place - length, 0), length


def _name_problem(info: zipfile.ZipInfo) -> str:
    name = info.orig_filename
    if name != info.filename or "\\" in name or "\0" in name:
        return "is no portable file name"
    if name.startswith("/") or _DRIVE.match(name):
        return "is an absolute path"
    if not _NOWHERE.isdisjoint(name.split("/")):
        return "leaves the place it is unpacked in"
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "is a symbolic link"
    if kind in (stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK):
        return "is a device, a pipe or a socket"
    if _CONTROL.search(name):
        return "has control characters in its name"
    return ""
