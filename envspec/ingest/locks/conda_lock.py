"""Reads `conda-lock.yml`. Source: https://conda.github.io/conda-lock/.

conda's files are not those of Python's index: of its packages versions are kept, of pip's digests too.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

from packaging.utils import canonicalize_name

from envspec.ingest.conda import index_name
from envspec.ingest.draft import Draft, Pin, PinFile, Wish
from envspec.ingest.drafting import Drafting, Step, minor_version
from envspec.ingest.entries import LOCK_LIMIT, read_yaml
from envspec.ingest.indexes import bare_url, is_public, plain_url
from envspec.ingest.locks.held import (
    ELSEWHERE,
    file_name,
    git_word,
    is_version,
    pin_files,
    url_word,
    wanted_text,
)
from envspec.system.errors import Problem, SpecError
from envspec.system.quoting import listed

_HERE = "linux-64"
"""What conda calls the machine that a lock is read for."""

_BASICS = {"python", "pip", "setuptools", "wheel"}


def read_conda_lock(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a `conda-lock.yml` gives. Raises `SpecError`."""
    entries = read_yaml(file, LOCK_LIMIT)
    drafting = Drafting(file, wish)
    packages = entries.list("package")
    rows = [entry if isinstance(entry, dict) else {} for entry in packages]
    here = [row for row in rows if _is_here(row)]
    others = sorted({str(row.get("platform", _HERE)) for row in rows} - {_HERE})
    if others and not any(row.get("platform", _HERE) == _HERE for row in rows):
        problem = Problem(
            path="", message=f"it holds what {listed(others)} installs, and nothing for {_HERE}"
        )
        hint = f"lock it for {_HERE} too, or give the environment.yml that it was made of"
        raise SpecError(str(file), (problem,), hint=hint)
    pythons = [str(row.get("version")) for row in here if row.get("name") == "python"]
    if drafting.python is None and pythons:
        drafting.python = minor_version(pythons[0])
    drafting.choose_python(None, file.name)
    step = drafting.step("packages")
    by_pip = {canonicalize_name(wanted_text(row, "name")) for row in here if _by_pip(row)}
    pins: dict[str, Pin] = {}
    for number, row in enumerate(rows):
        line, size = entries.line("package", number), entries.size("package", number)
        entries.take("package", number)
        name, version = wanted_text(row, "name"), wanted_text(row, "version")
        text = f"{name} {version}".strip() or "package"
        title = canonicalize_name(name if _by_pip(row) else index_name(name) or "") if name else ""
        if not _is_here(row):
            drafting.leave(text, line, ELSEWHERE, size=size)
        elif name in _BASICS and not _by_pip(row):
            drafting.carry(text, line, size=size)
        elif not title:
            drafting.leave(text, line, "is no package of Python's index", size=size)
        elif not _by_pip(row) and title in by_pip:
            drafting.leave(text, line, "is installed over by pip's own line", size=size)
        elif title in pins:
            drafting.leave(text, line, f"is {title} of the index too, which is held already", size=size)
        elif pin := _pinned(drafting, step, title, row, line, size):
            pins[title] = pin
    if any(not _by_pip(row) for row in here):
        drafting.remark(
            "conda's files are not those of the package index: its versions are kept, with the index's files"
        )
    for path, size in entries.rest():
        drafting.aside(".".join(map(str, path)), entries.line(*path), size=size)
    return drafting.finish(pins=tuple(pins.values()), pinned_by=file.name if pins else "")


def _is_here(row: Mapping[str, Any]) -> bool:
    return bool(row.get("platform", _HERE) == _HERE and row.get("category", "main") == "main")


def _by_pip(row: Mapping[str, Any]) -> bool:
    return bool(row.get("manager", "conda") == "pip")


def _pinned(
    drafting: Drafting, step: Step, title: str, row: Mapping[str, Any], line: int | None, size: int
) -> Pin | None:
    """The pin of a package that the spec asks for; None, with a note, for what it cannot."""
    version, url = wanted_text(row, "version"), wanted_text(row, "url")
    digest = row.get("hash")
    files: tuple[PinFile, ...] = ()
    if _by_pip(row):
        files = pin_files([{"url": url, "hashes": digest if isinstance(digest, dict) else {}}])
    word = ""
    if _by_pip(row) and url.startswith("git+"):
        address, _, commit = url.partition("#")[0].rpartition("@")
        word = git_word(title, address, commit)
    elif _by_pip(row) and not _of_index(url):
        word = url_word(title, url, files)
    elif not is_version(version):
        drafting.leave(f"{title} {version}", line, "has no version that the index can have", size=size)
        return None
    text = f"{wanted_text(row, 'name')} {version}"
    if not drafting.require(step, word or f"{title}=={version}", line, shown=text, size=size):
        return None
    return Pin(name=title, version=version, files=files, word=word)


def _of_index(url: str) -> bool:
    """Whether an address is that of a file of the public index, by the name that its files have there."""
    address, why = plain_url(url.partition("#")[0])
    parts = bare_url(address).split("/") if not why else []
    return not url or is_public(address) or ("packages" in parts and bool(file_name(url)))
