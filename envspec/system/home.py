"""Where the tool keeps what it may reuse: downloads, environments, facts. Deleting it loses only time."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import logging
import os
import pathlib
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from typing import IO

from envspec.system import locking
from envspec.system.descriptors import CLOEXEC, DIRECTORY, NOFOLLOW
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
from envspec.system.interruption import undoing
from envspec.system.where import home_folder

LOCKS = "locks"
"""Folder of the home with a file for each place that is held now."""

PARTIAL = ".partial"
"""Ends the name of a file under way, which begins with a dot."""

_BUFFER = 1 << 20
"""Bytes gathered before the disk is asked to take them."""

_LOG = logging.getLogger("envspec")


def tool_home() -> pathlib.Path:
    """The folder, as `where.py` has it. Raises `OutsideError` for a user without a home folder."""
    if (home := home_folder()) is None:
        raise OutsideError(
            "this user has no home folder, so there is no place for what is kept",
            hint="set ENVSPEC_HOME to a folder that this user, and nobody else, may write to",
        )
    return pathlib.Path(home)


def below_home(place: pathlib.Path) -> pathlib.Path | None:
    """The place as it is called inside the home; None where it is elsewhere, and the user's own."""
    try:
        return place.absolute().relative_to(tool_home())
    except ValueError:
        return None


def throw_away(place: pathlib.Path, why: str) -> None:
    """Name something kept that is not right, in one line, and remove it, whatever stands there.

    The line is a warning of the logger `envspec`, which Python prints on standard error unless a program that
    calls this as a library says otherwise. What cannot be removed stays, and counts as absent all the same.
    """
    name = "".join(letter if letter.isprintable() else "?" for letter in str(below_home(place) or place))
    _LOG.warning("kept file %s %s: thrown away, made anew", name, why)
    with contextlib.suppress(OSError):
        remove(place)


def remove(place: pathlib.Path) -> None:
    """Remove a file, a link or a whole folder, also one whose permissions forbid it; or nothing.

    Raises `OSError` where the disk refuses.
    """
    if not place.is_dir() or place.is_symlink():
        place.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(place)
    except PermissionError:
        place.chmod(0o700)
        for top, folders, _ in os.walk(place):
            for each in (pathlib.Path(top, name) for name in folders):
                if not each.is_symlink():
                    each.chmod(0o700)
        shutil.rmtree(place)


