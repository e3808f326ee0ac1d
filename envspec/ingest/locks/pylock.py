"""Reads `pylock.toml` (PEP 751) with the reader of `packaging`."""

from __future__ import annotations

import datetime as dt
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.pylock import Package, Pylock, PylockUnsupportedVersionError, PylockValidationError
from packaging.utils import canonicalize_name

from envspec.ingest.draft import Draft, PinFile, Wish
from envspec.ingest.drafting import Drafting
from envspec.ingest.indexes import bare_url, is_public, plain_url
from envspec.ingest.locks.held import (
    ELSEWHERE,
    Held,
    drafted_lock,
    file_name,
    git_word,
    local_word,
    lock_tables,
    url_word,
    wrong_lock,
)
from envspec.ingest.pyproject import draft_pyproject


def read_pylock(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a `pylock.toml` gives. Raises `SpecError`."""
    data, packages, lines = lock_tables(file)
    _forgive(packages)
    try:
        lock = Pylock.from_dict(data)
    except (PylockValidationError, PylockUnsupportedVersionError) as error:
        raise wrong_lock(file, f"no pylock.toml: {error}") from error
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise wrong_lock(file, f"no pylock.toml: {' '.join(str(error).split())}") from error
    allowed = str(lock.requires_python) if lock.requires_python is not None else None
    return drafted_lock(
        file,
        wish,
        lambda drafting: list(_held(drafting, lock, lines)),
        manifest=("pyproject.toml", lambda place, asked: draft_pyproject(place, asked)[0]),
        allowed=allowed,
    )


def _forgive(packages: Iterable[dict[str, Any]]) -> None:
    """Mend what some tools write otherwise than the standard has it, and what decides nothing here.

    pipenv writes names as they are spelled, and moments as texts.
    """
    for package in packages:
        if isinstance(package.get("name"), str):
            package["name"] = canonicalize_name(package["name"])
        wheels = package.get("wheels")
        for part in [package.get("sdist"), *(wheels if isinstance(wheels, list) else ())]:
            if isinstance(part, dict) and not isinstance(part.get("upload-time"), dt.datetime):
                part.pop("upload-time", None)


def _held(drafting: Drafting, lock: Pylock, lines: list[int]) -> Iterator[Held]:
    for package, line in zip(lock.packages, lines, strict=False):
        marker = str(package.marker) if package.marker is not None else ""
        here = not marker or _wants(drafting, lock, marker)
        files = (*_files(package), *_archive(package))
        word, why = _source_word(drafting, package, files) if here else ("", ELSEWHERE)
        url, wrong = plain_url(package.index or "")
        yield Held(
            name=str(package.name),
            version=str(package.version or ""),
            files=files,
            index_url=None if wrong or is_public(url) else bare_url(url),
            line=line or None,
            why=why,
            source=word,
        )


def _wants(drafting: Drafting, lock: Pylock, marker: str) -> bool:
    """Whether a marker holds with the default groups and without extras."""
    groups = frozenset(lock.default_groups or ())
    environment: dict[str, str | AbstractSet[str]] = {**drafting.target.markers()}
    environment |= {"extras": frozenset(), "dependency_groups": groups}
    try:
        return bool(Marker(marker).evaluate(environment, context="lock_file"))
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, ValueError):
        return False


def _files(package: Package) -> Iterator[PinFile]:
    for part in [*(package.wheels or ()), *([package.sdist] if package.sdist else ())]:
        digest = part.hashes.get("sha256")
        if digest:
            yield PinFile(
                sha256=digest.lower(),
                file=part.name or file_name(part.url or part.path or ""),
                url=part.url or "",
                size=part.size,
            )


def _archive(package: Package) -> Iterator[PinFile]:
    archive = package.archive
    if archive is not None and "sha256" in archive.hashes:
        place = archive.url or archive.path or ""
        yield PinFile(sha256=archive.hashes["sha256"].lower(), file=file_name(place), size=archive.size)


def _source_word(drafting: Drafting, package: Package, files: Sequence[PinFile]) -> tuple[str, str]:
    name, vcs, archive = str(package.name), package.vcs, package.archive
    if vcs is not None:
        if vcs.type != "git":
            return "", f"comes from a repository of {vcs.type}, which no spec names"
        return git_word(name, vcs.url or vcs.path or "", vcs.commit_id, vcs.subdirectory or ""), ""
    if archive is not None and archive.url:
        return url_word(name, archive.url, files, archive.subdirectory or ""), ""
    if archive is not None:
        return local_word(drafting, archive.path or ".")
    if package.directory is not None:
        return local_word(drafting, package.directory.path, editable=package.directory.editable is True)
    return "", ""
