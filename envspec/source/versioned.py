"""A source tree packed with what tells its version, where that comes from git: the archive has no `.git`."""

from __future__ import annotations

import pathlib

from envspec.source import git
from envspec.source.trees import pack_tree, repository_of
from envspec.source.workspace import takes_version_from_git


def pack_versioned(tree: pathlib.Path, archive: pathlib.Path, *, within: pathlib.Path) -> tuple[str, str]:
    """Write the archive of a tree: its sha256, and the folder of the archive that the tree stands in.

    Raises as `pack_tree`.
    """
    below, added = _told(tree)
    return pack_tree(tree, archive, within=within, below=below, added=added), below


def _told(tree: pathlib.Path) -> tuple[str, dict[str, str]]:
    """Where a tree stands in its archive, and what goes beside it: what makes versions of tags needs them."""
    repository = repository_of(tree)
    if repository is None or not takes_version_from_git(tree):
        return "", {}
    said = git.describe(repository)
    below = tree.relative_to(repository).as_posix()
    return ("" if below == "." else below), ({".git_archival.txt": said} if said else {})
