"""Reads `pylock.toml` (PEP 751) with the reader of `packaging`."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.pylock import Package, Pylock, PylockUnsupportedVersionError, PylockValidationError

from envspec.ingest.draft import Draft, PinFile, Wish
from envspec.ingest.drafting import Drafting
from envspec.ingest.indexes import bare_url, is_public, plain_url
from envspec.ingest.locks.held import ELSEWHERE, Held, drafted_lock, lock_tables, wrong_lock
from envspec.ingest.pyproject import draft_pyproject


def read_pylock(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a `pylock.toml` gives. Raises `SpecError`."""
    data, _, lines = lock_tables(file)
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


def _held(drafting: Drafting, lock: Pylock, lines: list[int]) -> Iterator[Held]:
    for package, line in zip(lock.packages, lines, strict=False):
        marker = str(package.marker) if package.marker is not None else ""
        here = not marker or _wants(drafting, lock, marker)
        word, why = _source_word(drafting, package)
        url, wrong = plain_url(package.index or "")
        yield Held(
            name=str(package.name),
            version=str(package.version or ""),
            files=tuple(_files(package)),
            index_url=None if wrong or is_public(url) else bare_url(url),
            line=line or None,
            why=why or ("" if here else ELSEWHERE),
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
                file=part.name or (part.url or part.path or "").partition("#")[0].rpartition("/")[2],
                url=part.url or "",
                size=part.size,
            )


def _source_word(drafting: Drafting, package: Package) -> tuple[str, str]:
    name = str(package.name)
    if package.vcs is not None:
        below = f"#subdirectory={package.vcs.subdirectory}" if package.vcs.subdirectory else ""
        address = package.vcs.url or package.vcs.path or ""
        return f"{name} @ {package.vcs.type}+{address}@{package.vcs.commit_id}{below}", ""
    if package.archive is not None:
        digest = package.archive.hashes.get("sha256")
        if package.archive.url:
            return f"{name} @ {package.archive.url}" + (f"#sha256={digest}" if digest else ""), ""
        return drafting.source(package.archive.path or ".")
    if package.directory is not None:
        word, why = drafting.source(package.directory.path)
        return (f"-e {word}" if word and package.directory.editable else word), why
    return "", ""
