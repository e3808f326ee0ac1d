"""Reads `pdm.lock`, of every version of its form.

Source: https://pdm-project.org/latest/usage/lockfile/. With the strategy `inherit_metadata` each package
tells its groups and its marker; else what is installed is what can be reached from the project.
"""

from __future__ import annotations

import pathlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envspec.ingest.draft import Draft, PinFile, Wish
from envspec.ingest.drafting import Drafting, pip_requirement
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

Package = Mapping[str, Any]
Asked = tuple[str, str, frozenset[str]]


def read_pdm_lock(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a `pdm.lock` gives. Raises `SpecError`."""
    data, packages, lines = lock_tables(file)
    metadata = data.get("metadata")
    table = metadata if isinstance(metadata, dict) else {}
    before = table.get("files")  # where PDM before 2.8 has them, by name and version
    files = before if isinstance(before, dict) else {}

    def held(drafting: Drafting) -> Iterator[Held]:
        here = _here(drafting, packages)
        for number, (package, line) in enumerate(zip(packages, lines, strict=False)):
            name, version = wanted_text(package, "name"), wanted_text(package, "version")
            entries = package.get("files") or files.get(f"{name} {version}")
            pinned = pin_files(entries if isinstance(entries, list) else [])
            word, why = _source_word(drafting, package, pinned) if number in here else ("", ELSEWHERE)
            yield Held(
                name=name,
                version=version,
                files=pinned,
                line=line or None,
                why=why,
                source=word,
                requires=tuple(_requires(package)),
            )

    return drafted_lock(
        file,
        wish,
        lambda drafting: list(held(drafting)),
        manifest=("pyproject.toml", lambda place, asked: draft_pyproject(place, asked)[0]),
        allowed=wanted_text(table, "requires_python") or None,
    )


def _source_word(drafting: Drafting, package: Package, files: Sequence[PinFile]) -> tuple[str, str]:
    name, below = wanted_text(package, "name"), wanted_text(package, "subdirectory")
    if git := wanted_text(package, "git"):
        commit = wanted_text(package, "revision") or wanted_text(package, "ref")
        return git_word(name, git, commit, below), ""
    if place := wanted_text(package, "path"):
        return local_word(drafting, place)
    if url := wanted_text(package, "url"):
        return url_word(name, url, files, below), ""
    return "", ""


def _here(drafting: Drafting, packages: Sequence[Package]) -> AbstractSet[int]:
    asked = asked_words(drafting)
    main = {number for number, package in enumerate(packages) if _is_main(drafting, package)}
    if not asked or any("groups" in package or "sections" in package for package in packages):
        return main
    return _reached(drafting, packages, asked) or main


def _is_main(drafting: Drafting, package: Package) -> bool:
    marker, groups = wanted_text(package, "marker"), package.get("groups", package.get("sections"))
    return is_installed(groups, "default", drafting) and (not marker or bool(drafting.wants(marker)))


def _texts(found: Any) -> list[str]:
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []


def _dependencies(package: Package) -> Iterator[Requirement]:
    """What a package requires; the entry of an extra requires the package itself too."""
    for text in _texts(package.get("dependencies")):
        parsed = pip_requirement(text)
        if parsed is None and (word := _named(text)):
            parsed = pip_requirement(word)
        if parsed is not None:
            yield parsed


def _named(text: str) -> str:
    """The name of a requirement by an address that the standards do not know, such as one with a variable."""
    return text.partition("@")[0].strip() if "@" in text else ""


def _requires(package: Package) -> Iterator[str]:
    """What a package requires; an entry of extras says what those require."""
    extras = _texts(package.get("extras"))
    own = canonicalize_name(wanted_text(package, "name"))
    for parsed in _dependencies(package):
        if canonicalize_name(parsed.name) == own and not parsed.extras:
            continue
        title = parsed.name + (f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else "")
        markers = [f"({parsed.marker})"] if parsed.marker else []
        if not extras:
            yield " ; ".join([title, *markers])
        for extra in extras:
            yield f"{title} ; {' and '.join([*markers, f'extra == {extra!r}'])}"


def _reached(drafting: Drafting, packages: Sequence[Package], asked: Iterable[Asked]) -> set[int]:
    """What can be reached from the words of the project."""
    by_name: dict[str, list[int]] = {}
    for number, package in enumerate(packages):
        by_name.setdefault(canonicalize_name(wanted_text(package, "name")), []).append(number)
        if place := wanted_text(package, "path"):
            by_name.setdefault(place_of(drafting.source(place)[0]), []).append(number)
    reached: set[int] = set()
    waiting = deque(asked)
    done: set[Asked] = set()
    while waiting:
        entry = waiting.popleft()
        if entry in done:
            continue
        done.add(entry)
        name, versions, extras = entry
        wanted = {canonicalize_name(extra) for extra in extras}
        for number in _chosen(drafting, packages, by_name.get(name, ()), versions):
            package = packages[number]
            own = {canonicalize_name(extra) for extra in _texts(package.get("extras"))}
            if own and not own <= wanted:
                continue
            reached.add(number)
            for parsed in _dependencies(package):
                if parsed.marker is None or drafting.wants(str(parsed.marker)):
                    waiting.append(
                        (
                            canonicalize_name(parsed.name),
                            str(parsed.specifier),
                            frozenset(parsed.extras),
                        )
                    )
    return reached


def _chosen(
    drafting: Drafting, packages: Sequence[Package], numbers: Iterable[int], versions: str
) -> list[int]:
    """Those of the packages of one name that are wanted on the target."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    python = drafting.target.markers()["python_full_version"]

    def allows(text: str, version: str) -> bool:
        try:
            return SpecifierSet(text).contains(version, prereleases=True)
        except InvalidSpecifier:
            return True

    there = list(numbers)
    if len({wanted_text(packages[number], "version") for number in there}) < 2:
        return there
    fitting = [
        number
        for number in there
        if allows(versions, wanted_text(packages[number], "version"))
        and allows(wanted_text(packages[number], "requires_python"), python)
    ]
    return fitting or there
