"""Reads a folder: by the best description in it, and by its Dockerfile where that says the same and more."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name

from envspec.ingest import procfile
from envspec.ingest.compose import read_compose
from envspec.ingest.docker.reader import read_dockerfile
from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import is_file, pip_requirement
from envspec.ingest.readers import LOCKS, READERS, reader_of
from envspec.ingest.requirements import read_requirements
from envspec.system.errors import EnvspecError, UsageError
from envspec.system.quoting import listed

ORDER = (
    *("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "pyproject.toml", "Pipfile"),
    *("requirements.lock", "requirements.txt", "requirements.in", "environment.yml", "environment.yaml"),
    *("conda-lock.yml", "setup.py", "setup.cfg", "cog.yaml", "bentofile.yaml", "Dockerfile"),
    *("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"),
)
"""What a folder is looked through for, the most exact first: locks, projects, requirements, images."""

_FROZEN = ("requirements.lock", "requirements.txt")
"""Requirements that may be what another tool found for a project's file."""

_IMAGES = ("Dockerfile", "docker/Dockerfile")
"""Where a project's Dockerfile stands."""

_LOOKED_AT = 300
"""Folders that are looked through for descriptions deeper down."""


def holds_description(folder: pathlib.Path) -> bool:
    """Whether a folder has a file that a folder is read by."""
    return any(is_file(folder / name) for name in ORDER)


def read_folder(folder: pathlib.Path, wish: Wish) -> Draft:
    """The draft of the best description in a folder: what says most exactly what is installed.

    Its Dockerfile is read instead where that installs all of it: it says what is started besides.
    Raises `UsageError` where there is none, and as its reader does.
    """
    there = [name for name in ORDER if is_file(folder / name)]
    tried: list[str] = []
    for name in there:
        draft = READERS.get(name.lower(), read_requirements)(folder / name, wish)
        if any(install.requirements for install in draft.installs):
            left = [other for other in there if other not in {name, *tried, *LOCKS.get(name.lower(), ())}]
            best = _more_exact(folder, wish, name, draft, left)
            return procfile.completed(folder, wish, _with_image(folder, wish, *best))
        tried.append(name)
    deeper = list(_deeper(folder))
    raise UsageError(
        f"{folder} holds no description that names anything to install",
        hint=f"give one of those further down: {listed(deeper)}"
        if deeper
        else f"it is looked for in {listed(ORDER, most=len(ORDER))}",
    )


def _more_exact(
    folder: pathlib.Path, wish: Wish, name: str, draft: Draft, others: list[str]
) -> tuple[str, Draft, list[str]]:
    """The draft, or that of requirements which pin all that it leaves open, and the files that are left."""
    own = any(_is_own(word) for install in draft.installs for word in install.requirements)
    for other in _FROZEN if not draft.pins and not own and name not in _FROZEN else ():
        if other not in others:
            continue
        pinned = read_requirements(folder / other, wish)
        words = _words(pinned)
        if words and all(_pinned_version(word) for word in words) and _covers(pinned, draft):
            said = pinned.run or draft.run
            pinned = dataclasses.replace(pinned, name=draft.name, run=said, proposed=draft.proposed)
            return other, pinned, [name, *(each for each in others if each != other)]
    return name, draft, others


def _with_image(folder: pathlib.Path, wish: Wish, name: str, draft: Draft, others: Sequence[str]) -> Draft:
    """The draft, or that of the folder's Dockerfile, and which file was read."""
    said = f"{name} of the folder was read, as it says most exactly what is installed"
    for place in _IMAGES if name not in _IMAGES and not draft.starts else ():
        image = _image(folder / place, wish)
        if image is None:
            continue
        if image.installs and _covers(image, draft) and len(draft.pins) <= len(image.pins):
            said = f"{place} of the folder was read, as it installs what {name} says, and tells of its image"
            if not image.run:  # its own project may say it
                image = dataclasses.replace(image, run=draft.run, proposed=draft.proposed)
            others = [other for other in others if other != place]
            draft, name = _with_port(folder, wish, image, others), place
            break
        own = _own_program(draft, image)
        if own:
            said += f"; [run] is what {place} starts, {_differing(name, draft, image)}"
            draft = dataclasses.replace(draft, run=own, proposed="")
            break
        if image.run:
            said += f"; what is started stands in {place}, {_differing(name, draft, image)}"
            break
    more = listed(list(others))
    said += f"; there are also: {more}" if more != "none" else ""
    return dataclasses.replace(draft, file=name, remarks=(said, *draft.remarks))


