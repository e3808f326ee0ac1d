"""Reads `poetry.lock`, of every version of its form.

Source: Poetry 1.0 to 2.1, which write it; poetry-core has no reader. Since 2.0 each package tells its groups
and its marker; before, what is installed is what can be reached from the project.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from packaging.utils import canonicalize_name

from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import Drafting, pip_requirement
from envspec.ingest.indexes import bare_url, is_public, plain_url
from envspec.ingest.locks.held import (
    ELSEWHERE,
    Held,
    asked_words,
    drafted_lock,
    git_word,
    is_installed,
    local_word,
    lock_tables,
    pin_files,
    place_of,
    url_word,
    wanted_text,
)
from envspec.ingest.pyproject import draft_pyproject
from envspec.ingest.tools.poetry import requirement_text

Package = Mapping[str, Any]


def read_poetry_lock(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a `poetry.lock` gives. Raises `SpecError`."""
    data, packages, lines = lock_tables(file)
    metadata = data.get("metadata")
    table = metadata if isinstance(metadata, dict) else {}
    lock = _Lock(packages, lines, table)
    text, why = requirement_text("python", wanted_text(table, "python-versions") or "*")
    allowed = "" if why else text.removeprefix("python").partition(";")[0].strip()
    return drafted_lock(
        file,
        wish,
        lambda drafting: list(lock.held(drafting)),
        manifest=("pyproject.toml", lambda place, asked: draft_pyproject(place, asked)[0]),
        allowed=allowed or None,
    )


class _Lock:
    """The packages of a lock."""

    def __init__(
        self, packages: Sequence[Package], lines: Sequence[int], metadata: Mapping[str, Any]
    ) -> None:
        self._packages = packages
        self._lines = lines
        before = metadata.get("files")  # where Poetry before 1.3 has them
        self._files = before if isinstance(before, dict) else {}
        hashes = metadata.get("hashes")  # and before 1.0, without names
        self._hashes = hashes if isinstance(hashes, dict) else {}

    def held(self, drafting: Drafting) -> Iterator[Held]:
        """Each package, and whether it is for the target."""
        here = self._here(drafting)
        for number, (package, line) in enumerate(zip(self._packages, self._lines, strict=False)):
            name = wanted_text(package, "name")
            entries = package.get("files") or self._files.get(name) or []
            bare = [{"hash": text} for text in _texts(self._hashes.get(name))]
            held = Held(
                name=name,
                version=wanted_text(package, "version"),
                files=pin_files(entries if isinstance(entries, list) and entries else bare),
                line=line or None,
                requires=tuple(_requires(package)),
            )
            if number not in here:
                yield dataclasses.replace(held, why=ELSEWHERE)
            else:
                source = package.get("source")
                yield _with_source(drafting, held, source if isinstance(source, dict) else {})

    def _here(self, drafting: Drafting) -> AbstractSet[int]:
        main = {number for number, package in enumerate(self._packages) if _is_main(drafting, package)}
        asked = asked_words(drafting)
        if any("groups" in package for package in self._packages) or not asked:
            return main
        return self._reached(drafting, asked) or main

    def _reached(self, drafting: Drafting, asked: Iterable[tuple[str, str, frozenset[str]]]) -> set[int]:
        """What can be reached from the words of the project, without extras that nobody asks for."""
        by_name: dict[str, list[int]] = {}
        for number, package in enumerate(self._packages):
            by_name.setdefault(canonicalize_name(wanted_text(package, "name")), []).append(number)
            source = package.get("source")
            if isinstance(source, dict) and wanted_text(source, "type") in {"directory", "file"}:
                place = place_of(drafting.source(wanted_text(source, "url") or ".")[0])
                by_name.setdefault(place, []).append(number)
        wanted: dict[str, list[str]] = {}
        waiting = deque(asked)
        done: set[tuple[int, frozenset[str]]] = set()
        while waiting:
            name, versions, extras = waiting.popleft()
            wanted.setdefault(name, []).append(versions)
            numbers = by_name.get(name, [])
            fitting = [each for each in numbers if self._fits(drafting, each, [versions])]
            for number in fitting or numbers:
                if (number, extras) not in done:
                    done.add((number, extras))
                    waiting.extend(_needs(drafting, self._packages[number], extras))
        reached: set[int] = set()
        for name, versions_wanted in wanted.items():
            numbers = by_name.get(name, [])
            fitting = [each for each in numbers if self._fits(drafting, each, versions_wanted)]
            reached.update(fitting[-1:] or numbers[-1:])
        return reached

    def _fits(self, drafting: Drafting, number: int, versions: Iterable[str]) -> bool:
        """Whether a package, one of several of its name, is what is wanted on the target."""
        package = self._packages[number]
        python = drafting.target.markers()["python_full_version"]
        if not _allows(wanted_text(package, "python-versions") or "*", python):
            return False
        return all(_allows(wanted or "*", wanted_text(package, "version")) for wanted in versions)


