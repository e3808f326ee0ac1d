"""Folders that one process works in: gone when it is done, and swept when it died before."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

from envspec.system.home import disk_refusals, holding, make_folder, own, remove

_OWNER = ".owner"
"""File inside each that its process holds; the kernel frees it when that dies."""


@contextlib.contextmanager
def scratch_folder(parent: pathlib.Path, prefix: str = "") -> Iterator[pathlib.Path]:
    """A new folder below `parent` for this process alone; it is gone when the block ends.

    What processes that are dead left beside it under the same prefix is swept. Raises `OutsideError` when the
    disk refuses.
    """
    with disk_refusals(parent), holding(parent / f".{prefix}{_OWNER}"):
        make_folder(parent)
        _sweep(parent, prefix)
        folder = pathlib.Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
        owned = own(folder / _OWNER)
    assert owned is not None  # noqa: S101 - nobody else knows of it yet
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):
            remove(folder)
        os.close(owned)


def sweep(parent: pathlib.Path, prefix: str = "") -> None:
    """Remove the scratch folders below `parent` whose owners are dead, and what else stands there so.

    Raises `OutsideError` when the disk refuses.
    """
    with contextlib.suppress(OSError):
        if any(_below(parent, prefix)):
            with holding(parent / f".{prefix}{_OWNER}"):
                _sweep(parent, prefix)


def _sweep(parent: pathlib.Path, prefix: str) -> None:
    for each in _below(parent, prefix):
        if _dead(each):
            with contextlib.suppress(OSError):
                remove(each)


def _below(parent: pathlib.Path, prefix: str) -> Iterator[pathlib.Path]:
    if parent.is_dir():
        yield from (each for each in parent.iterdir() if each.name.startswith(prefix))


def _dead(place: pathlib.Path) -> bool:
    """Whether nobody works there any more, or nobody ever did."""
    owner = place / _OWNER
    if not owner.is_file():
        return True
    handle = own(owner, wait=False)
    if handle is not None:
        os.close(handle)
    return handle is not None
