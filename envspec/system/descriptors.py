"""The numbers of open files: how files are opened, and those of the standard streams, which may be closed.

Windows knows none of the ways in which files are opened here, and can do without: they guard against links
and pipes that others put where a file was.
"""

from __future__ import annotations

import os

NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)
CLOEXEC: int = getattr(os, "O_CLOEXEC", 0)
DIRECTORY: int = getattr(os, "O_DIRECTORY", 0)


def fill_standard_streams() -> None:
    """Have closed standard streams lead to nowhere, so that no file opened later takes their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed; the lowest number that is free is the one that is taken
            os.open(os.devnull, os.O_RDWR)
