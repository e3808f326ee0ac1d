"""The runs that are under way in a home: what one of them used, nobody takes away from it.

<home>/runs/     a file for each, locked while it lives; its date says when it began
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import time
from collections.abc import Iterator

from envspec.system import locking
from envspec.system.errors import OutsideError
from envspec.system.home import tool_home
from envspec.system.kept import DAY
from envspec.system.scratch import scratch_file

RUNS = "runs"
"""Folder of the home."""


@contextlib.contextmanager
def under_way() -> Iterator[None]:
    """A block in which this process works with what the home holds.

    Where the home cannot be written it is not told to anybody: nobody can remove anything there either.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OutsideError):
            stack.enter_context(scratch_file("run", tool_home() / RUNS))
        yield


def beginnings(home: pathlib.Path) -> list[float]:
    """When each run that is under way began, in seconds since 1970."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for each in sorted((home / RUNS).iterdir()):
            with contextlib.suppress(OSError):
                began = each.stat().st_mtime
                if _lives(each, began):
                    found.append(began)
    return found


def _lives(file: pathlib.Path, began: float) -> bool:
    if not locking.KNOWN:
        return time.time() - began < DAY
    handle = os.open(file, os.O_RDONLY)
    try:
        locking.lock(handle, shared=True, wait=False)
    except BlockingIOError:
        return True
    except OSError:  # a disk that knows no locks
        return time.time() - began < DAY
    else:
        return False
    finally:
        os.close(handle)
