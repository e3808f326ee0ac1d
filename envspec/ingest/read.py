"""Which reader a description needs: told by its name and kind."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable

from envspec.ingest import cog, conda, pipfile, pyproject, requirements, running
from envspec.ingest.docker import reader as dockerfile
from envspec.ingest.draft import Draft, Wish
from envspec.ingest.tools import setup_files
from envspec.system.errors import UsageError
from envspec.system.quoting import shortened

Reader = Callable[[pathlib.Path, Wish], Draft]

READERS: dict[str, Reader] = {
    "cog.yaml": cog.read_cog,
    "cog.yml": cog.read_cog,
    "environment.yaml": conda.read_environment,
    "environment.yml": conda.read_environment,
    "pipfile": pipfile.read_pipfile,
    "pyproject.toml": pyproject.read_pyproject,
    "setup.cfg": setup_files.read_setup,
    "setup.py": setup_files.read_setup,
}
"""The reader of each file that is known by its whole name, in small letters."""


def read_description(place: pathlib.Path, wish: Wish | None = None) -> Draft:
    """The draft that a file, a folder or an interpreter gives.

    Raises `UsageError` for what nobody can read here, `SpecError` and `OutsideError` as the readers do.
    """
    wish = wish or Wish(folder=place.absolute().parent)
    try:
        there = place.exists()
    except OSError as error:  # a name that no file can have, or a folder that may not be read
        raise UsageError(f"{shortened(str(place))} cannot be read: {error.strerror}") from error
    if not there:
        raise UsageError(f"{shortened(str(place))} is not there")
    name = place.name.lower()
    if place.is_dir() and (place / "bin" / "python").exists():
        return running.read_interpreter(place / "bin" / "python")
    if name in READERS:
        return READERS[name](place, wish)
    if name.endswith(("dockerfile", "containerfile")) or name.startswith(("dockerfile", "containerfile")):
        return dockerfile.read_dockerfile(place, wish)
    if name.endswith((".txt", ".in")) and not place.is_dir():
        return requirements.read_requirements(place, wish)
    if place.is_file() and os.access(place, os.X_OK):
        return running.read_interpreter(place)
    raise UsageError(
        f"{place} is nothing that a spec can be made of",
        hint="give a pyproject.toml, a lock, requirements, a Dockerfile, a folder or an interpreter",
    )
