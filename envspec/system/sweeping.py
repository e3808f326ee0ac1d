"""Keeps the tool's home small: what killed runs left goes at once, what nobody uses in a month."""

from __future__ import annotations

import collections
import contextlib
import os
import pathlib
import time
from collections.abc import Iterator

from envspec.system import seen
from envspec.system.errors import OutsideError
from envspec.system.holdings import children, date_of, files_of, folder_used
from envspec.system.home import LOCKS, PARTIAL, holding_now, own, remove, tool_home, write_quickly
from envspec.system.keeping import KINDS, Kind
from envspec.system.kept import DAY
from envspec.system.scratch import sweep_scratch

SCRATCH = (
    ("environments/building", ".*"),
    ("runs", "(?!)"),
    ("payloads", r"\.payload-.*"),
    ("oci/partial", ".*"),
    ("oci/unpacked", r"\.unpacking-.*"),
)
"""Where in the home scratch stands, and how earlier versions called theirs."""

STAMP = "swept"
"""File of the home whose date says when it was last looked through."""


def sweep_home() -> None:
    """Remove what killed runs left, and once a day what was not used for long. A living run loses nothing.

    A home that cannot be written, or that is not there, is left alone.
    """
    home = tool_home()
    with contextlib.suppress(OSError, OutsideError):
        for place, earlier in SCRATCH:
            sweep_scratch(home / place, earlier=earlier)
        for lock in children(home / LOCKS):
            if (handle := own(lock, wait=False)) is not None:
                remove(lock)
                os.close(handle)
        now = time.time()
        if home.is_dir() and now - date_of(home / STAMP) > DAY:
            write_quickly(home / STAMP, b"")
            remove_unused(home, now)


def remove_unused(home: pathlib.Path, now: float) -> None:
    """Remove what was not used for as many days as its kind may be; `now` is in seconds since 1970.

    Raises `OSError` and `OutsideError` when the disk refuses.
    """
    for kind in KINDS:
        for file in () if kind.folders else files_of(home, kind):
            left = file.name.startswith(".") and file.name.endswith(PARTIAL)  # by a writer that was killed
            days = 1 if left else kind.days
            if days is not None and now - max(date_of(file), seen.last_use(file)) > days * DAY:
                file.unlink(missing_ok=True)
        for place in tuple(_unused_folders(home, kind, now)) if kind.folders else ():
            with holding_now(place) as held:
                if held:
                    remove(place)
                    seen.forget_tree(place)


def _unused_folders(home: pathlib.Path, kind: Kind, now: float) -> Iterator[pathlib.Path]:
    scratch = {home / place for place, _ in SCRATCH}
    there = [each for each in children(home / kind.place) if each.name[0] != "." and each not in scratch]
    newer: collections.Counter[str] = collections.Counter()
    for place in sorted(there, key=folder_used, reverse=True):
        name = place.name.rpartition("-")[0]
        days = kind.days if not kind.newest or newer[name] < kind.newest else 1
        somebodys = kind.newest and not newer[name]  # who works in it need not build it again
        newer[name] += 1
        if days is not None and not somebodys and now - folder_used(place) > days * DAY:
            yield place
