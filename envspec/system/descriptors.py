"""The numbers of the standard streams, which a process may have been started without."""

from __future__ import annotations

import os


def fill_standard_streams() -> None:
    """Have closed standard streams lead to nowhere, so that no file opened later takes their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed; the lowest number that is free is the one that is taken
            os.open(os.devnull, os.O_RDWR)
