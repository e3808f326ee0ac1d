"""Reads `Pipfile.lock`. Source: https://pipenv.pypa.io/en/latest/pipfile.html."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from envspec.ingest.draft import Draft, PinFile, Wish
from envspec.ingest.drafting import Drafting, minor_version
from envspec.ingest.entries import LOCK_LIMIT
from envspec.ingest.indexes import bare_url, is_public, plain_url
from envspec.ingest.locks.held import (
    ELSEWHERE,
    Held,
    drafted_lock,
    file_name,
    git_word,
    local_word,
    pin_files,
    url_word,
    wanted_text,
    wrong_lock,
)
from envspec.ingest.pipfile import pipfile_draft
from envspec.system.reading import read_text

_KEY = re.compile(r'\s+"([^"]+)": \{$')


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
    meta = data.get("_meta")
    table = meta if isinstance(meta, dict) else {}
    indexes = _indexes(table)

    def held(drafting: Drafting) -> Iterator[Held]:
        for section in (key for key in data if key != "_meta"):
            entries = data[section]
            for name, entry in entries.items() if isinstance(entries, dict) else ():
                if isinstance(entry, dict):
                    yield _held(drafting, section, name, entry, indexes, lines.get(name))

    requires = table.get("requires")
    version = minor_version(str(requires)) if requires else None
    if wish.python is None and version is not None:
        wish = Wish(python=version, folder=wish.folder)
    return drafted_lock(
        file, wish, lambda drafting: list(held(drafting)), manifest=("Pipfile", pipfile_draft)
    )


def _indexes(meta: Mapping[str, Any]) -> dict[str, str | None]:
    """The address of each source by its name; None for the public index, and for what no spec can have."""
    found: dict[str, str | None] = {}
    sources = meta.get("sources")
    for source in sources if isinstance(sources, list) else ():
        if isinstance(source, dict):
            url, why = plain_url(wanted_text(source, "url"))
            found[wanted_text(source, "name")] = None if why or is_public(url) else bare_url(url)
    return found


def _held(
    drafting: Drafting,
    section: str,
    name: str,
    entry: Mapping[str, Any],
    indexes: Mapping[str, str | None],
    line: int | None,
) -> Held:
    marker, hashes = wanted_text(entry, "markers"), entry.get("hashes")
    files = pin_files({"hash": each} for each in (hashes if isinstance(hashes, list) else ()))
    word, why = "", ELSEWHERE
    if section == "default" and (not marker or bool(drafting.wants(marker))):
        word, why = _source_word(drafting, name, entry, files)
    extras = entry.get("extras")
    return Held(
        name=name,
        version=wanted_text(entry, "version").lstrip("="),
        files=files,
        index_url=indexes.get(wanted_text(entry, "index")),
        line=line,
        why=why,
        source=word,
        extras=tuple(each for each in extras if isinstance(each, str)) if isinstance(extras, list) else (),
    )


def _source_word(
    drafting: Drafting, name: str, entry: Mapping[str, Any], files: tuple[PinFile, ...]
) -> tuple[str, str]:
    below = wanted_text(entry, "subdirectory")
    url = wanted_text(entry, "file")
    if git := wanted_text(entry, "git"):
        return git_word(name, git, wanted_text(entry, "ref"), below), ""
    if "://" in url:
        named = [PinFile(sha256=file.sha256, file=file_name(url)) for file in files[:1]]
        return url_word(name, url, named, below), ""
    if place := wanted_text(entry, "path") or url:
        return local_word(drafting, place, editable=entry.get("editable") is True)
    return "", ""
