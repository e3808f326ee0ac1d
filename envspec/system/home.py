"""Where the tool keeps what it may reuse: downloads, environments, facts. Deleting it loses only time."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator
from typing import IO

from envspec.system.disk import (
    DiskError,
    Place,
    free_bytes,
    place_of,
    refusal,
    refusal_of,
    refusal_retold,
)
from envspec.system.errors import OutsideError

_BUFFER = 1 << 20
"""Bytes gathered before the disk is asked to take them."""

NO_HOME = pathlib.Path("/nonexistent")
"""The home of users who have none. Source: Debian Policy Manual, 9.2.3, non-existent home directories."""

_YOUNG = 60.0
"""Seconds in which whoever made a file has surely come to hold it."""

_LARGE = ("oci/unpacked", "uv", "contexts")
"""What takes much of a home's room, is nobody's result, and is quickly made anew."""


def tool_home() -> pathlib.Path:
    """`$ENVSPEC_HOME`, else `envspec` in the user's cache folder.

    Raises `OutsideError` for a user without a home folder: a folder that others know of too, such as one in
    `/tmp`, would let them choose what is built.
    """
    if chosen := os.environ.get("ENVSPEC_HOME"):
        return pathlib.Path(chosen).absolute()
    if cache := os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(cache).absolute() / "envspec"
    try:
        home = pathlib.Path.home()
    except RuntimeError:  # a number that no account has
        home = NO_HOME
    if home == NO_HOME:
        raise OutsideError(
            "this user has no home folder, so there is no place for what is kept",
            hint="set ENVSPEC_HOME to a folder that this user, and nobody else, may write to",
        )
    return home.absolute() / ".cache" / "envspec"


def settle_home() -> None:
    """Let `HOME` say that a user has none: where it says nothing, pip ends in a traceback."""
    if os.environ.get("HOME"):
        return
    os.environ.pop("HOME", None)
    try:
        pathlib.Path.home()
    except RuntimeError:
        os.environ["HOME"] = str(NO_HOME)


@contextlib.contextmanager
def holding(place: pathlib.Path) -> Iterator[None]:
    """Hold a place against every other process of this home; the kernel frees it when the holder dies.

    The place's folder is made if it is missing. The lock is a file below the home, whatever folder that is:
    users get what they asked for, and nothing beside it. Raises `OutsideError` when the disk refuses.
    """
    name = hashlib.sha256(os.fsencode(place.absolute())).hexdigest()
    file = tool_home() / "locks" / f"{name}.lock"
    with disk_refusals(file):
        for folder in (place.parent, file.parent):
            folder.mkdir(parents=True, exist_ok=True)
        handle = file.open("a")
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def holding_folder(folder: pathlib.Path) -> Iterator[None]:
    """Hold a folder, which is made if it is missing, against every other process, whatever home that has.

    It is the folder itself that is held: that leaves nothing in it, and needs no right to write there. Raises
    `OutsideError` when the disk refuses.
    """
    with disk_refusals(folder), contextlib.ExitStack() as stack:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        stack.callback(os.close, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:  # disks of the network may know no such thing for folders
            stack.enter_context(holding(folder))
        yield


@contextlib.contextmanager
def whole_file(file: pathlib.Path, *, synced: bool = True) -> Iterator[IO[bytes]]:
    """A stream whose bytes become `file` by one rename when the block ends, or nothing of it.

    `synced` waits until they stand on the disk: not worth its time for what is quickly made again. What runs
    that were killed had begun of a user's file goes. Raises `OutsideError` when the disk refuses.
    """
    with disk_refusals(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with contextlib.suppress(OSError):  # only so that nobody takes it for abandoned
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            _sweep_begun(file, pathlib.Path(name))
            with os.fdopen(handle, "wb", buffering=_BUFFER) as stream:
                yield stream
                stream.flush()
                if synced:
                    os.fsync(stream.fileno())
            pathlib.Path(name).chmod(0o644)
            pathlib.Path(name).replace(file)
        finally:
            pathlib.Path(name).unlink(missing_ok=True)


def _sweep_begun(file: pathlib.Path, own: pathlib.Path) -> None:
    """Remove what killed runs had begun of a user's file; whoever still writes holds what is written.

    An empty one may be so young that it is not held yet. Below the home nobody sees such a thing, and looking
    for it at each write would cost more than it is worth.
    """
    with contextlib.suppress(OSError):
        if file.is_relative_to(tool_home()):
            return
        for left in file.parent.glob(f".{glob.escape(file.name)}.{'[a-z0-9_]' * 8}"):
            told = left.stat()
            if left == own or (not told.st_size and own.stat().st_mtime - told.st_mtime < _YOUNG):
                continue
            with left.open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()


def write_atomic(file: pathlib.Path, data: str | bytes) -> None:
    """Write the whole of `file` or nothing of it. Raises `OutsideError` when the disk refuses."""
    with whole_file(file) as stream:
        stream.write(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def disk_refusals(
    place: pathlib.Path, *, setting: str = "", needed: Callable[[], int] | None = None
) -> Iterator[None]:
    """Turn whatever the disk refuses below `place` into a `DiskError` that says so.

    With the `setting` by which the user chose the place, such as `--output`, errors below it name both.
    `needed` gives the bytes that the block writes, and is asked only when they did not fit.
    """
    free = free_bytes(place) if needed else None
    chosen = Place(path=place, setting=setting, hint=f"free some there, or give {setting} another place")
    try:
        yield
    except OSError as error:
        known = (*known_places(), *([chosen] if setting else ()))
        raise refusal(error, place, known, needed=needed() if needed else 0, free=free) from error
    except DiskError as error:  # of a block within, or of a program, which knew less of the place
        where = chosen if setting else place_of(place, known_places())
        inside = error.path is not None and (chosen.holds(error.path) or error.path == where.path)
        if not inside or not (setting or needed):
            raise
        raise refusal_retold(error, where, needed() if needed else 0, free) from error


def known_places() -> tuple[Place, ...]:
    """The places that every run writes to, as they are set, and what to do when nothing fits into them."""
    places = [
        Place(
            path=pathlib.Path(_temporary()),
            setting="TMPDIR",
            hint="free some there, or set TMPDIR to a folder on a larger disk",
            only=("envspec-", tempfile.gettempprefix(), ".tmp", "pip-", "uv-"),
        )
    ]
    with contextlib.suppress(OutsideError):
        home = tool_home()
        large = [str(place) for name in _LARGE if _holds_much(place := home / name)]
        prune = f": what is in {', '.join(large)} may go, it is made anew" if large else ""
        hint = f"free some there{prune}; or set ENVSPEC_HOME to a folder on a larger disk"
        places.append(Place(path=home, setting="ENVSPEC_HOME", hint=hint))
    return tuple(places)


def _holds_much(folder: pathlib.Path) -> bool:
    with contextlib.suppress(OSError):
        return any(folder.iterdir())
    return False


def _temporary() -> str:
    """The folder for temporary files, or the one that was wished for where none can be used."""
    try:
        return tempfile.gettempdir()
    except OSError:
        return os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - as `tempfile` has it


def refused(error: BaseException) -> DiskError | None:
    """What any error that reached the top says of this machine; None for one that is the tool's own."""
    return refusal_of(error, known_places())
