"""Reads RECORD, the list of a distribution's files. Source: the recording-installed-packages standard."""

from __future__ import annotations

import csv

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os


def read_record(file: str | os.PathLike[str], errors: str = "replace") -> list[list[str]] | None:
    """Every row as [path, hash, size], what is left out empty; None where there is no list, or none to read.

    `errors` says what becomes of bytes that are no UTF-8, as `open` takes it.
    """
    try:
        with open(file, newline="", encoding="utf-8", errors=errors) as stream:
            return [(row + ["", ""])[:3] for row in csv.reader(stream) if row and row[0]]
    except (OSError, csv.Error):
        return None
