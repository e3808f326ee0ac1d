"""Where the tool keeps what it may reuse: downloads, environments, facts. Deleting it loses only time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pathlib
import tempfile
from collections.abc import Iterator

from envspec.system.errors import OutsideError


def home() -> pathlib.Path:
    """`$ENVSPEC_HOME`, else `envspec` in the user's cache folder."""
    if chosen := os.environ.get("ENVSPEC_HOME"):
        return pathlib.Path(chosen).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache).absolute() / "envspec"


@contextlib.contextmanager
def locked(place: pathlib.Path) -> Iterator[None]:
    """Hold `place`.lock against every other process; the kernel frees it when the holder dies."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_atomic(file: pathlib.Path, data: str | bytes) -> None:
    """Write the whole of `file` or nothing of it, whatever happens meanwhile.

    Raises `OutsideError` when the disk refuses.
    """
    body = data.encode() if isinstance(data, str) else data
    with disk(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(body)
                stream.flush()
                os.fsync(stream.fileno())
            pathlib.Path(name).chmod(0o644)
            pathlib.Path(name).replace(file)
        except BaseException:
            pathlib.Path(name).unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def disk(place: pathlib.Path) -> Iterator[None]:
    """Turn whatever the disk refuses below `place` into an `OutsideError` that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise OutsideError(
                f"no space left on the disk that holds {place.parent}", hint="free some, or set ENVSPEC_HOME"
            ) from error
        raise OutsideError(f"{place} cannot be written: {error.strerror or error}") from error
