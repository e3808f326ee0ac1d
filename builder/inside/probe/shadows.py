"""Which modules stand in front of the standard library's, and whether they can replace them."""

from __future__ import annotations

import os

from . import startup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .report import InterpreterFacts, Shadow

MOST = 12
"""Shadowed modules that are tried; each takes two starts of the interpreter."""


def names(folder: str) -> dict[str, str]:
    """Importable top-level modules of a folder and their paths."""
    found = {}
    try:
        entries = os.listdir(folder)
    except OSError:
        return {}
    for entry in entries:
        path = os.path.join(folder, entry)
        stem, _, ending = entry.partition(".")
        if ending == "py" or (not ending and os.path.isfile(os.path.join(path, "__init__.py"))):
            found[stem] = path
    return found


def find_shadows(python: InterpreterFacts, path: list[str], env: dict[str, str]) -> list[Shadow]:
    """Every standard module with a double before it on the path, or in the current folder.

    Keys: `name`, `path`, `here` (only in the current folder); for those on the path also `ok`, `output`, and
    `lost`, the public names that the double lacks.
    """
    stdlib = os.path.realpath(python["stdlib"])
    known = set(names(stdlib)) - {"site-packages", "__pycache__", "this", "antigravity"}
    found = []  # type: list[Shadow]
    for folder in path:
        if folder == stdlib:
            break
        for name, file in sorted(names(folder).items()):
            if name in known and os.path.dirname(file) != stdlib:
                entry = {"name": name, "path": file, "here": False}  # type: Any
                if len(found) < MOST:
                    entry.update(compare_with_standard(python["executable"], env, name))
                found.append(entry)
    here = os.path.realpath(os.getcwd())
    if here not in path and here != stdlib:
        doubles = sorted((name, file) for name, file in names(here).items() if name in known)
        found += [{"name": name, "path": file, "here": True} for name, file in doubles[:MOST]]
    return found


def compare_with_standard(executable: str, env: dict[str, str], name: str) -> dict[str, Any]:
    """What the double lacks of what it stands for."""
    double = startup.import_fresh(executable, env, name)
    real = startup.import_fresh(executable, startup.without_python_variables(env), name)
    if not double["ok"] or not real["ok"]:
        return {"ok": double["ok"] or not real["ok"], "output": double.get("output", ""), "lost": []}
    lost = sorted(set(real["names"]) - set(double["names"]))
    return {"ok": True, "lost": lost[:20]}
