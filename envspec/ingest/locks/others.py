"""Reads `poetry.lock`, `pdm.lock`, `Pipfile.lock` and `conda-lock.yml`."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name

from envspec.ingest.conda import index_name
from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import Drafting, minor_version
from envspec.ingest.entries import LOCK_LIMIT, read_yaml
from envspec.ingest.indexes import bare_url, is_public, plain_url
from envspec.ingest.locks.held import (
    ELSEWHERE,
    Held,
    drafted_lock,
    lock_tables,
    pin_files,
    wanted_text,
    wrong_lock,
)
from envspec.ingest.pipfile import pipfile_draft
from envspec.ingest.pyproject import draft_pyproject
from envspec.ingest.tools.poetry import requirement_text
from envspec.system.reading import read_text

_PYPROJECT = ("pyproject.toml", lambda place, asked: draft_pyproject(place, asked)[0])


def read_poetry_lock(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a `poetry.lock` gives. Raises `SpecError`.

    Source: Poetry 2.1, which writes it; poetry-core has no reader.
    """
    data, packages, lines = lock_tables(file)
    metadata = data.get("metadata")
    table = metadata if isinstance(metadata, dict) else {}
    before = table.get("files")  # where Poetry before 1.3 has them
    files = before if isinstance(before, dict) else {}

    def held(drafting: Drafting) -> list[Held]:
        return list(_of_poetry(drafting, packages, lines, files))

    text, why = requirement_text("python", wanted_text(table, "python-versions") or "*")
    allowed = "" if why else text.removeprefix("python").partition(";")[0].strip()
    return drafted_lock(file, wish, held, manifest=_PYPROJECT, allowed=allowed or None)


def _of_poetry(
    drafting: Drafting, packages: Sequence[Mapping[str, Any]], lines: Sequence[int], before: Mapping[str, Any]
) -> Iterator[Held]:
    for package, line in zip(packages, lines, strict=False):
        name = wanted_text(package, "name")
        marker: Any = package.get("markers")
        groups = package.get("groups")
        if isinstance(marker, dict):
            marker = marker.get("main", next(iter(marker.values()), ""))
        main = not isinstance(groups, list) or _counts(groups, "main", drafting)
        main &= package.get("category", "main") == "main" and package.get("optional") is not True
        holds = not isinstance(marker, str) or not marker or bool(drafting.wants(marker))
        entries = package.get("files") or before.get(name) or []
        source = package.get("source")
        source = source if isinstance(source, dict) else {}
        yield _with_source(
            drafting,
            Held(
                name=name,
                version=wanted_text(package, "version"),
                files=pin_files(entries if isinstance(entries, list) else []),
                line=line or None,
                why="" if holds and main else ELSEWHERE,
            ),
            source,
        )


def _counts(groups: Sequence[Any], main: str, drafting: Drafting) -> bool:
    """Whether a package is in a group that is installed."""
    names = {canonicalize_name(group) for group in groups if isinstance(group, str)}
    return main in names or bool(names & drafting.wish.picked)


def _with_source(drafting: Drafting, held: Held, source: Mapping[str, Any]) -> Held:
    kind, url = wanted_text(source, "type"), wanted_text(source, "url")
    word, why = "", ""
    if kind == "git":
        commit = wanted_text(source, "resolved_reference") or wanted_text(source, "reference")
        word = f"{held.name} @ git+{url}" + (f"@{commit}" if commit else "")
    elif kind == "url":
        word = f"{held.name} @ {url}"
    elif kind in {"directory", "file"}:
        word, why = drafting.source(url or ".")
    elif kind in {"legacy", "pypi"} and url:
        address, wrong = plain_url(url)
        if not wrong and not is_public(address):
            return dataclasses.replace(held, index_url=bare_url(address))
    return dataclasses.replace(held, source=word, why=held.why or why)


