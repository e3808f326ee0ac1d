"""A source tree as one archive: the same contents give the same bytes, whatever their dates and owners.

The archive's sha256 names what was built of it. It is always made from the contents, never from what a disk
says of dates and sizes, so that no edit is ever missed.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pathlib
import re
import stat
import tarfile
from collections.abc import Callable, Iterator, Mapping

from envspec.source.ignored import GitIgnore
from envspec.system.errors import THE_SPEC, OutsideError, Problem, SpecError
from envspec.system.quoting import shown_path

MOST_BYTES = 1 << 30
"""Bytes of one source tree. Larger ones hold data, which no wheel should."""

MOST_FILES = 50_000

_EPOCH = 315532800
"""1980-01-01, the first moment that a zip archive can hold: date of every file."""

TOP = "source"
"""Name of the archive's only folder."""

_TOOLS = re.compile(
    r"\.(git|hg|svn|bzr|venv|mypy_cache|pytest_cache|ruff_cache|tox|nox|hypothesis|eggs|ipynb_checkpoints|idea)"
    r"|\.vscode|__pycache__|node_modules|.*\.egg-info"
)
"""Folders of tools, which are no part of anybody's code."""

_OURS = re.compile(r"envspec(\.[\w.-]+)?\.lock")
_MARKS = (
    "pyvenv.cfg",  # a virtual environment
    "oci-layout",  # an image that was written here
)
_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg")


def tree_folder(path: str, folder: pathlib.Path, where: str) -> pathlib.Path:
    """The folder of a source tree; `folder` is the spec's, `where` the key path of its word.

    Raises `SpecError` when it is not there, leads out of the spec's folder, or holds no project.
    """
    place = folder / path
    try:
        real, top = place.resolve(strict=True), folder.resolve()
    except FileNotFoundError:
        raise _wrong(where, f"./{path} is not there") from None
    except (OSError, RuntimeError) as error:  # a loop of links is either, by the version of Python
        raise _wrong(where, f"./{path} leads nowhere: its links form a loop") from error
    if not real.is_relative_to(top):
        raise _wrong(where, f"./{path} is a link that leaves the folder of the spec")
    if not real.is_dir():
        raise _wrong(where, f"./{path} is neither a folder nor a wheel or archive")
    if not any((real / name).is_file() for name in _PROJECT):
        raise _wrong(where, f"./{path} holds no project: it has no pyproject.toml, setup.py or setup.cfg")
    return real


def _wrong(where: str, message: str) -> SpecError:
    return SpecError(THE_SPEC, (Problem(path=where, message=message),))


def pack_tree(
    tree: pathlib.Path,
    archive: pathlib.Path,
    *,
    within: pathlib.Path,
    everything: bool = False,
    below: str = "",
    added: Mapping[str, str] | None = None,
) -> str:
    """Write the archive of a tree and give its sha256.

    Files that links lead to are packed where they stand below `within`, the spec's folder. `everything` packs
    also what git ignores and what tools leave: for a tree that was exported already. `below` is the folder of
    the archive that the tree stands in, `added` has texts by their path in the archive.

    Raises `SpecError` for a link that leads out and for a tree that is too large, `OutsideError` for a file
    that cannot be read.
    """
    found = dict(_walk(tree, within.resolve(), everything=everything))
    prefix = pathlib.PurePosixPath(TOP, below)
    items: dict[str, Callable[[tarfile.TarFile, str], None]] = {
        str(prefix / path): item for path, item in found.items()
    }
    for path, text in (added or {}).items():
        items[str(pathlib.PurePosixPath(TOP, path))] = _Text(text)
    try:
        with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as packed:
            for path in sorted(items, key=os.fsencode):
                items[path](packed, path)
        with archive.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except UnicodeEncodeError as error:
        raise _refused(tree, f"the name {shown_path(str(error.object))} is no UTF-8: rename it") from error


class _Text:
    def __init__(self, text: str) -> None:
        self._data = text.encode()

    def __call__(self, packed: tarfile.TarFile, path: str) -> None:
        packed.addfile(_entry(path, size=len(self._data)), io.BytesIO(self._data))


class _Link:
    def __init__(self, target: str) -> None:
        self._target = target

    def __call__(self, packed: tarfile.TarFile, path: str) -> None:
        entry = _entry(path)
        entry.type, entry.linkname = tarfile.SYMTYPE, self._target
        packed.addfile(entry)


class _File:
    def __init__(self, file: pathlib.Path) -> None:
        self._file = file

    def __call__(self, packed: tarfile.TarFile, path: str) -> None:
        try:
            with self._file.open("rb") as stream:
                data = stream.read(MOST_BYTES + 1)
                executable = bool(os.fstat(stream.fileno()).st_mode & 0o100)
        except OSError as error:
            raise OutsideError(f"{self._file} cannot be read: {error.strerror}") from error
        packed.addfile(_entry(path, size=len(data), executable=executable), io.BytesIO(data))