def _is_main(drafting: Drafting, package: Package) -> bool:
    """Whether a package says itself that it is always installed on the target."""
    groups, marker = package.get("groups"), package.get("markers")
    if not is_installed(groups, "main", drafting):
        return False
    if package.get("category", "main") != "main":
        return False
    if package.get("optional") is True and not isinstance(groups, list):  # later its marker says when
        return False
    if isinstance(marker, dict):
        marker = marker.get("main")
    extras = ("", *drafting.wish.picked)
    return not isinstance(marker, str) or not marker or any(drafting.wants(marker, extra) for extra in extras)


def _dependencies(package: Package) -> Iterator[tuple[str, Mapping[str, Any]]]:
    table = package.get("dependencies")
    for name, wanted in (table if isinstance(table, dict) else {}).items():
        for entry in wanted if isinstance(wanted, list) else [wanted]:
            yield name, (entry if isinstance(entry, dict) else {"version": str(entry)})


def _extras_of(package: Package) -> dict[str, set[str]]:
    """The names of what each extra wants."""
    table = package.get("extras")
    found: dict[str, set[str]] = {}
    for extra, words in (table if isinstance(table, dict) else {}).items():
        parsed = [
            pip_requirement(word.replace(" (", "").replace(")", ""))
            or pip_requirement(word.partition(" ")[0])
            for word in _texts(words)
        ]
        found[canonicalize_name(extra)] = {canonicalize_name(each.name) for each in parsed if each}
    return found


def _needs(
    drafting: Drafting, package: Package, extras: frozenset[str]
) -> Iterator[tuple[str, str, frozenset[str]]]:
    """What a package needs on the target when it is taken with extras."""
    chosen = {canonicalize_name(extra) for extra in extras}
    offered = _extras_of(package)
    by_extra = {name for extra in chosen for name in offered.get(extra, ())}
    for name, entry in _dependencies(package):
        marker = wanted_text(entry, "markers")
        if python := wanted_text(entry, "python"):
            full = drafting.target.markers()["python_full_version"]
            if not _allows(python, full):
                continue
        if marker and not any(drafting.wants(marker, extra) for extra in ("", *chosen)):
            continue
        canonical = canonicalize_name(name)
        if entry.get("optional") is True and canonical not in by_extra:
            continue
        more = frozenset(_texts(entry.get("extras")))
        yield canonical, wanted_text(entry, "version"), more


def _requires(package: Package) -> Iterator[str]:
    """What a package requires, as requirements by name, those of its extras included."""
    offered = _extras_of(package)
    for name, entry in _dependencies(package):
        extras = ",".join(_texts(entry.get("extras")))
        title = f"{name}[{extras}]" if extras else name
        markers = [f"({marker})"] if (marker := wanted_text(entry, "markers")) else []
        if entry.get("optional") is not True:
            yield " ; ".join([title, *markers])
            continue
        if "extra" in marker:
            yield f"{title} ; {marker}"
            continue
        for extra in sorted(extra for extra, names in offered.items() if canonicalize_name(name) in names):
            yield f"{title} ; {' and '.join([*markers, f'extra == {extra!r}'])}"


def _texts(found: Any) -> list[str]:
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []


@functools.lru_cache(maxsize=10_000)
def _allows(constraint: str, version: str) -> bool:
    """Whether a constraint as Poetry writes it allows a version; true where either cannot be read."""
    from poetry.core.constraints.version import Version, parse_constraint  # it takes a while to load

    if len(constraint) > 1000:
        return True
    try:
        return parse_constraint(constraint).allows(Version.parse(version))
    except Exception:  # noqa: BLE001 - Poetry's library has no base of its errors
        return True


def _with_source(drafting: Drafting, held: Held, source: Mapping[str, Any]) -> Held:
    kind, url = wanted_text(source, "type"), wanted_text(source, "url")
    below = wanted_text(source, "subdirectory")
    word, why = "", ""
    if kind == "git":
        commit = wanted_text(source, "resolved_reference") or wanted_text(source, "reference")
        word = git_word(held.name, url, commit, below)
    elif kind == "url":
        word = url_word(held.name, url, held.files, below)
    elif kind in {"directory", "file"}:
        word, why = local_word(drafting, url or ".")
    elif kind in {"legacy", "pypi"} and url:
        address, wrong = plain_url(url)
        if not wrong and not is_public(address):
            return dataclasses.replace(held, index_url=bare_url(address))
    return dataclasses.replace(held, source=word, why=held.why or why)
