"""Which reader a description needs: told by its name and kind."""

from __future__ import annotations

import os
import pathlib

from envspec.ingest import cog, dockerfile, running
from envspec.ingest.draft import Draft
from envspec.ingest.pip_words import from_file
from envspec.system.errors import UsageError
from envspec.system.quoting import shortened


def read_description(place: pathlib.Path) -> Draft:
    """The draft that a file, or an interpreter, gives.

    Raises `UsageError` for what nobody can read here, `SpecError` and `OutsideError` as the readers do.
    """
    try:
        there = place.exists()
    except OSError as error:  # a name that no file can have, or a folder that may not be read
        raise UsageError(f"{shortened(str(place))} cannot be read: {error.strerror}") from error
    if not there:
        raise UsageError(f"{shortened(str(place))} is not there")
    name = place.name.lower()
    if name.endswith("dockerfile") or name.startswith("dockerfile"):
        return dockerfile.read_dockerfile(place)
    if name in {"cog.yaml", "cog.yml"}:
        return cog.read_cog(place)
    if place.is_dir() and (place / "bin" / "python").exists():
        return running.read_interpreter(place / "bin" / "python")
    if name.endswith((".txt", ".in")) and not place.is_dir():
        part, notes = from_file(place)
        return Draft(name=place.absolute().parent.name, installs=(part,), notes=notes)
    if place.is_file() and os.access(place, os.X_OK):
        return running.read_interpreter(place)
    raise UsageError(
        f"{place} is nothing that a spec can be made of",
        hint="give a requirements.txt, a Dockerfile, a cog.yaml or an interpreter",
    )
