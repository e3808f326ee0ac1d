"""Imports what it is told to, or reads it as a name of what it can import. Runs inside environments.

It ends with 0 where that goes well, or where there is no such thing at all; else with a traceback. Only the
standard library, and what Python 3.7 understands.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence


def reach(path: str) -> bool:
    """Import a module, or read a name that a module promises; False where neither is there."""
    parts = path.split(".")
    for depth in range(len(parts), 0, -1):
        module = ".".join(parts[:depth])
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not (module + ".").startswith(error.name + "."):
                raise
            continue
        for name in parts[depth:]:
            promised = name in dir(found)
            try:
                found = getattr(found, name)
            except AttributeError:
                if promised:
                    raise
                return False
        return True
    return False


def main(names: Sequence[str]) -> int:
    """0 unless one of them raises."""
    for name in names:
        reach(name)
    return 0
