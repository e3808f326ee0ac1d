"""The payload's files: which they are, and the digest that says when they changed."""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import shutil
from collections.abc import Iterator

import service
from envspec.spec.model import Part, Service, digest_of
from envspec.system.errors import Problem, SpecError

_LEFT_OUT = {"__pycache__", ".git", ".venv", "venv", "node_modules", ".mypy_cache", ".pytest_cache"}
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
    """The payload as it stands on disk now. Raises `SpecError`."""
    top = payload_root(service_part.source, folder)
    prefix = "service/" if service_part.source is None else ""
    files = tuple(
        PayloadFile(
            path=prefix + file.relative_to(top).as_posix(),
            sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
            executable=os.access(file, os.X_OK),
        )
        for file in _files(top)
    )
    return Payload(files=files)


def _files(top: pathlib.Path) -> Iterator[pathlib.Path]:
    count = 0
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(set(folders) - _LEFT_OUT)
        for name in sorted(names):
            file = pathlib.Path(folder, name)
            if (
                name.endswith(".pyc")
                or _LOCK.fullmatch(name)
                or not file.resolve().is_relative_to(top)
                or not file.is_file()
            ):
                continue
            count += 1
            if count > _LIMIT:
                problem = Problem(path="service.source", message=f"{top} holds more than {_LIMIT} files")
                raise SpecError(str(top), (problem,))
            yield file


def copy_payload(payload: Payload, service_part: Service, folder: pathlib.Path, place: pathlib.Path) -> None:
    """Copy the payload's files below `place`, with plain modes and no dates worth comparing."""
    top = payload_root(service_part.source, folder)
    prefix = "service/" if service_part.source is None else ""
    for file in payload.files:
        target = place / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(top / file.path.removeprefix(prefix), target)
        target.chmod(0o755 if file.executable else 0o644)
