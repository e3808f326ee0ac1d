"""The reader of each kind of description, told by its file's name."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable

from envspec.ingest import cog, compose, conda, pipfile, pyproject, requirements, serving
from envspec.ingest.docker import reader as dockerfile
from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import is_file
from envspec.ingest.locks import conda_lock, pdm_lock, pipfile_lock, poetry_lock, pylock, uv_lock
from envspec.ingest.tools import setup_files

Reader = Callable[[pathlib.Path, Wish], Draft]


def read_project(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft of a `pyproject.toml` or a `Pipfile`, with the lock beside it where there is one."""
    for name in LOCKS[file.name.lower()]:
        if is_file(file.parent / name):
            return READERS[name.lower()](file.parent / name, wish)
    return (pipfile.read_pipfile if file.name.lower() == "pipfile" else pyproject.read_pyproject)(file, wish)


LOCKS = {
    "pyproject.toml": ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"),
    "pipfile": ("Pipfile.lock",),
}
"""The locks that belong to a project's own file, the likeliest first."""

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
    listed = name.endswith((".txt", ".in")) or re.fullmatch(r"requirements[\w.-]*\.lock", name)
    return requirements.read_requirements if listed else None