def make_folder(folder: pathlib.Path) -> None:
    """Make a folder and those above it; below the home, what stands in their way is thrown away.

    Raises `OSError` where the disk refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        for each in (*reversed(folder.parents), folder):
            if below_home(each) not in {None, pathlib.Path()} and not each.is_dir() and os.path.lexists(each):
                throw_away(each, "is no folder")
        folder.mkdir(parents=True, exist_ok=True)


def own(file: pathlib.Path, *, wait: bool = True, shared: bool = False) -> int | None:
    """Open a file for this process alone, made if it is missing; the kernel frees it when the owner dies.

    With `shared` others may have it so at the same time, and nobody alone. Whoever closes it may remove or
    rename it before: who waited for it then makes a new one. None where somebody else has it and `wait` is
    false. Raises `OSError` where the disk refuses.
    """
    while True:
        try:
            handle = os.open(file, os.O_RDWR | os.O_CREAT | NOFOLLOW | CLOEXEC, 0o644)
        except OSError:
            if below_home(file) is None or stat.S_ISREG(file.lstat().st_mode):
                raise
            throw_away(file, "is no file")
            continue
        try:
            _lock(handle, shared=shared, wait=wait)
            if os.path.samestat(os.fstat(handle), file.lstat()):
                return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except FileNotFoundError:
            pass  # the owner before removed it
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _lock(handle: int, *, shared: bool, wait: bool) -> None:
    try:
        locking.lock(handle, shared=shared, wait=wait)
    except OSError as error:
        if error.errno not in {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}:  # a disk that knows no locks
            raise


@contextlib.contextmanager
def holding(place: pathlib.Path) -> Iterator[None]:
    """Hold a place against every other process of this home; the kernel frees it when the holder dies.

    The place's folder is made if it is missing. The lock is a file below the home, whatever folder that is:
    users get what they asked for, and nothing beside it. It is gone when nobody holds the place. Raises
    `OutsideError` when the disk refuses.
    """
    with disk_refusals(place):
        make_folder(place.parent)
    with holding_now(place, wait=True):
        yield


@contextlib.contextmanager
def holding_now(place: pathlib.Path, *, wait: bool = False) -> Iterator[bool]:
    """As `holding`, but only if nobody else holds the place now: False tells that somebody does."""
    file = lock_of(place)
    with disk_refusals(file):
        make_folder(file.parent)
        handle = own(file, wait=wait)
    if handle is None:
        yield False
        return
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):
            file.unlink()
        os.close(handle)


def lock_of(place: pathlib.Path) -> pathlib.Path:
    """The file below the home by which a place is held."""
    return tool_home() / LOCKS / f"{hashlib.sha256(os.fsencode(place.absolute())).hexdigest()}.lock"


@contextlib.contextmanager
def holding_folder(folder: pathlib.Path) -> Iterator[None]:
    """Hold a folder, which is made if it is missing, against every other process, whatever home that has.

    It is the folder itself that is held: that leaves nothing in it, and needs no right to write there. Raises
    `OutsideError` when the disk refuses.
    """
    with disk_refusals(folder), contextlib.ExitStack() as stack:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(folder, os.O_RDONLY | DIRECTORY)
            stack.callback(os.close, handle)
            locking.lock(handle)
        except OSError:  # disks of the network may know no such thing for folders, and Windows opens none
            stack.enter_context(holding(folder))
        yield


@contextlib.contextmanager
def whole_file(file: pathlib.Path, *, synced: bool = True) -> Iterator[IO[bytes]]:
    """A stream whose bytes become `file` by one rename when the block ends, or nothing of it.

    Until then they stand beside it under one name, which belongs to one writer at a time: what a killed one
    left is taken over by the next. `synced` waits until they stand on the disk: not worth its time for what
    is quickly made again. Raises `OutsideError` when the disk refuses.
    """
    with disk_refusals(file):
        make_folder(file.parent)
        partial = file.with_name(f".{file.name}{PARTIAL}")
        handle = own(partial)
        assert handle is not None  # noqa: S101 - it was waited for
        with (
            undoing(functools.partial(partial.unlink, missing_ok=True)),
            os.fdopen(handle, "wb", buffering=_BUFFER) as stream,
        ):
            try:
                stream.truncate(0)
                yield stream
                stream.flush()
                if synced:
                    os.fsync(stream.fileno())
                if below_home(file) is not None and file.is_dir():
                    throw_away(file, "is a folder")
                if locking.KNOWN:
                    os.fchmod(stream.fileno(), 0o644)
                else:
                    stream.close()  # where nothing is locked, no open file is renamed
                partial.replace(file)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise


def write_atomic(file: pathlib.Path, data: str | bytes) -> None:
    """Write the whole of `file` or nothing of it. Raises `OutsideError` when the disk refuses."""
    with whole_file(file) as stream:
        stream.write(data.encode() if isinstance(data, str) else data)


def write_quickly(file: pathlib.Path, data: bytes) -> None:
    """As `write_atomic`, for what says itself whether it is whole: the disk may take its time."""
    with whole_file(file, synced=False) as stream:
        stream.write(data)


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
        hint = "`envspec cache prune --keep 1GB` frees most of it; or set ENVSPEC_HOME to a larger disk"
        places.append(Place(path=home, setting="ENVSPEC_HOME", hint=hint))
    return tuple(places)


def _temporary() -> str:
    """The folder for temporary files, or the one that was wished for where none can be used."""
    try:
        return tempfile.gettempdir()
    except OSError:
        return os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - as `tempfile` has it


def refused(error: BaseException) -> DiskError | None:
    """What any error that reached the top says of this machine; None for one that is the tool's own."""
    return refusal_of(error, known_places())
