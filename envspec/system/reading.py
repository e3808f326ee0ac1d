"""Reads files that a user wrote or named: a bounded text, or an error that says why it is none."""

from __future__ import annotations

import os
import pathlib
import stat

from envspec.system.descriptors import CLOEXEC, NONBLOCK
from envspec.system.errors import Problem, SpecError
from envspec.system.quoting import shortened


def read_bytes(file: pathlib.Path, limit: int, *, hint: str = "") -> bytes:
    """What is in `file`, at most `limit` bytes; `hint` is for whoever named a wrong one.

    Pipes and devices, which may have no end, are not read. Raises `SpecError`.
    """

    def wrong(message: str) -> SpecError:
        return SpecError(shortened(str(file)), (Problem(path="", message=message),), hint=hint)

    try:
        # Without waiting for whoever might write to a pipe.
        handle = os.open(file, os.O_RDONLY | NONBLOCK | CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise wrong("a pipe or a device: give a file")
            data = stream.read(limit + 1)
    except OSError as error:
        raise wrong(f"cannot be read: {error.strerror}") from error
    except ValueError as error:  # a name with a null character
        raise wrong(f"cannot be read: {error}") from error
    if len(data) > limit:
        size = f"{limit >> 20} MiB" if limit >> 20 else f"{limit >> 10} KiB"
        raise wrong(f"larger than {size}: this is something else")
    return data


def read_text(file: pathlib.Path, limit: int, *, hint: str = "") -> str:
    """The text of `file`, without a byte order mark. Raises `SpecError`, as `read_bytes` does."""
    data = read_bytes(file, limit, hint=hint)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = Problem(path="", message="not UTF-8: save the file in that encoding", line=line)
        raise SpecError(str(file), (problem,), hint=hint) from error
