"""What a description is: a file that has a reader, a folder of such, or an interpreter."""

from __future__ import annotations

import os
import pathlib

from envspec.ingest import running
from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import is_folder
from envspec.ingest.folder import holds_description, read_folder
from envspec.ingest.readers import reader_of
from envspec.spec.model import FILE_NAME
from envspec.system.errors import UsageError
from envspec.system.quoting import shortened


def describes(place: pathlib.Path) -> bool:
    """Whether something is a description by its name, or a folder with one and without a spec."""
    try:
        if place.is_dir():
            return not os.path.lexists(place / FILE_NAME) and holds_description(place)
        return place.is_file() and reader_of(place) is not None
    except OSError:
        return False


def folder_of(place: pathlib.Path) -> pathlib.Path:
    """The folder of a description, where the spec made of it would stand."""
    return place.absolute() if is_folder(place) else place.absolute().parent


def read_description(place: pathlib.Path, wish: Wish | None = None) -> Draft:
    """The draft that a file, a folder or an interpreter gives.

    Raises `UsageError` for what nobody can read here, `SpecError` and `OutsideError` as the readers do.
    """
    wish = wish or Wish(folder=folder_of(place))
    try:
        there = place.exists()
    except OSError as error:  # a name that no file can have, or a folder that may not be read
        raise UsageError(f"{shortened(str(place))} cannot be read: {error.strerror}") from error
    if not there:
        raise UsageError(f"{shortened(str(place))} is not there")
    if place.is_dir() and (place / "bin" / "python").exists():
        return running.read_interpreter(place / "bin" / "python", wish)
    if place.is_dir():
        return read_folder(place, wish)
    reader = reader_of(place)
    if reader is not None and not place.is_dir():
        return reader(place, wish)
    if place.is_file() and os.access(place, os.X_OK):
        return running.read_interpreter(place, wish)
    raise UsageError(
        f"{place} is nothing that a spec can be made of",
        hint="give a pyproject.toml, a lock, requirements, a Dockerfile, a folder or an interpreter",
    )
