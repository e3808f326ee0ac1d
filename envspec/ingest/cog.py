"""Reads `cog.yaml`."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator
from typing import Any

import yaml

from envspec.ingest.draft import Draft, Install, Wish
from envspec.ingest.pip_words import from_file, from_words
from envspec.system.errors import Problem, SpecError
from envspec.system.quoting import shortened
from envspec.system.reading import read_text

LIMIT = 128 << 10
"""Largest `cog.yaml` in bytes."""

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?")
"""A Debian package, as a spec takes it."""


def read_cog(file: pathlib.Path, _: Wish) -> Draft:
    """The draft that a `cog.yaml` gives. Raises `SpecError`."""
    build = _Build(file, _read(file))
    installs, notes = _installs(build)
    if build.word("gpu").lower() in {"true", "yes", "on"}:
        notes.append(
            "gpu: true asks for a CUDA image; describe it as [variant.cuda] with its own base and index"
        )
    notes += [f"run: {shortened(command)} is not carried over" for command in build.words("run")]
    version = re.match(r"3\.\d{1,2}(?!\d)", build.word("python_version"))
    if not version and build.word("python_version"):
        notes.append(
            f"python_version: {shortened(build.word('python_version'))} is none that a spec can have"
        )
    apt = list(build.words("system_packages"))
    notes += [
        f"system_packages: {shortened(word)} is left out" for word in apt if not _PACKAGE.fullmatch(word)
    ]
    return Draft(
        name=file.absolute().parent.name,
        python=version[0] if version else None,
        apt=tuple(word for word in apt if _PACKAGE.fullmatch(word)),
        installs=tuple(installs),
        remarks=tuple(notes),
    )


def _read(file: pathlib.Path) -> Any:
    """The YAML of a file, every word in it a text: as people wrote `3.10`, and no number of 5,000 digits."""
    try:
        return yaml.load(read_text(file, LIMIT), Loader=yaml.BaseLoader)  # noqa: S506 - makes texts alone
    except RecursionError as error:
        raise SpecError(str(file), (Problem(path="", message="no YAML: nested too deeply"),)) from error
    except (yaml.YAMLError, ValueError) as error:
        raise SpecError(str(file), (Problem(path="", message=f"no YAML: {error}"),)) from error


class _Build:
    """The table `build` of a file, whose entries may be anything."""

    def __init__(self, file: pathlib.Path, data: Any) -> None:
        self.folder = file.parent
        self._file = file
        table = data.get("build") if isinstance(data, dict) else None
        if not isinstance(table, dict):
            raise self._wrong("build", "missing")
        self._table = table

    def word(self, key: str) -> str:
        """The one word that stands there; empty where there is none."""
        found = self._table.get(key) or ""
        if not isinstance(found, str):
            raise self._wrong(f"build.{key}", "must be one word, without items")
        return found

    def words(self, key: str) -> Iterator[str]:
        """The items of a list; a table in it is told by its `command`."""
        found = self._table.get(key) or []
        if not isinstance(found, list):
            raise self._wrong(f"build.{key}", "must be a list")
        for number, item in enumerate(found):
            word = item.get("command", "") if isinstance(item, dict) else item
            if not isinstance(word, str):
                raise self._wrong(f"build.{key}[{number}]", "must be one word, without items")
            yield word

    def _wrong(self, path: str, message: str) -> SpecError:
        return SpecError(str(self._file), (Problem(path=path, message=message),))


def _installs(build: _Build) -> tuple[list[Install], list[str]]:
    installs: list[Install] = []
    notes: list[str] = []
    if words := list(build.words("python_packages")):
        part, more = from_words("packages", words, build.folder)
        installs.append(part)
        notes += more
    if named := build.word("python_requirements"):
        part, more = from_file(build.folder / named)
        installs.append(part)
        notes += more
    return installs, notes
