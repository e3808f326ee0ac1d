"""What the settings of a source tree say of its neighbours: `[tool.uv.sources]` and `[tool.uv.workspace]`.

Source: https://docs.astral.sh/uv/concepts/projects/dependencies/ and .../workspaces/.
"""

from __future__ import annotations

import pathlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from envspec.system.errors import OutsideError, Problem, SpecError
from envspec.system.reading import read_text

_LIMIT = 1 << 20
_MOST = 1_000
"""Members of one workspace."""

_ARCHIVAL = {
    ".git_archival.json": re.compile(
        r"(poetry|uv|hatch|pdm)[-_.]dynamic[-_.]versioning|dunamai", re.IGNORECASE
    ),
    ".git_archival.txt": re.compile(
        r"(setuptools|hatch|poetry|pdm|flit|vcs)[-_.]?(git[-_.])?(scm|vcs|versioning)", re.IGNORECASE
    ),
}
"""Files that tell of a commit where there is no repository, and what makes versions of them, by the names of
[build-system]. Sources: the documentation of setuptools-scm, and of dunamai 1.26 for the first."""


def settings_of(tree: pathlib.Path) -> Mapping[str, Any]:
    """`pyproject.toml` of a tree, read; empty where it has none. Raises `SpecError` where it is not TOML."""
    file = tree / "pyproject.toml"
    if not file.is_file():
        return {}
    try:
        return tomllib.loads(read_text(file, _LIMIT))
    except tomllib.TOMLDecodeError as error:
        raise SpecError(str(file), (Problem(path="", message=f"not TOML: {error}"),)) from error


def archival_file(tree: pathlib.Path) -> str:
    """The file by which what builds a tree is told what git knows of it; empty where it does not ask git."""
    requires = _table(settings_of(tree), "build-system").get("requires", [])
    words = [str(word).strip() for word in requires] if isinstance(requires, list) else []
    return next((name for name, made in _ARCHIVAL.items() if any(map(made.match, words))), "")


def written_name(tree: pathlib.Path) -> str | None:
    """The name that a tree's `pyproject.toml` says; None where only building it would tell."""
    settings = settings_of(tree)
    tables = (_table(settings, "project"), _table(settings, "tool", "poetry"))
    names = (table.get("name") for table in tables)
    return next((canonicalize_name(name) for name in names if isinstance(name, str) and name), None)


def neighbours(tree: pathlib.Path, top: pathlib.Path) -> Mapping[str, pathlib.Path]:
    """Folders of the packages that a tree takes from beside it, by their canonical names.

    `top` is the spec's folder, above which nothing is looked for. Raises `SpecError` for a folder that leads
    out of it.
    """
    root = _workspace(tree, top)
    members = dict(_members(root)) if root is not None else {}
    found: dict[str, pathlib.Path] = {}
    for place in [root, tree] if root not in {None, tree} else [tree]:
        sources = _table(settings_of(place), "tool", "uv", "sources") if place is not None else {}
        for name, said in sources.items():
            for entry in said if isinstance(said, list) else [said]:
                if place is not None and isinstance(entry, dict):
                    found.update(_neighbour(canonicalize_name(name), entry, place, members))
    for name, folder in found.items():
        if not folder.resolve().is_relative_to(top.resolve()):
            raise SpecError(
                str(tree / "pyproject.toml"),
                (Problem(path=f"tool.uv.sources.{name}", message="leaves the folder of the spec"),),
            )
    return found


def elsewhere(tree: pathlib.Path, top: pathlib.Path) -> Mapping[str, str]:
    """Packages that a tree takes by an address or a file, by name: the word that says the same in a spec.

    An index may have another package of that name, which must not come in its place.
    """
    root = _workspace(tree, top)
    found: dict[str, str] = {}
    for place in dict.fromkeys([root or tree, tree]):
        for name, said in _table(settings_of(place), "tool", "uv", "sources").items():
            for entry in said if isinstance(said, list) else [said]:
                if isinstance(entry, dict) and (word := _word(entry, place, top)):
                    found[canonicalize_name(name)] = word if word.startswith("./") else f"{name} @ {word}"
    return found


def _word(entry: Mapping[str, Any], place: pathlib.Path, top: pathlib.Path) -> str:
    """The word for one entry of `[tool.uv.sources]`; empty for an index, or a folder."""
    below = f"#subdirectory={entry['subdirectory']}" if entry.get("subdirectory") else ""
    if isinstance(address := entry.get("git"), str):
        revision = next((str(entry[key]) for key in ("rev", "tag", "branch") if entry.get(key)), "")
        return f"git+{address}" + (f"@{revision}" if revision else "") + below
    if isinstance(address := entry.get("url"), str):
        return address + below
    path = entry.get("path")
    if isinstance(path, str) and (file := (place / path).resolve()).is_file():
        return f"./{file.relative_to(top).as_posix()}" if file.is_relative_to(top) else f"./{file.name}"
    return ""


def _neighbour(
    name: str, entry: Mapping[str, Any], place: pathlib.Path, members: Mapping[str, pathlib.Path]
) -> Iterator[tuple[str, pathlib.Path]]:
    path = entry.get("path")
    if entry.get("workspace") is True and name in members:
        yield name, members[name]
    elif isinstance(path, str) and (place / path).is_dir():
        yield name, place / path


def _workspace(tree: pathlib.Path, top: pathlib.Path) -> pathlib.Path | None:
    """The folder of the workspace that a tree belongs to."""
    for folder in (tree, *tree.parents):
        if not folder.is_relative_to(top.resolve()):
            return None
        if _table(settings_of(folder), "tool", "uv", "workspace"):
            return folder
    return None


def _members(root: pathlib.Path) -> Iterator[tuple[str, pathlib.Path]]:
    said = _table(settings_of(root), "tool", "uv", "workspace")
    without = {place for pattern in _texts(said.get("exclude")) for place in _matching(root, pattern)}
    folders = {
        root,
        *(place for pattern in _texts(said.get("members")) for place in _matching(root, pattern)),
    }
    for folder in sorted(folders - without):
        name = _table(settings_of(folder), "project").get("name")
        if isinstance(name, str):
            yield canonicalize_name(name), folder


def _matching(root: pathlib.Path, pattern: str) -> Iterator[pathlib.Path]:
    if pattern.startswith("/") or ".." in pattern.split("/"):
        return
    for number, place in enumerate(root.glob(pattern)):
        if number > _MOST:
            raise OutsideError(f"the workspace in {root} has more than {_MOST} members")
        if place.is_dir():
            yield place


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _table(settings: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    value: Any = settings
    for key in keys:
        value = value.get(key, {}) if isinstance(value, dict) else {}
    return value if isinstance(value, dict) else {}
