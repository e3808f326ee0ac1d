"""Which reader a description needs: told by its name and kind."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
from collections.abc import Callable

from envspec.ingest import cog, compose, conda, pipfile, pyproject, requirements, running, serving
from envspec.ingest.docker import reader as dockerfile
from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import is_file
from envspec.ingest.locks import conda_lock, pdm_lock, pipfile_lock, poetry_lock, pylock, uv_lock
from envspec.ingest.tools import setup_files
from envspec.system.errors import UsageError
from envspec.system.quoting import listed, shortened

Reader = Callable[[pathlib.Path, Wish], Draft]


def read_project(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft of a `pyproject.toml` or a `Pipfile`, with the lock beside it where there is one."""
    for name in _LOCKS[file.name.lower()]:
        if is_file(file.parent / name):
            return READERS[name.lower()](file.parent / name, wish)
    return (pipfile.read_pipfile if file.name.lower() == "pipfile" else pyproject.read_pyproject)(file, wish)


_LOCKS = {
    "pyproject.toml": ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"),
    "pipfile": ("Pipfile.lock",),
}
"""The locks that belong to a project's own file, the likeliest first."""


def read_folder(folder: pathlib.Path, wish: Wish) -> Draft:
    """The draft of the best description in a folder: what says most exactly what is installed.

    Raises `UsageError` where there is none, and as its reader does.
    """
    there = [name for name in ORDER if is_file(folder / name)]
    tried: list[str] = []
    for name in there:
        draft = READERS.get(name.lower(), requirements.read_requirements)(folder / name, wish)
        if any(install.requirements for install in draft.installs):
            others = listed(
                [other for other in there if other not in {name, *tried, *_LOCKS.get(name.lower(), ())}]
            )
            said = f"{name} of the folder was read, as it says most exactly what is installed"
            more = f"; there are also: {others}" if others != "none" else ""
            return dataclasses.replace(draft, remarks=(said + more, *draft.remarks))
        tried.append(name)
    raise UsageError(
        f"{folder} holds no description that names anything to install",
        hint=f"it is looked for in {listed(ORDER, most=len(ORDER))}",
    )


ORDER = (
    *("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "pyproject.toml", "Pipfile"),
    *("requirements.lock", "requirements.txt", "requirements.in", "environment.yml", "environment.yaml"),
    *("conda-lock.yml", "setup.py", "setup.cfg", "cog.yaml", "bentofile.yaml", "Dockerfile"),
    *("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"),
)
"""What a folder is looked through for, the most exact first: locks, projects, requirements, images."""

READERS: dict[str, Reader] = {
    "bentofile.yaml": serving.read_bentofile,
    "bentofile.yml": serving.read_bentofile,
    "cog.yaml": cog.read_cog,
    "cog.yml": cog.read_cog,
    "compose.yaml": compose.read_compose,
    "compose.yml": compose.read_compose,
    "config.yaml": serving.read_truss,
    "conda-lock.yml": conda_lock.read_conda_lock,
    "docker-compose.yaml": compose.read_compose,
    "docker-compose.yml": compose.read_compose,
    "dockerfile": dockerfile.read_dockerfile,
    "environment.yaml": conda.read_environment,
    "environment.yml": conda.read_environment,
    "pdm.lock": pdm_lock.read_pdm_lock,
    "pipfile": read_project,
    "pipfile.lock": pipfile_lock.read_pipfile_lock,
    "poetry.lock": poetry_lock.read_poetry_lock,
    "pylock.toml": pylock.read_pylock,
    "pyproject.toml": read_project,
    "setup.cfg": setup_files.read_setup,
    "setup.py": setup_files.read_setup,
    "uv.lock": uv_lock.read_uv_lock,
}
"""The reader of each file that is known by its whole name, in small letters."""


def reader_of(place: pathlib.Path) -> Reader | None:
    """The reader of a file, told by its name; None for what no description is called."""
    name = place.name.lower()
    if name.endswith(("dockerfile", "containerfile")) or name.startswith(("dockerfile", "containerfile")):
        return dockerfile.read_dockerfile
    if name.startswith("pylock.") and name.endswith(".toml"):
        return pylock.read_pylock
    if name in READERS:
        return READERS[name]
    if re.fullmatch(r"(conda-?)?env(ironment)?[\w.-]*\.ya?ml", name):
        return conda.read_environment
    if re.fullmatch(r"(docker-)?compose[\w.-]*\.ya?ml", name):
        return compose.read_compose
    return requirements.read_requirements if name.endswith((".txt", ".in")) else None


def describes(place: pathlib.Path) -> bool:
    """Whether something is a description by its name, and no spec."""
    try:
        return place.is_file() and reader_of(place) is not None
    except OSError:
        return False


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
    if place.is_dir() and (place / "bin" / "python").exists():
        return running.read_interpreter(place / "bin" / "python")
    if place.is_dir():
        return read_folder(place, wish)
    reader = reader_of(place)
    if reader is not None and not place.is_dir():
        return reader(place, wish)
    if place.is_file() and os.access(place, os.X_OK):
        return running.read_interpreter(place)
    raise UsageError(
        f"{place} is nothing that a spec can be made of",
        hint="give a pyproject.toml, a lock, requirements, a Dockerfile, a folder or an interpreter",
    )
