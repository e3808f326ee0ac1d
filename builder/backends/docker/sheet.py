"""A folder that is brought to what it should hold, writing only what it does not hold already.

A folder of some hundred files is slow to remove and to fill where a disk is busy, and an edit changes one.
"""

from __future__ import annotations

import os
import pathlib
import stat

from builder.values.copying import link_or_copy
from envspec.system.home import remove


class Sheet:
    """A folder under way: what is put is there, and what was not put is gone once it is `done`."""

    def __init__(self, place: pathlib.Path) -> None:
        if place.is_symlink() or not place.is_dir():
            remove(place)
        place.mkdir(parents=True, exist_ok=True)
        self.place = place
        self._wanted = {place}

    def folder(self, path: str) -> pathlib.Path:
        """A folder, by its path below."""
        target = self.place / path
        for each in (*reversed(target.relative_to(self.place).parents[:-1]), target.relative_to(self.place)):
            here = self.place / each
            if here.is_symlink() or (here.exists() and not here.is_dir()):
                remove(here)
            here.mkdir(exist_ok=True)
            self._wanted.add(here)
        return target

    def put(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """A file with these contents."""
        target = self._beside(path)
        if _holds(target, data):
            if stat.S_IMODE(target.lstat().st_mode) != mode:
                target.chmod(mode)
            return
        remove(target)  # it may be a link to what others have
        target.write_bytes(data)
        target.chmod(mode)

    def link(self, path: str, source: pathlib.Path) -> None:
        """A file that is the very one at `source`, or a copy of it with its date."""
        target = self._beside(path)
        there = source.stat()
        try:
            its = target.lstat()
            same = os.path.samestat(its, there)
            copied = its.st_size == there.st_size and its.st_mtime_ns == there.st_mtime_ns
            if stat.S_ISREG(its.st_mode) and (same or copied):
                return
        except FileNotFoundError:
            pass
        remove(target)
        link_or_copy(source, target)

    def done(self) -> None:
        """Remove what was not put."""
        for top, folders, names in os.walk(self.place):
            here = pathlib.Path(top)
            for name in (*folders, *names):
                if here / name not in self._wanted:
                    remove(here / name)
            folders[:] = [name for name in folders if here / name in self._wanted]

    def _beside(self, path: str) -> pathlib.Path:
        parent, _, _ = path.rpartition("/")
        if parent:
            self.folder(parent)
        target = self.place / path
        self._wanted.add(target)
        if target.is_dir() and not target.is_symlink():
            remove(target)
        return target


def _holds(file: pathlib.Path, data: bytes) -> bool:
    """Whether a file of our own, and not a link to anybody else's, has these contents."""
    try:
        its = file.lstat()
        return (
            stat.S_ISREG(its.st_mode)
            and its.st_nlink == 1
            and its.st_size == len(data)
            and file.read_bytes() == data
        )
    except OSError:
        return False
