"""Under which name a file is really imported, where that is not the one that its place tells."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def other_name(module: str) -> str:
    """A later part of the dotted name by which an import hook serves the same file; empty without one.

    A package may lie in a folder of another name and take the place of a module that belongs to somebody
    else: imported by the name of its place, it would be there twice.
    """
    here = place(module)
    parts = module.split(".")
    for start in range(1, len(parts) - 1 if here else 0):
        name = ".".join(parts[start:])
        if origin(name) == here:
            return name
    return ""


def place(module: str) -> str:
    """The source file that lies where a dotted name tells, none of its parents being imported."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except BaseException:
        return ""
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        base = os.path.join(folder, *rest)
        for file in (os.path.join(base, "__init__.py"), base + ".py"):
            if os.path.isfile(file):
                return os.path.realpath(file)
    return ""


def origin(module: str) -> str:
    """The file that an import of this name would read, its parents being imported; empty where none is."""
    try:
        spec = importlib.util.find_spec(module)
    except BaseException:
        return ""
    return os.path.realpath(spec.origin) if spec is not None and spec.origin else ""


def standing(module: str) -> dict[str, Any] | None:
    """What to tell of a module below a loaded parent that is not to be imported by this name; None otherwise.

    Either its file is in this process already, loaded by the package itself under another name, or its parent
    looks for modules elsewhere, because something stands in its place.
    """
    if module in sys.modules:
        return None
    parts = module.split(".")
    above = next((depth for depth in range(1, len(parts)) if ".".join(parts[:depth]) not in sys.modules), 0)
    depth = above or len(parts)
    parent = sys.modules.get(".".join(parts[: depth - 1]))
    if parent is None or not hasattr(parent, "__path__"):
        return None
    if not is_there(".".join(parts[:depth])):
        return {"seconds": 0.0, "aside": True}
    file = origin(module) if depth == len(parts) else ""
    return {"seconds": 0.0, "file": file} if file.endswith(".so") and is_mapped(file) else None


def is_there(module: str) -> bool:
    """Whether anybody finds a module below a parent that is loaded."""
    try:
        return importlib.util.find_spec(module) is not None
    except BaseException:
        return True


def is_mapped(file: str) -> bool:
    """Whether a library is loaded in this process."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as stream:
            return any(line.rstrip("\n").endswith(" " + file) for line in stream)
    except OSError:
        return False
