"""Leaves files out of what was installed, and keeps each RECORD true to what is there.

Works in build steps too: only the standard library, and what Python 3.8 understands.
"""

from __future__ import annotations

import contextlib
import csv
import pathlib
import re
from collections.abc import Callable

from .record import read_record

_KEPT = "surrogateescape"
"""What becomes of bytes that are no UTF-8: they are written as they were read."""


def trim(site: pathlib.Path, expression: str) -> int:
    """Remove the files of every RECORD below `site` whose path matches as a whole, and their lines.

    `expression` is a regular expression (`envspec.system.pattern.expression`); gives the bytes saved.
    """
    matches = re.compile(expression).fullmatch
    return sum(_trim_one(site, record, matches) for record in sorted(site.glob("*.dist-info/RECORD")))


def _trim_one(site: pathlib.Path, record: pathlib.Path, matches: Callable[[str], object]) -> int:
    rows = read_record(record, errors=_KEPT) or []
    left_out = {row[0] for row in rows if _below(row[0]) and matches(row[0])}
    if not left_out:
        return 0
    saved = 0
    for path in sorted(left_out):
        file = site / path
        with contextlib.suppress(FileNotFoundError):
            saved += file.lstat().st_size
            file.unlink()
        _sweep(file.parent, site)
    kept = [row for row in rows if row[0] not in left_out]
    record.unlink()  # it may be one file with an installer's own copy, which stays as it is
    with record.open("w", newline="", encoding="utf-8", errors=_KEPT) as stream:
        csv.writer(stream, lineterminator="\n").writerows(kept)
    return saved


def _below(path: str) -> bool:
    """Whether a path stays in site-packages, and is not what installers know the package by."""
    parts = pathlib.PurePosixPath(path).parts
    bookkeeping = len(parts) == 2 and parts[0].endswith(".dist-info") and parts[1] in {"METADATA", "RECORD"}
    return not path.startswith("/") and ".." not in parts and not bookkeeping


def _sweep(folder: pathlib.Path, site: pathlib.Path) -> None:
    """Remove folders that became empty, up to site-packages."""
    while folder != site and site in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
