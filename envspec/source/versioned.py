"""A source tree packed with what tells its version, where that comes from git: the archive has no `.git`."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator, Mapping

from envspec.source import git
from envspec.source.trees import pack_tree, repository_of
from envspec.source.workspace import archival_file

_LONGEST = 1 << 20
_FORMAT = re.compile(r"\$Format:([^$\n]{1,200})\$")
"""What git fills in when it makes an archive. Source: gitattributes(5), `export-subst`."""


def pack_versioned(tree: pathlib.Path, archive: pathlib.Path, *, within: pathlib.Path) -> tuple[str, str]:
    """Write the archive of a tree: its sha256, and the folder of the archive that the tree stands in.

    Raises as `pack_tree`.
    """
    below, added = _told(tree)
    return pack_tree(tree, archive, within=within, below=below, added=added), below


def _told(tree: pathlib.Path) -> tuple[str, Mapping[str, str]]:
    """Where a tree stands in its archive, and what goes beside it: what makes versions of tags needs them."""
    repository = repository_of(tree)
    if repository is None:
        return "", {}
    filled = dict(_filled(tree, repository))
    if not (file := archival_file(tree)):
        return "", filled
    said = git.describe(repository, file)
    below = "" if tree == repository else tree.relative_to(repository).as_posix()
    placed = {str(pathlib.PurePosixPath(below, path)): text for path, text in filled.items()}
    return below, {**placed, **({file: said} if said else {})}


def _filled(tree: pathlib.Path, repository: pathlib.Path) -> Iterator[tuple[str, str]]:
    """The files of a tree that `git archive` fills in, as versioneer's are, filled in, by their paths."""
    try:
        lines = (tree / ".gitattributes").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for path, *attributes in filter(None, map(str.split, lines)):
        file = tree / path
        if "export-subst" not in attributes or file.is_symlink() or not file.is_file():
            continue
        if file.stat().st_size > _LONGEST or not file.resolve().is_relative_to(tree.resolve()):
            continue
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        yield path.lstrip("/"), _FORMAT.sub(lambda found: git.formatted(repository, found[1]), text)
