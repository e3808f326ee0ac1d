"""Temporary folders and files that no run leaves behind, however it ends.

Each is locked while its owner lives. The kernel frees the lock when the owner dies, so that the next run can
tell what nobody owns any more and sweeps it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import re
import stat
import tempfile
import time
from collections.abc import Callable, Iterator

from envspec.system import home, locking
from envspec.system.descriptors import CLOEXEC, NOFOLLOW, NONBLOCK
from envspec.system.errors import OutsideError
from envspec.system.home import disk_refusals, make_folder
from envspec.system.interruption import undoing

_NAME = re.compile(r"envspec-[a-z-]+-[0-9a-f]{16}")
_EARLIER = r"envspec-[a-z-]+-(?=.*[0-9_])(?=.*[a-z])[a-z0-9_]{8}"
"""What earlier versions called theirs, which had no lock: no name that people would choose."""

_ABANDONED = 24 * 3600.0
"""Seconds after which a folder of an earlier version has no owner."""

_ATTEMPTS = 5
"""How often a folder is removed into which another thread may still write."""


@contextlib.contextmanager
def scratch_for_all() -> Iterator[None]:
    """Have all temporary files of this process in one scratch folder, those of libraries and programs too.

    Where there is no room for a folder, none is made.
    """
    before = tempfile.tempdir
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OutsideError):
            tempfile.tempdir = str(stack.enter_context(scratch_folder("run")))
        try:
            yield
        finally:
            tempfile.tempdir = before


@contextlib.contextmanager
def scratch_folder(what: str, below: pathlib.Path | None = None) -> Iterator[pathlib.Path]:
    """A new folder for this process alone, gone after the block; `what` (a-z and dashes) is in its name.

    It stands below the folder for temporary files, or below one that is made if it is missing. The block may
    rename it: what has another name stays. Raises `OutsideError` when the disk refuses.
    """
    with _owned(lambda name: name.mkdir(mode=0o700), what, below) as place:
        yield place


@contextlib.contextmanager
def scratch_file(what: str, below: pathlib.Path | None = None) -> Iterator[pathlib.Path]:
    """A new, empty file for this process alone: as `scratch_folder`."""
    with _owned(lambda name: name.touch(mode=0o600, exist_ok=False), what, below) as place:
        yield place


def sweep_scratch(below: pathlib.Path | None = None, *, earlier: str = _EARLIER) -> None:
    """Remove the scratch of processes that are dead, from the folder for temporary files or from this one.

    What bears a name that earlier versions gave, a regular expression, goes a day after it was last changed.
    """
    with contextlib.suppress(OSError, OutsideError):
        folder = below or _temporary()
        for name in os.listdir(folder):  # noqa: PTH208 - most names are not ours: no paths are made of them
            ours = _NAME.fullmatch(name)
            if ours or re.fullmatch(earlier, name):
                with contextlib.suppress(OSError):  # another run may be sweeping too
                    _sweep(folder / name, None if ours and locking.KNOWN else _ABANDONED)


def remove(place: pathlib.Path) -> None:
    """Remove a folder with all that is in it, or a file, if it is there and as far as the disk allows."""
    for attempt in range(_ATTEMPTS):
        with contextlib.suppress(OSError):
            home.remove(place)
        if not os.path.lexists(place):
            return
        time.sleep(0.01 * attempt)


def _temporary() -> pathlib.Path:
    try:
        return pathlib.Path(tempfile.gettempdir())
    except OSError as error:
        raise OutsideError(
            f"there is no folder for temporary files: {error.strerror}",
            hint="free some space there, or set TMPDIR to a folder that can be written",
        ) from error


@contextlib.contextmanager
def _owned(
    make: Callable[[pathlib.Path], None], what: str, below: pathlib.Path | None
) -> Iterator[pathlib.Path]:
    folder = below or _temporary()
    while True:
        place = folder / f"envspec-{what}-{os.urandom(8).hex()}"
        with undoing(functools.partial(remove, place)):
            try:
                with disk_refusals(place):
                    if below is not None:
                        make_folder(below)
                    make(place)
                with _lock(place) as held:
                    if held:
                        yield place
                        return
            finally:
                remove(place)


@contextlib.contextmanager
def _lock(place: pathlib.Path) -> Iterator[bool]:
    """Hold the lock of a folder or file; False where a sweep was quicker and takes it away."""
    if not locking.KNOWN:
        yield True
        return
    try:
        handle = os.open(place, os.O_RDONLY | CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        held = True
        try:
            locking.lock(handle, wait=False)
        except BlockingIOError:
            held = False
        except OSError:  # some network disks lock no folders; nobody sweeps there either
            pass
        yield held and place.exists()
    finally:
        os.close(handle)


def _sweep(place: pathlib.Path, age: float | None) -> None:
    """Remove it if it is this user's, has no owner, and was not changed for `age` seconds."""
    if not locking.KNOWN:
        if age is not None and time.time() - place.lstat().st_mtime >= age:
            remove(place)
        return
    handle = os.open(place, os.O_RDONLY | NOFOLLOW | NONBLOCK | CLOEXEC)
    try:
        ours = os.fstat(handle)
        if ours.st_uid != os.geteuid() or not (stat.S_ISDIR(ours.st_mode) or stat.S_ISREG(ours.st_mode)):
            return
        if age is not None and time.time() - ours.st_mtime < age:
            return
        locking.lock(handle, wait=False)
        remove(place)
    finally:
        os.close(handle)
