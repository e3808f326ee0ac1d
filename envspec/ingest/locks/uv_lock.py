"""Reads `uv.lock`. Source: uv 0.11 writes it; https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile."""

from __future__ import annotations

import pathlib
import urllib.parse
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name

from envspec.ingest.draft import Draft, PinFile, Wish
from envspec.ingest.drafting import Drafting
from envspec.ingest.indexes import bare_url, is_public, plain_url
from envspec.ingest.locks.held import (
    ELSEWHERE,
    Held,
    asked_words,
    drafted_lock,
    git_word,
    local_word,
    lock_tables,
    pin_files,
    url_word,
    wanted_text,
)
from envspec.ingest.pyproject import draft_pyproject

Package = Mapping[str, Any]

_OWN = ("editable", "virtual", "directory")


def read_uv_lock(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a `uv.lock` gives, with the `pyproject.toml` beside it. Raises `SpecError`."""
    data, packages, lines = lock_tables(file)
    return drafted_lock(
        file,
        wish,
        lambda drafting: list(_held(drafting, packages, lines)),
        manifest=("pyproject.toml", lambda place, asked: draft_pyproject(place, asked)[0]),
        allowed=wanted_text(data, "requires-python") or None,
    )


def _held(drafting: Drafting, packages: Sequence[Package], lines: Sequence[int]) -> Iterable[Held]:
    reached = _reached(drafting, packages)
    for number, (package, line) in enumerate(zip(packages, lines, strict=False)):
        source = package.get("source")
        source = source if isinstance(source, dict) else {}
        name, version = wanted_text(package, "name"), wanted_text(package, "version")
        files = [package["sdist"]] if isinstance(package.get("sdist"), dict) else []
        files += _entries(package.get("wheels"))
        pinned = _files(files, source)
        word, why = "", ELSEWHERE
        if number in reached:
            word, why = _source_word(drafting, name, source, pinned)
        yield Held(
            name=name,
            version=version,
            files=pinned,
            index_url=_index(source),
            line=line or None,
            why=why,
            source=word,
            requires=tuple(_requires(package)),
        )


def _files(entries: Sequence[Any], source: Mapping[str, Any]) -> tuple[PinFile, ...]:
    """The files of a package; that of an address is named by it."""
    url = wanted_text(source, "url")
    return pin_files({"url": url, **entry} if url and isinstance(entry, dict) else entry for entry in entries)


def _requires(package: Package) -> Iterator[str]:
    """What a package requires, as requirements by name, those of its extras included."""
    yield from (_requirement(entry, "") for entry in _entries(package.get("dependencies")))
    optional = package.get("optional-dependencies")
    for extra, entries in (optional if isinstance(optional, dict) else {}).items():
        yield from (_requirement(entry, str(extra)) for entry in _entries(entries))


def _requirement(entry: Any, extra: str) -> str:
    if not isinstance(entry, dict):
        return ""
    extras = ",".join(map(str, _entries(entry.get("extra"))))
    markers = [f"({marker})"] if (marker := wanted_text(entry, "marker")) else []
    markers += [f"extra == '{extra}'"] if extra else []
    return (
        wanted_text(entry, "name")
        + (f"[{extras}]" if extras else "")
        + (f" ; {' and '.join(markers)}" if markers else "")
    )


def _index(source: Mapping[str, Any]) -> str | None:
    url, why = plain_url(wanted_text(source, "registry"))
    return None if why or is_public(url) else bare_url(url)


def _source_word(
    drafting: Drafting, name: str, source: Mapping[str, Any], files: Sequence[PinFile]
) -> tuple[str, str]:
    below = wanted_text(source, "subdirectory")
    if git := wanted_text(source, "git"):
        address, _, commit = git.partition("#")
        address, _, query = address.partition("?")
        below = below or dict(urllib.parse.parse_qsl(query)).get("subdirectory", "")
        return git_word(name, address, commit, below), ""
    if url := wanted_text(source, "url"):
        return url_word(name, url, files, below), ""
    if "virtual" in source:
        return "", "is a project that is no package: what it requires is installed"
    for key in ("editable", "directory", "path"):
        if place := wanted_text(source, key):
            return local_word(drafting, place)
    return "", ""


def _reached(drafting: Drafting, packages: Sequence[Package]) -> set[int]:
    """Which packages the target's environment has, without extras and groups that nobody asks for."""
    by_name: dict[str, list[int]] = {}
    for number, package in enumerate(packages):
        by_name.setdefault(canonicalize_name(wanted_text(package, "name")), []).append(number)
    reached: set[int] = set()
    done: set[tuple[int, str]] = set()
    waiting: deque[Any] = deque()
    own = [
        (number, next((source[key] for key in _OWN if key in source), ""))
        for number, package in enumerate(packages)
        if isinstance(source := package.get("source"), dict) and any(key in source for key in _OWN)
    ]
    roots = [number for number, place in own if place == "."] or [number for number, _ in own]
    asked = asked_words(drafting)
    for number in roots:
        reached.add(number)
        waiting.extend(_entries(packages[number].get("dependencies")))
        waiting.extend(_picked(packages[number], drafting.wish.picked))
    if not roots:
        waiting.extend({"name": name, "extra": sorted(extras)} for name, _, extras in asked)
    if not waiting and not roots:
        return set(range(len(packages)))
    while waiting:
        entry = waiting.popleft()
        if not isinstance(entry, dict) or not _counts(drafting, entry):
            continue
        chosen = ["", *map(str, _entries(entry.get("extra")))]
        for number in by_name.get(canonicalize_name(wanted_text(entry, "name")), ()):
            package = packages[number]
            if any(key in entry and entry[key] != package.get(key) for key in ("version", "source")):
                continue
            if len(by_name[canonicalize_name(wanted_text(entry, "name"))]) > 1 and not _fits(
                drafting, package
            ):
                continue
            reached.add(number)
            for extra in chosen:
                if (number, extra) in done:
                    continue
                done.add((number, extra))
                optional = package.get("optional-dependencies")
                table = optional if isinstance(optional, dict) else {}
                more = table.get(extra) if extra else package.get("dependencies")
                waiting.extend(_entries(more))
    return reached


def _picked(package: Package, names: frozenset[str]) -> Iterable[Any]:
    """What the extras and groups of the project ask for that are installed with it."""
    for key in ("optional-dependencies", "dev-dependencies"):
        table = package.get(key)
        for name, entries in table.items() if isinstance(table, dict) else ():
            yield from _entries(entries) if canonicalize_name(name) in names else ()


def _entries(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _counts(drafting: Drafting, entry: Mapping[str, Any]) -> bool:
    marker = wanted_text(entry, "marker")
    return not marker or bool(drafting.wants(marker))


def _fits(drafting: Drafting, package: Package) -> bool:
    """Whether one of several versions is that of the target."""
    markers = [text for text in _entries(package.get("resolution-markers")) if isinstance(text, str)]
    return not markers or any(drafting.wants(marker) for marker in markers)
