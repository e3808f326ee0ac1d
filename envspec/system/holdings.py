"""What the tool's home holds: each thing that one run may take from another, its size and its last use."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Iterator

from envspec.system import seen
from envspec.system.keeping import KINDS, Kind

_MADE = {"environments/building", "oci/partial", "locks", "runs"}
"""Folders of the home with what is under way, which its owners remove and sweeps look for."""

_NOTES = {"seen", "trees", "oci/index"}
"""Kinds that only speak of others: they go with those."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """One thing that is kept."""

    place: pathlib.Path
    kind: str
    """The place of its kind, as `keeping.py` has it; `other` where it is of none."""
    files: int
    size: int
    """Bytes that its files hold. One that has several names counts for the first of them."""
    used: float
    """When it was used last, in seconds since 1970."""
    last: bool = False
    """Whether it is the environment of a spec that was used last: who works in it need not build it again."""

    @property
    def goes(self) -> bool:
        """Whether it is made anew where it is missed, and can go by itself."""
        return self.kind not in {*_NOTES, "other"}


def holdings(home: pathlib.Path) -> list[Holding]:
    """All that the home holds, by kind; what is under way is nobody's yet and not among it."""
    counted: set[tuple[int, int]] = set()
    found = [each for kind in KINDS for each in _of_kind(home, kind, counted)]
    known = {home / kind.place for kind in KINDS} | {home / place for place in _MADE}
    return [*found, *_others(home, home, known, counted)]


def _of_kind(home: pathlib.Path, kind: Kind, counted: set[tuple[int, int]]) -> Iterator[Holding]:
    top = home / kind.place
    if kind.place == "uv":  # its parts are uv's own business
        if top.is_dir():
            yield _whole(top, kind.place, counted)
    elif kind.folders:
        yield from _folders(home, kind, counted)
    else:
        for file in files_of(home, kind):
            with contextlib.suppress(OSError):
                size, its = _size(file, counted)
                used = max(its.st_mtime, seen.last_use(file))
                yield Holding(place=file, kind=kind.place, files=1, size=size, used=used)


def _folders(home: pathlib.Path, kind: Kind, counted: set[tuple[int, int]]) -> Iterator[Holding]:
    under_way = {home / place for place in _MADE}
    whole = [
        _whole(place, kind.place, counted)
        for place in children(home / kind.place)
        if place.name[0] != "." and place not in under_way
    ]
    newest: dict[str, Holding] = {}
    for each in whole if kind.newest else ():
        name = each.place.name.rpartition("-")[0]
        newest[name] = max(newest.get(name, each), each, key=lambda one: one.used)
    yield from (dataclasses.replace(each, last=each in newest.values()) for each in whole)


def _whole(place: pathlib.Path, kind: str, counted: set[tuple[int, int]]) -> Holding:
    """A folder as one thing; links are not followed."""
    files = size = 0
    for top, _, names in os.walk(place):
        for name in names:
            with contextlib.suppress(OSError):
                files, size = files + 1, size + _size(pathlib.Path(top, name), counted)[0]
    return Holding(place=place, kind=kind, files=files, size=size, used=folder_used(place))


def _others(
    home: pathlib.Path, folder: pathlib.Path, known: set[pathlib.Path], counted: set[tuple[int, int]]
) -> Iterator[Holding]:
    """Files that are of no kind."""
    for each in children(folder):
        if each in known:
            continue
        if each.is_dir() and not each.is_symlink():
            yield from _others(home, each, known, counted)
        else:
            with contextlib.suppress(OSError):
                size, its = _size(each, counted)
                yield Holding(place=each, kind="other", files=1, size=size, used=its.st_mtime)


def _size(file: pathlib.Path, counted: set[tuple[int, int]]) -> tuple[int, os.stat_result]:
    """Bytes that a file adds to those that were counted. Raises `OSError` where it is gone."""
    its = file.lstat()
    same = its.st_dev, its.st_ino
    size = 0 if same in counted else its.st_size
    counted.add(same)
    return size, its


def folder_used(folder: pathlib.Path) -> float:
    """When a folder was used last: by a run, or by the Python of an environment, which reads that file.

    Source: mount(8), `relatime`: disks note that a file was read at least once a day.
    """
    with contextlib.suppress(OSError):
        return max(date_of(folder), (folder / "pyvenv.cfg").stat().st_atime)
    return date_of(folder)


def date_of(place: pathlib.Path) -> float:
    """The date of a file or folder; 0 where there is none."""
    try:
        return place.lstat().st_mtime
    except OSError:
        return 0.0


def children(folder: pathlib.Path) -> list[pathlib.Path]:
    """What stands in a folder, by name."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def files_of(home: pathlib.Path, kind: Kind) -> Iterator[pathlib.Path]:
    """Files of a kind, without those of kinds below it and of what is under way."""
    below = {home / other.place for other in KINDS if other.place.startswith(f"{kind.place}/")}
    for top, folders, names in os.walk(home / kind.place):
        folders[:] = [name for name in folders if pathlib.Path(top, name) not in below]
        yield from (pathlib.Path(top, name) for name in names)
