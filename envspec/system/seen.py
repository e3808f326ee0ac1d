"""Files and folders that were found right once, and are read again only where they look otherwise since.

<home>/seen/     of single files: their sha256, and size, date and inode when they last had it
<home>/trees/    of folders: the names of their files, and a digest of what the disk says of each

Whoever changes a file changes its date, if not its size; so what lies there for years is not read in every
run, and what was changed is. A folder is compared without reading: it is made anew where any file changed.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pathlib
import stat
from collections.abc import Iterable

from envspec.system.errors import OutsideError
from envspec.system.home import throw_away, tool_home
from envspec.system.kept import Kept
from envspec.system.looks import BYTES, FILES, TREES, key_of, signature, tree_digest

_Tree = tuple[str, tuple[str, ...]]


def holds(place: pathlib.Path, sha256: str, size: int | None = None, *, read: bool = False) -> bool:
    """Whether a file is there with these contents, and of this size in bytes where that is known.

    What is not right is named and thrown away. The file is read only if its size,
    date or inode is not what it was when it last was right, or with `read`.
    """
    try:
        there = place.stat()
    except OSError:
        if os.path.lexists(place):
            _wrong(place, "leads nowhere")
        return False
    if not stat.S_ISREG(there.st_mode):
        return _wrong(place, "is no file")
    if size is not None and there.st_size != size:
        return _wrong(place, f"has {there.st_size} of {size} bytes")
    if not read and _files(tool_home()).get(key_of(place)) == signature(there, sha256):
        return True
    try:
        with place.open("rb") as stream:
            right = hashlib.file_digest(stream, "sha256").hexdigest() == sha256
            there = os.fstat(stream.fileno())
    except OSError as error:
        return _wrong(place, f"cannot be read ({error.strerror})")
    if right:
        _note(place, there, sha256)
    elif _same(place, there):
        return _wrong(place, "is damaged")
    return right


def note(place: pathlib.Path, sha256: str) -> None:
    """Note that a file, just written, has these contents, so that nobody reads it again."""
    _note(place, place.stat(), sha256)


def note_tree(tree: pathlib.Path, place: pathlib.Path) -> None:
    """Note how the files of a whole folder look, which is about to be renamed to `place`.

    Raises `OutsideError` when the disk refuses.
    """
    names = sorted(_names(tree))
    _trees(tool_home()).put(key_of(place), (tree_digest(tree, names), tuple(names)))


def last_use(place: pathlib.Path) -> float:
    """When a file was found right last, in seconds since 1970, to a minute; 0 where it never was."""
    try:
        return _files(tool_home()).file(key_of(place)).stat().st_mtime
    except OSError:
        return 0.0


def forget(place: pathlib.Path) -> None:
    """Forget a file that is gone for good."""
    with contextlib.suppress(OSError):
        _files(tool_home()).file(key_of(place)).unlink()


def forget_tree(place: pathlib.Path) -> None:
    """Forget a folder that is gone for good."""
    with contextlib.suppress(OSError):
        _trees(tool_home()).file(key_of(place)).unlink()


def settled(place: pathlib.Path) -> bool:
    """Whether a folder that is held by this process stands as it was noted; if not, the place is free now.

    What stood there instead, a folder that nobody noted as well, is named and thrown away.
    """
    state = tree_holds(place)
    if not state and os.path.lexists(place):
        throw_away(place, "has no note of how it was made" if state is None else "is not as it was made")
    return bool(state)


def tree_holds(place: pathlib.Path) -> bool | None:
    """Whether all files that a folder was noted with are as they were; None where it never was.

    What others put beside them since, such as compiled modules, is not looked at.
    """
    known = _trees(tool_home()).get(key_of(place))
    if known is None:
        return None
    try:
        return tree_digest(place, known[1]) == known[0]
    except OSError:
        return False


def _wrong(place: pathlib.Path, why: str) -> bool:
    throw_away(place, why)
    return False


def _same(place: pathlib.Path, there: os.stat_result) -> bool:
    """Whether the place still has the file that was read: another run may have put a good one there."""
    try:
        return os.path.samestat(place.stat(), there)
    except OSError:
        return False


def _note(place: pathlib.Path, there: os.stat_result, sha256: str) -> None:
    try:
        _files(tool_home()).put(key_of(place), signature(there, sha256))
    except OutsideError:
        return  # a home that cannot be written: the file is read again by the next run


def _names(tree: pathlib.Path) -> Iterable[str]:
    """Paths of all that is no folder, links to folders among it, below the tree."""
    top = os.fsencode(tree)
    for folder, folders, files in os.walk(top):
        links = (name for name in folders if os.path.islink(os.path.join(folder, name)))  # noqa: PTH114, PTH118 - bytes
        for name in (*files, *links):
            yield os.path.relpath(os.path.join(folder, name), top).decode(BYTES)  # noqa: PTH118 - bytes


@functools.cache
def _files(home: pathlib.Path) -> Kept[str]:
    return Kept(home / FILES, str)


@functools.cache
def _trees(home: pathlib.Path) -> Kept[_Tree]:
    return Kept(home / TREES, _Tree, packed=True)
