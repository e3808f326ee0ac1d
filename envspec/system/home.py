"""Where the tool keeps what it may reuse: downloads, environments, facts. Deleting it loses only time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import logging
import os
import pathlib
import shutil
import stat
from collections.abc import Iterator
from typing import IO

from envspec.system.errors import OutsideError
from envspec.system.interruption import undoing

LOCKS = "locks"
"""Folder of the home with a file for each place that is held now."""

PARTIAL = ".partial"
"""Ends the name of a file under way, which begins with a dot."""

_BUFFER = 1 << 20
"""Bytes gathered before the disk is asked to take them."""

_LOG = logging.getLogger("envspec")


def tool_home() -> pathlib.Path:
    """`$ENVSPEC_HOME`, else `envspec` in the user's cache folder."""
    if chosen := os.environ.get("ENVSPEC_HOME"):
        return pathlib.Path(chosen).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache).absolute() / "envspec"


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
            handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except OSError:
            if below_home(file) is None or stat.S_ISREG(file.lstat().st_mode):
                raise
            throw_away(file, "is no file")
            continue
        try:
            _flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
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


def _flock(handle: int, how: int) -> None:
    try:
        fcntl.flock(handle, how)
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
    name = hashlib.sha256(os.fsencode(place.absolute())).hexdigest()
    file = tool_home() / LOCKS / f"{name}.lock"
    with disk_refusals(file):
        for folder in (place.parent, file.parent):
            make_folder(folder)
        handle = own(file)
        assert handle is not None  # noqa: S101 - it was waited for
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            file.unlink()
        os.close(handle)


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
        with undoing(functools.partial(partial.unlink, missing_ok=True)):
            handle = own(partial)
            assert handle is not None  # noqa: S101 - it was waited for
            with os.fdopen(handle, "wb", buffering=_BUFFER) as stream:
                try:
                    stream.truncate(0)
                    yield stream
                    stream.flush()
                    if synced:
                        os.fsync(stream.fileno())
                    os.fchmod(stream.fileno(), 0o644)
                    if below_home(file) is not None and file.is_dir():
                        throw_away(file, "is a folder")
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
def disk_refusals(place: pathlib.Path) -> Iterator[None]:
    """Turn whatever the disk refuses below `place` into an `OutsideError` that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise OutsideError(
                f"no space left on the disk that holds {place.parent}", hint="free some, or set ENVSPEC_HOME"
            ) from error
        raise OutsideError(f"{place} cannot be written: {error.strerror or error}") from error
