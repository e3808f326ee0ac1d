"""How files look from outside, by what the disk says of them, and where notes of that stand below the home.

It loads next to nothing: `seen.py` goes by it, and who only looks whether there is anything to do.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

FILES = "seen"
"""Folder of the home with notes of single files."""
TREES = "trees"
"""Folder of the home with notes of whole folders."""

BYTES = "latin-1"
"""Names of files are any bytes: in notes they stand as this text."""


def key_of(place: str | os.PathLike[str]) -> str:
    """Key of the note of a file or folder."""
    name = hashlib.sha256(os.fsencode(os.path.abspath(place))).hexdigest()  # noqa: PTH100 - no pathlib
    return f"{name[:2]}/{name}"


def signature(there: os.stat_result, sha256: str) -> str:
    """What is noted of a file with these contents."""
    return f"{sha256} {there.st_size} {there.st_mtime_ns} {there.st_ino}"


def tree_digest(tree: str | os.PathLike[str], names: Iterable[str]) -> str:
    """Over kind, size and dates of each file; the date of change cannot be set by programs.

    Raises `OSError` where one is not there.
    """
    digest, top = hashlib.sha256(), os.fsencode(tree) + b"/"
    for name in names:
        one = name.encode(BYTES)
        its = os.lstat(top + one)
        digest.update(
            b"%s\0%d %d %d %d\n" % (one, its.st_mode, its.st_size, its.st_mtime_ns, its.st_ctime_ns)
        )
    return digest.hexdigest()
