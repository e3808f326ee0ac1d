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
    here = origin(module)
    parts = module.split(".")
    for start in range(1, len(parts) - 1 if here else 0):
        name = ".".join(parts[start:])
        if origin(name) == here:
            return name
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
    parent = sys.modules.get(module.rpartition(".")[0])
    if parent is None or module in sys.modules or not hasattr(parent, "__path__"):
        return None
    file = origin(module)
    if not file:
        return {"seconds": 0.0, "aside": True}
    return {"seconds": 0.0, "file": file} if file.endswith(".so") and is_mapped(file) else None


def is_mapped(file: str) -> bool:
    """Whether a library is loaded in this process."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as stream:
            return any(line.rstrip("\n").endswith(" " + file) for line in stream)
    except OSError:
        return False
