"""How findings show the files of an environment."""

from __future__ import annotations

from builder.judge.facts import Facts


def shortened(path: str, facts: Facts) -> str:
    """A file's path, with or without a line, without the folder that all distributions lie in."""
    folders = {*(each.folder for each in facts.distributions), facts.python["stdlib"]}
    for folder in sorted(folders, key=len, reverse=True):
        if path.startswith(folder + "/"):
            return path[len(folder) + 1 :]
    return path