_OF_PROGRAM = ("command", "port", "ports", "health", "start-timeout", "stop-signal")
"""What of an image's program holds wherever the program is."""


def _own_program(draft: Draft, image: Draft) -> dict[str, Any]:
    """The program of an image, where it is the project's own, which the draft proposes too; else nothing."""
    proposed, started = draft.run.get("command"), image.run.get("command")
    if not draft.proposed or not proposed or not started or proposed[0] != started[0]:
        return {}
    return {key: image.run[key] for key in _OF_PROGRAM if key in image.run}


def _with_port(folder: pathlib.Path, wish: Wish, image: Draft, others: Sequence[str]) -> Draft:
    """The draft of a Dockerfile that names no port, with the one that a Compose file publishes of it."""
    for name in others if image.run.get("command") and "port" not in image.run else ():
        if READERS.get(name) is not read_compose:
            continue
        try:
            service = read_compose(folder / name, wish)
        except EnvspecError:  # of images alone, say
            continue
        if "port" in service.run and service.installs == image.installs:
            run = {**image.run, **{key: service.run[key] for key in ("port", "ports") if key in service.run}}
            said = f"port = {run['port']}: {name} publishes it"
            return dataclasses.replace(image, run=run, remarks=(*image.remarks, said))
    return image


def _differing(name: str, draft: Draft, image: Draft) -> str:
    """Why the draft of a Dockerfile does not stand for that of another file."""
    if not _covers(image, draft):
        return "which installs something else"
    besides = listed(sorted(_words(image) - _words(draft)))
    more = f", as it installs {besides} besides" if besides != "none" else ""
    return f"for which what {name} holds cannot be kept{more}"


def _image(file: pathlib.Path, wish: Wish) -> Draft | None:
    """The draft of a Dockerfile; None where there is none that can be read."""
    try:
        return read_dockerfile(file, wish) if is_file(file) else None
    except EnvspecError:  # another description of the folder is good enough
        return None


def _words(draft: Draft) -> set[str]:
    """What a draft installs, but for the project's own code, which images often run where it was copied."""
    found = {word for install in draft.installs for word in install.requirements}
    return {word for word in found if not _is_own(word)}


def _is_own(word: str) -> bool:
    return word.removeprefix("-e ").partition("[")[0] == "."


def _covers(more: Draft, draft: Draft) -> bool:
    """Whether a draft installs all that another does: the same words, or versions that satisfy them."""
    words = _words(more)
    held: dict[str, str] = {
        canonicalize_name(parsed.name): version
        for word in words
        if (parsed := pip_requirement(word)) is not None and (version := _pinned_version(word))
    }
    return all(word in words or _satisfied(word, held) for word in _words(draft))


def _pinned_version(word: str) -> str:
    """The version of a word such as `six==1.16.0`; empty for any other."""
    parsed = pip_requirement(word)
    said = list(parsed.specifier) if parsed is not None and not parsed.url else []
    return said[0].version if len(said) == 1 and said[0].operator == "==" else ""


def _satisfied(word: str, held: Mapping[str, str]) -> bool:
    parsed = pip_requirement(word)
    version = held.get(canonicalize_name(parsed.name)) if parsed is not None and not parsed.url else None
    return parsed is not None and version is not None and parsed.specifier.contains(version, prereleases=True)


def _deeper(folder: pathlib.Path) -> Iterator[str]:
    """Descriptions up to two folders below, and files of requirements by other names."""
    waiting = [(folder, 0)]
    for seen, (place, depth) in enumerate(waiting):
        if seen >= _LOOKED_AT:
            return
        try:
            with os.scandir(place) as entries:
                there = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in there:
            if entry.is_dir(follow_symlinks=False):
                if depth < 2 and not entry.name.startswith(".") and entry.name != "node_modules":
                    waiting.append((pathlib.Path(entry.path), depth + 1))
            elif reader_of(found := pathlib.Path(entry.path)) is not None and _named(found):
                yield str(found.relative_to(folder))


def _named(file: pathlib.Path) -> bool:
    """Whether a text is a file of requirements by its name; other files have names of their own."""
    name = file.name.lower()
    return "require" in name if name.endswith((".txt", ".in")) else name not in {"config.yaml", "setup.cfg"}
