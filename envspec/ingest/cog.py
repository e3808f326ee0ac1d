"""Reads `cog.yaml`."""

from __future__ import annotations

import pathlib
from typing import Any

import yaml

from envspec.ingest.draft import Draft, Install
from envspec.ingest.pip_words import from_file, from_words
from envspec.system.errors import Problem, SpecError


def read_cog(file: pathlib.Path) -> Draft:
    """The draft that a `cog.yaml` gives. Raises `SpecError`."""
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise SpecError(str(file), (Problem(path="", message=f"no YAML: {error}"),)) from error
    build = data.get("build") if isinstance(data, dict) else None
    if not isinstance(build, dict):
        raise SpecError(str(file), (Problem(path="build", message="missing"),))
    installs, notes = _installs(build, file.parent)
    if build.get("gpu"):
        notes.append(
            "gpu: true asks for a CUDA image; describe it as [variant.cuda] with its own base and index"
        )
    notes += [f"run: {command} is not carried over" for command in map(_command, build.get("run") or ())]
    version = build.get("python_version")
    return Draft(
        name=file.absolute().parent.name,
        python=".".join(str(version).split(".")[:2]) if version else None,
        apt=tuple(map(str, build.get("system_packages") or ())),
        installs=tuple(installs),
        notes=tuple(notes),
    )


def _installs(build: dict[str, Any], folder: pathlib.Path) -> tuple[list[Install], list[str]]:
    installs: list[Install] = []
    notes: list[str] = []
    if words := [str(word) for word in build.get("python_packages") or ()]:
        part, more = from_words("packages", words, folder)
        installs.append(part)
        notes += more
    if named := build.get("python_requirements"):
        part, more = from_file(folder / str(named))
        installs.append(part)
        notes += more
    return installs, notes


def _command(entry: Any) -> str:
    return str(entry.get("command", "")) if isinstance(entry, dict) else str(entry)
