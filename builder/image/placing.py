"""Where copies may go: not over what an environment itself is made of, nor over each other."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Mapping, Sequence

from builder.inside import places
from builder.values.copies import CopiedFile, PlannedCopy, copied_places, folders_above, within
from builder.values.payload import Payload
from envspec.system.errors import THE_SPEC, Problem, SpecError

_OURS: Mapping[str, str] = {
    places.ENVIRONMENT: "the packages stand there",
    places.RUNTIME: "what starts the image stands there",
    places.MOUNT: "builds use it, and it is empty in the image",
    "/proc": "the kernel's files are mounted there",
    "/sys": "the kernel's files are mounted there",
    "/dev": "devices are mounted there",
    "/etc/passwd": "the builder writes the image's users there",
    "/etc/group": "the builder writes the image's users there",
    "/etc/hosts": "engines put their own there",
    "/etc/hostname": "engines put their own there",
    "/etc/resolv.conf": "engines put their own there",
}
"""Places that no copy goes to, or below, and why."""


def check_places(copies: Sequence[PlannedCopy], payload: Payload | None, models: Sequence[str] = ()) -> None:
    """Refuse copies that would go where they may not. `models` are the names of those that travel along.

    Raises `SpecError` with every mistake.
    """
    taken = {**_OURS, **{f"{places.MODELS}/{name}": f"the model {name} stands there" for name in models}}
    problems = [
        Problem(path=f"copy[{number}].to", message=f"{copy.to!r} is no place for a copy: {why}")
        for number, copy in enumerate(copies)
        for place, why in taken.items()
        if _reaches(copy, place)
    ]
    problems += _collisions(copies, payload)
    if problems:
        raise SpecError(THE_SPEC, tuple(problems), hint="give the copy another `to`")


def _reaches(copy: PlannedCopy, place: str) -> bool:
    """Whether something of a copy would stand at a place, or below it."""
    goal = within(places.PAYLOAD, copy.to)
    if goal == place or goal.startswith(f"{place}/"):
        return True
    if not place.startswith(f"{goal}/"):
        return False
    paths = (within(places.PAYLOAD, file.path) for file in copy.files)
    return any(path == place or path.startswith(f"{place}/") for path in paths)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Taken:
    """What stands at a place so far."""

    by: str
    what: tuple[object, ...]


def _collisions(copies: Sequence[PlannedCopy], payload: Payload | None) -> list[Problem]:
    there: dict[str, _Taken] = {}
    for file in payload.files if payload else ():
        path = posixpath.join(places.PAYLOAD, file.path)
        there[path] = _Taken(by="the service's own code", what=(file.sha256, "", file.executable))
    numbers = {id(copy): number for number, copy in enumerate(copies)}
    folders = dict.fromkeys(folders_above(there), "the service's own code")
    problems: list[Problem] = []
    for path, copy, copied in copied_places(copies, places.PAYLOAD):
        number = numbers[id(copy)]
        own = _Taken(by=f"copy[{number}]", what=_what(copied, copy))
        other = there.setdefault(path, own)
        why = ""
        if other.what[:2] != own.what[:2] or (other.by.startswith("copy") and other.what != own.what):
            why = f"{other.by} puts another file at {path}"
        elif path in folders:
            why = f"{path} is a folder of {folders[path]}"
        elif (above := next((up for up in _above(path) if up in there), None)) is not None:
            why = f"{above}, which {there[above].by} brings, is no folder"
        if why and not any(problem.path == f"copy[{number}].to" for problem in problems):
            problems.append(Problem(path=f"copy[{number}].to", message=why))
        for up in _above(path):
            if up in folders:
                break
            folders[up] = own.by
    return problems


def _what(file: CopiedFile, copy: PlannedCopy) -> tuple[object, ...]:
    return file.sha256, file.link, copy.file_mode(file), copy.owner


def _above(path: str) -> list[str]:
    """Folders above a place, the nearest first."""
    found = []
    while (path := posixpath.dirname(path)) != "/":
        found.append(path)
    return found
