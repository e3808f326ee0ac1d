"""The layers of what a spec copies: each file at its place on the base, with its owner and its mode.

Both image backends take the very same layers, so that equal copies are equal files in both.
"""

from __future__ import annotations

import dataclasses
import pathlib
import posixpath
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from builder.inside import places
from builder.oci.store.blobs import Blobs, Layer
from builder.oci.store.lookup import Standing
from builder.oci.store.pieces import Piece, layer_of_pieces
from builder.oci.store.tar import Kind, TarEntry, folder_entry
from builder.values.copies import CopiedFile, PlannedCopy, folders_above, within
from envspec.system.errors import THE_SPEC, BuildError, Problem, SpecError

COPY = "copy to "
"""Begins the title of a copy's layer."""

_LINKS = 40
"""Links on the way to a place that are followed, as the kernel does. Source: path_resolution(7)."""


class BaseFiles(Protocol):
    """What an image's base has, as far as copies depend on it."""

    def standing(self, wanted: Collection[str]) -> Mapping[str, Standing]:
        """What stands at each of those absolute paths that exist.

        A path below a link is not there: the link says where to look.
        """

    def passwd(self) -> str:
        """Its `/etc/passwd`; empty without one."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SettledCopy:
    """A copy on a base: all entries of its layer."""

    goal: str
    """Where it goes, for people."""
    entries: tuple[tuple[TarEntry, CopiedFile | None], ...]
    """Each with the file that it is made of; None for folders and links."""
    present: frozenset[str]
    """Folders that are there before, without their leading `/`."""


def settle_copies(
    copies: Sequence[PlannedCopy], base: BaseFiles, *, payload: bool = False
) -> tuple[SettledCopy, ...]:
    """Where the copies go on that base, and whose they are.

    A folder that is there stays as it is, and that of a payload is root's. Raises `SpecError` for an owner
    that the base does not know, and for a file and a folder that would take each other's place.
    """
    if not copies:
        return ()
    placed = [{within(places.PAYLOAD, file.path): file for file in copy.files} for copy in copies]
    goals = [within(places.PAYLOAD, copy.to) for copy in copies]
    standing = _followed(placed, goals, base)
    there = {path: _as_entry(path, what) for path, what in standing.items() if what.kind == "folder"}
    settled = []
    for number, (copy, files) in enumerate(zip(copies, placed, strict=True)):
        owner = owner_ids(copy.owner, base, f"copy[{number}].owner")
        before = frozenset(path[1:] for path in there)
        entries: dict[str, tuple[TarEntry, CopiedFile | None]] = {}
        for path in sorted(folders_above(files)):
            if path in standing and standing[path].kind != "folder":
                raise _wrong(number, f"{path} is a file of the base, and no folder")
            if path not in there:
                own = _is_at(path, goals[number]) and not (payload and path == places.PAYLOAD)
                there[path] = _folder(path, copy, owner) if own else folder_entry(path[1:])
                entries[path] = there[path], None
        for path, file in files.items():
            if path in standing and standing[path].kind == "folder":
                raise _wrong(
                    number, f"{path} is a folder of the base: with `/` at its end a file goes into it"
                )
            entries[path] = _entry(path, file, copy, owner), None if file.link else file
        for above in {posixpath.dirname(path) for path in entries} - entries.keys() - {"/"}:
            # It stays as it is, but its date would be that of the build, were it not said.
            entries[above] = there[above], None
        settled.append(SettledCopy(goal=copy.to, entries=tuple(entries.values()), present=before))
    return tuple(settled)


def _as_entry(path: str, what: Standing) -> TarEntry:
    return TarEntry(path=path[1:], kind=Kind.FOLDER, mode=what.mode, user=what.user, group=what.group)


def _wrong(number: int, message: str) -> SpecError:
    return SpecError(THE_SPEC, (Problem(path=f"copy[{number}].to", message=message),))


def _is_at(path: str, goal: str) -> bool:
    return path == goal or path.startswith(f"{goal}/")


def _folder(path: str, copy: PlannedCopy, owner: tuple[int, int]) -> TarEntry:
    user, group = owner
    mode = 0o755 if path == places.PAYLOAD else copy.folder_mode  # programs of all users start in it
    return TarEntry(path=path[1:], kind=Kind.FOLDER, mode=mode, user=user, group=group)


def _entry(path: str, file: CopiedFile, copy: PlannedCopy, owner: tuple[int, int]) -> TarEntry:
    user, group = owner
    if file.link:
        return TarEntry(path=path[1:], kind=Kind.LINK, mode=0o777, link=file.link, user=user, group=group)
    return TarEntry(path=path[1:], mode=copy.file_mode(file), size=file.size, user=user, group=group)


def _followed(
    placed: list[dict[str, CopiedFile]], goals: list[str], base: BaseFiles
) -> Mapping[str, Standing]:
    """What stands where the copies go; places and goals are changed to where links of the base lead."""
    for _ in range(_LINKS):
        paths = {path for files in placed for path in files}
        folders = folders_above(paths)
        standing = base.standing(paths | folders)
        there = {path: standing[path] for path in folders if path in standing}
        links = {path: what.goal for path, what in there.items() if what.kind == "link"}
        if not links:
            return standing
        for number, files in enumerate(placed):
            placed[number] = {_through(path, links): file for path, file in files.items()}
            goals[number] = posixpath.normpath(_through(f"{goals[number]}/.", links))
    raise SpecError("the base", (Problem(path="copy", message="links of the base lead in a circle"),))


def _through(path: str, links: Mapping[str, str]) -> str:
    """The path with the first link on it followed."""
    parts = path.split("/")
    for count in range(2, len(parts)):
        above = "/".join(parts[:count])
        if above in links:
            goal = posixpath.join(posixpath.dirname(above), links[above])
            return "/" + posixpath.normpath(f"{goal}/{'/'.join(parts[count:])}").lstrip("/")
    return path


def owner_ids(owner: str | None, base: BaseFiles, key: str) -> tuple[int, int]:
    """Numbers of a user and its group: by name as the image knows it; a number alone is both, as with Docker.

    Raises `SpecError` at `key` for a name that the image does not know.
    """
    name, _, group = (owner or "0").partition(":")
    known = {places.USER: (places.USER_ID, places.USER_ID)}
    if name.isdecimal():
        user, own = int(name), int(name)
    else:
        lines = [line.split(":") for line in base.passwd().splitlines()]
        known |= {each[0]: (int(each[2]), int(each[3])) for each in lines if _is_user(each)}
        known.setdefault("root", (0, 0))
        if name not in known:
            message = f"the base has no user {name!r}; it has {', '.join(sorted(known))}"
            raise SpecError(THE_SPEC, (Problem(path=key, message=message),), hint="or give its number")
        user, own = known[name]
    return user, int(group) if group else own


def _is_user(fields: Sequence[str]) -> bool:
    return len(fields) >= 4 and fields[2].isdecimal() and fields[3].isdecimal()


def copy_layers(settled: Sequence[SettledCopy], folder: pathlib.Path, blobs: Blobs) -> tuple[Layer, ...]:
    """A layer for each copy, found or made; `folder` is the spec's.

    Raises `BuildError` for a file that changed since it was planned, `OutsideError` when the disk refuses.
    """
    return tuple(
        layer_of_pieces(f"{COPY}{copy.goal}", _pieces(copy, folder), blobs, known=copy.present)
        for copy in settled
    )


def _pieces(copy: SettledCopy, folder: pathlib.Path) -> Iterator[Piece]:
    for entry, file in copy.entries:
        if file is None:
            yield Piece(entry=entry)
            continue
        place = folder / file.source
        if not place.is_file():
            raise BuildError(f"{place} is gone since the copy was planned", hint="run again")
        yield Piece(entry=entry, content=place, sha256=file.sha256)
