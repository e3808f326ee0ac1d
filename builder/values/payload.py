"""The payload's files: which they are, and the digest that says when they changed."""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Iterator

from pydantic import Field

import service
from builder.values.copied import read_file
from builder.values.walk import walk_folder
from envspec.source.ignored import Ignored
from envspec.spec.model import Service, digest_of
from envspec.spec.part import Part
from envspec.system.errors import THE_SPEC, Problem, SpecError

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
    lost: tuple[str, ...] = Field(default=(), exclude=True)
    """Links that lead to no file of the payload, and pipes and the like: none of them travels."""
    outputs: tuple[str, ...] = Field(default=(), exclude=True)
    """What stays at home because this tool wrote it."""

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
        raise SpecError(THE_SPEC, (problem,))
    return place


def collect_payload(service_part: Service, folder: pathlib.Path) -> Payload:
    """The payload as it stands on disk now. Raises `SpecError`, `OutsideError` for what cannot be read."""
    top = payload_root(service_part.source, folder)
    prefix = "service/" if service_part.source is None else ""
    rules = Ignored(folder, service_part.source) if service_part.source is not None else None
    found = walk_folder(top, rules, named=service_part.include, most=_LIMIT, place="service.source")
    _refuse_missing(service_part.include, found.files + found.links)
    files: list[PayloadFile] = []
    private: list[str] = []
    lost = list(found.special)
    for path in sorted((*found.files, *found.links)):
        file = top / path
        if not _is_within(file, top):
            lost.append(path)
            continue
        contents = read_file(file)
        if contents.private and path not in service_part.include:
            private.append(path)
        else:
            executable = os.access(file, os.X_OK)
            files.append(PayloadFile(path=prefix + path, sha256=contents.sha256, executable=executable))
    return Payload(
        files=tuple(files),
        left_out=tuple(sorted([*found.secrets, *private])),
        lost=tuple(sorted(lost)),
        outputs=found.outputs,
    )


def _is_within(file: pathlib.Path, top: pathlib.Path) -> bool:
    try:
        return file.resolve().is_relative_to(top) and file.is_file()
    except (OSError, RuntimeError):  # a link that leads in a circle
        return False


def _refuse_missing(named: tuple[str, ...], there: tuple[str, ...]) -> None:
    for number, path in enumerate(named):
        if path not in there:
            place = f"service.include[{number}]"
            raise SpecError(THE_SPEC, (Problem(path=place, message=f"{path!r} is no file of the payload's"),))


def payload_sources(
    payload: Payload, service_part: Service, folder: pathlib.Path
) -> Iterator[tuple[PayloadFile, pathlib.Path]]:
    """Each file of the payload with where it stands now; `folder` is the spec's."""
    top = payload_root(service_part.source, folder)
    prefix = "service/" if service_part.source is None else ""
    for file in payload.files:
        yield file, top / file.path.removeprefix(prefix)


def copy_payload(payload: Payload, service_part: Service, folder: pathlib.Path, place: pathlib.Path) -> None:
    """Copy the payload's files below `place`, with plain modes and no dates worth comparing."""
    for file, source in payload_sources(payload, service_part, folder):
        target = place / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755 if file.executable else 0o644)