def read_pdm_lock(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a `pdm.lock` gives. Raises `SpecError`.

    Source: https://pdm-project.org/latest/usage/lockfile/.
    """
    _, packages, lines = lock_tables(file)

    def held(drafting: Drafting) -> Iterator[Held]:
        for package, line in zip(packages, lines, strict=False):
            marker, groups = wanted_text(package, "marker"), package.get("groups")
            main = not isinstance(groups, list) or _counts(groups, "default", drafting)
            here = main and (not marker or bool(drafting.wants(marker)))
            files = package.get("files")
            word = ""
            if git := wanted_text(package, "git"):
                commit = wanted_text(package, "revision") or wanted_text(package, "ref")
                word = f"{wanted_text(package, 'name')} @ git+{git}" + (f"@{commit}" if commit else "")
            elif place := wanted_text(package, "path"):
                word, _ = drafting.source(place)
            yield Held(
                name=wanted_text(package, "name"),
                version=wanted_text(package, "version"),
                files=pin_files(files if isinstance(files, list) else []),
                line=line or None,
                why="" if here else ELSEWHERE,
                source=word,
            )

    return drafted_lock(file, wish, lambda drafting: list(held(drafting)), manifest=_PYPROJECT)


def read_pipfile_lock(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a `Pipfile.lock` gives. Raises `SpecError`."""
    text = read_text(file, LOCK_LIMIT)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise wrong_lock(file, f"no JSON: {error}") from error
    if not isinstance(data, dict):
        raise wrong_lock(file, "no Pipfile.lock: it holds no table")
    lines = {
        found[1]: number for number, line in enumerate(text.splitlines(), 1) if (found := _KEY.match(line))
    }

    def held(drafting: Drafting) -> Iterator[Held]:
        for section in (key for key in data if key != "_meta"):
            table = data[section]
            for name, entry in table.items() if isinstance(table, dict) else ():
                if not isinstance(entry, dict):
                    continue
                marker = wanted_text(entry, "markers")
                here = section == "default" and (not marker or bool(drafting.wants(marker)))
                hashes = entry.get("hashes")
                word = ""
                if git := wanted_text(entry, "git"):
                    word = f"{name} @ git+{git}@{wanted_text(entry, 'ref')}"
                elif place := wanted_text(entry, "path"):
                    word, _ = drafting.source(place)
                yield Held(
                    name=name,
                    version=wanted_text(entry, "version").lstrip("="),
                    files=pin_files({"hash": each} for each in (hashes if isinstance(hashes, list) else ())),
                    line=lines.get(name),
                    why="" if here else ELSEWHERE,
                    source=word,
                )

    meta = data.get("_meta")
    requires = meta.get("requires") if isinstance(meta, dict) else None
    version = minor_version(str(requires)) if requires else None
    if wish.python is None and version is not None:
        wish = Wish(python=version, folder=wish.folder)
    return drafted_lock(
        file, wish, lambda drafting: list(held(drafting)), manifest=("Pipfile", pipfile_draft)
    )


_KEY = re.compile(r'\s+"([^"]+)": \{$')


def read_conda_lock(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a `conda-lock.yml` gives: versions alone, as conda's files are not those of the index.

    Source: https://conda.github.io/conda-lock/. Raises `SpecError`.
    """
    entries = read_yaml(file)
    drafting = Drafting(file, wish)
    packages = entries.list("package")
    rows = [entry for entry in packages if isinstance(entry, dict)]
    here = [entry for entry in rows if entry.get("platform", "linux-64") == "linux-64"]
    pythons = [str(entry.get("version")) for entry in here if entry.get("name") == "python"]
    if drafting.python is None and pythons:
        drafting.python = minor_version(pythons[0])
    drafting.choose_python(None, file.name)
    step = drafting.step("packages")
    for number, entry in enumerate(packages):
        line, size = entries.line("package", number), entries.size("package", number)
        entries.take("package", number)
        row = entry if isinstance(entry, dict) else {}
        name, version = wanted_text(row, "name"), wanted_text(row, "version")
        text = f"{name} {version}".strip() or "package"
        conda = row.get("manager", "conda") == "conda"
        title = index_name(name) if conda and name else name
        main = row.get("category", "main") == "main"
        if row not in here or not main:
            drafting.leave(text, line, ELSEWHERE, size=size)
        elif name in {"python", "pip", "setuptools", "wheel"}:
            drafting.carry(text, line, size=size)
        elif not title:
            drafting.leave(text, line, "is no package of Python's index", size=size)
        else:
            drafting.require(step, f"{canonicalize_name(title)}=={version}", line, shown=text, size=size)
    drafting.remark("conda's files are not those of the package index: versions are kept, digests are not")
    for path, size in entries.rest():
        drafting.aside(".".join(map(str, path)), entries.line(*path), size=size)
    return drafting.finish()
