"""Where the tool keeps what it may reuse: downloads, environments, facts. Deleting it loses only time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import IO

from envspec.system.errors import OutsideError
from envspec.system.interruption import undoing

_BUFFER = 1 << 20
"""Bytes gathered before the disk is asked to take them."""


def tool_home() -> pathlib.Path:
    """`$ENVSPEC_HOME`, else `envspec` in the user's cache folder."""
    if chosen := os.environ.get("ENVSPEC_HOME"):
        return pathlib.Path(chosen).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache).absolute() / "envspec"


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
def whole_file(file: pathlib.Path, *, synced: bool = True) -> Iterator[IO[bytes]]:
    """A stream whose bytes become `file` by one rename when the block ends, or nothing of it.

    `synced` waits until they stand on the disk: not worth its time for what is quickly made again. Raises
    `OutsideError` when the disk refuses.
    """
    with disk_refusals(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        partial = pathlib.Path(name)
        with undoing(functools.partial(partial.unlink, missing_ok=True)):
            try:
                with os.fdopen(handle, "wb", buffering=_BUFFER) as stream:
                    yield stream
                    stream.flush()
                    if synced:
                        os.fsync(stream.fileno())
                partial.chmod(0o644)
                partial.replace(file)
            finally:
                partial.unlink(missing_ok=True)


def write_atomic(file: pathlib.Path, data: str | bytes) -> None:
    """Write the whole of `file` or nothing of it. Raises `OutsideError` when the disk refuses."""
    with whole_file(file) as stream:
        stream.write(data.encode() if isinstance(data, str) else data)


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
