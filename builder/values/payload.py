"""The payload's files: which they are, and the digest that says when they changed."""

from __future__ import annotations

import os
import pathlib
import re
import shutil

from pydantic import Field

import service
from builder.values.copied import name_files, read_file
from envspec.spec.model import Service, digest_of
from envspec.spec.part import Part
from envspec.system.errors import Problem, SpecError

_TOOLS = {"__pycache__", ".venv", "venv", "node_modules", ".mypy_cache", ".pytest_cache"}
_LOCK = re.compile(r"envspec(\.[\w.-]+)?\.lock")
"""A spec's own locks, which may stand in the payload's folder and are no part of it."""

_LIMIT = 100_000
"""Files of one payload; a folder with more is some other folder."""


class PayloadFile(Part):
    """One file that travels into the environment."""

    path: str
    """Below the payload's root, `/` between its parts."""
    sha256: str
    executable: bool


class Payload(Part):
    """What an environment carries besides its packages."""

    files: tuple[PayloadFile, ...]
    left_out: tuple[str, ...] = Field(default=(), exclude=True)
    """Files of the folder that stay at home because they hold secrets; folders end with `/`."""

    @property
    def digest(self) -> str:
        """`sha256:...` over names, contents and modes."""
        return digest_of(self.model_dump(mode="json"))


def payload_root(source: str | None, folder: pathlib.Path) -> pathlib.Path:
    """The folder whose content is the payload: `source` below the spec's folder; without it, the service.

    Raises `SpecError` when the spec names a folder that is not there, or leads out of the spec's.
    """
    if source is None:
        return pathlib.Path(service.__file__).resolve().parent
    place = (folder / source).resolve()
    if not place.is_relative_to(folder.resolve()) or not place.is_dir():
        problem = Problem(path="service.source", message=f"{source!r} is no folder of the spec's")
        raise SpecError(str(folder), (problem,))
    return place


def collect_payload(service_part: Service, folder: pathlib.Path) -> Payload:
    """The payload as it stands on disk now. Raises `SpecError`, `OutsideError` for what cannot be read."""
    top = payload_root(service_part.source, folder)
    prefix = "service/" if service_part.source is None else ""
    found = name_files(top, _unwanted, named=service_part.include, most=_LIMIT)
    _refuse_missing(service_part.include, found.files)
    files: list[PayloadFile] = []
    private: list[str] = []
    for path in found.files:
        file = top / path
        if not file.resolve().is_relative_to(top) or not file.is_file():
            continue
        contents = read_file(file)
        if contents.private and path not in service_part.include:
            private.append(path)
        else:
            executable = os.access(file, os.X_OK)
            files.append(PayloadFile(path=prefix + path, sha256=contents.sha256, executable=executable))
    return Payload(files=tuple(files), left_out=tuple(sorted([*found.left_out, *private])))


def _unwanted(name: str, folder: bool) -> bool:
    """Whether a name is of no use in an environment: a cache, a tool's folder, a lock."""
    return name in _TOOLS if folder else name.endswith(".pyc") or _LOCK.fullmatch(name) is not None


def _refuse_missing(named: tuple[str, ...], there: tuple[str, ...]) -> None:
    for number, path in enumerate(named):
        if path not in there:
            place = f"service.include[{number}]"
            raise SpecError(path, (Problem(path=place, message=f"{path!r} is no file of the payload's"),))


def copy_payload(payload: Payload, service_part: Service, folder: pathlib.Path, place: pathlib.Path) -> None:
    """Copy the payload's files below `place`, with plain modes and no dates worth comparing."""
    top = payload_root(service_part.source, folder)
    prefix = "service/" if service_part.source is None else ""
    for file in payload.files:
        target = place / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(top / file.path.removeprefix(prefix), target)
        target.chmod(0o755 if file.executable else 0o644)