def _entry(path: str, *, size: int = 0, executable: bool = False) -> tarfile.TarInfo:
    path.encode()  # it raises for what is no text
    entry = tarfile.TarInfo(path)
    entry.size, entry.mtime, entry.mode = size, _EPOCH, 0o755 if executable else 0o644
    return entry


def _walk(
    tree: pathlib.Path, within: pathlib.Path, *, everything: bool
) -> Iterator[tuple[str, _File | _Link]]:
    """All that is packed of a tree, by its path there."""
    ignored = _Ignored(tree, everything=everything)
    size = count = 0
    for folder, folders, names in os.walk(tree, onerror=_unreadable):
        here = pathlib.Path(folder)
        kept = []
        for name in sorted(folders):
            if ignored.folder(here / name):
                continue
            if (here / name).is_symlink():
                names.append(name)
            else:
                kept.append(name)
        folders[:] = kept
        for name in sorted(names):
            file = here / name
            path = file.relative_to(tree).as_posix()
            if ignored.file(file):
                continue
            item = _item(tree, file, path, within)
            if item is None:
                continue
            with contextlib.suppress(OSError):
                size += file.stat().st_size if isinstance(item, _File) else 0
            count += 1
            if size > MOST_BYTES or count > MOST_FILES:
                raise _refused(
                    tree,
                    f"holds more than {MOST_FILES:,} files, or {MOST_BYTES >> 30} GiB, that count",
                    "list what is no code in .gitignore; data travels by [[copy]] or as models",
                )
            yield path, item


def _item(tree: pathlib.Path, file: pathlib.Path, path: str, within: pathlib.Path) -> _File | _Link | None:
    """What is packed of a file or link; None for what is neither, and for links to nothing outside."""
    if not file.is_symlink():
        return _File(file) if stat.S_ISREG(file.lstat().st_mode) else None
    try:
        real = file.resolve()
        there = real.stat()
    except FileNotFoundError:
        real, there = pathlib.Path(os.path.normpath(file.parent / file.readlink())), None
    except (OSError, RuntimeError) as error:
        raise _refused(tree, f"{path} leads nowhere: its links form a loop") from error
    if there is not None and stat.S_ISREG(there.st_mode) and real.is_relative_to(within):
        return _File(real)
    target = os.path.relpath(real, file.parent.resolve())
    if real.is_relative_to(tree) and not file.readlink().is_absolute():
        return _Link(target)
    if there is None:
        return None  # where it leads there is nothing that could be missed
    out = "the folder of the spec" if not real.is_relative_to(within) else "the tree"
    raise _refused(tree, f"{path} is a link that leaves {out}", "put what it leads to into the tree")


def _refused(tree: pathlib.Path, message: str, hint: str = "") -> SpecError:
    return SpecError(str(tree), (Problem(path="", message=message),), hint=hint)


def _unreadable(error: OSError) -> None:
    raise OutsideError(f"{error.filename} cannot be read: {error.strerror}") from error


class _Ignored:
    """What of a tree is no part of it: what git ignores, what tools leave, what this tool writes."""

    def __init__(self, tree: pathlib.Path, *, everything: bool) -> None:
        self._tree = tree
        self._everything = everything
        self._git = GitIgnore(tree)

    def folder(self, folder: pathlib.Path) -> bool:
        """Whether all of a folder is no part of the tree."""
        if self._everything:
            return folder.name == ".git"
        if _TOOLS.fullmatch(folder.name):
            return True
        if any((folder / mark).is_file() for mark in _MARKS) or _built(folder, self._tree):
            return True
        return self._matches(folder, is_folder=True)

    def file(self, file: pathlib.Path) -> bool:
        """Whether a file is no part of the tree."""
        if self._everything:
            return False
        left = file.suffix in {".pyc", ".pyo"} or _OURS.fullmatch(file.name) is not None
        return left or self._matches(file, is_folder=False)

    def _matches(self, path: pathlib.Path, *, is_folder: bool) -> bool:
        return self._git.ignores(path.relative_to(self._tree).as_posix(), is_folder=is_folder)


def _built(folder: pathlib.Path, tree: pathlib.Path) -> bool:
    """Whether a folder beside the project's settings is what an earlier build left, and no package."""
    if folder.parent != tree or folder.name not in {"build", "dist"} or (folder / "__init__.py").exists():
        return False
    if folder.name == "dist":
        return True
    return any(any(folder.glob(left)) for left in ("lib*", "bdist.*", "temp.*"))


def repository_of(tree: pathlib.Path) -> pathlib.Path | None:
    """The working tree of git that a folder belongs to."""
    return next((folder for folder in (tree, *tree.parents) if (folder / ".git").exists()), None)
