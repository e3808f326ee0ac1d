"""Makes modules of what came as text: runs first wherever modules of this room travel without their files."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def load(room: str, modules: list[list[Any]]) -> Any:
    """Carry out modules, given as [name, code], below a package that exists in memory alone.

    Each comes after those that it needs; the last one is returned.
    """
    kind = type(sys)
    last = None
    for name, code in modules:
        parts = (room + "." + name).split(".")
        for depth in range(1, len(parts)):
            package = kind(".".join(parts[:depth]))
            package.__path__ = []
            if package.__name__ not in sys.modules:
                sys.modules[package.__name__] = package
                if depth > 1:
                    setattr(sys.modules[".".join(parts[: depth - 1])], parts[depth - 1], package)
        last = kind(".".join(parts))
        last.__package__ = ".".join(parts[:-1])
        sys.modules[last.__name__] = last
        exec(code, last.__dict__)
        setattr(sys.modules[last.__package__], parts[-1], last)
    return last


def compiled(modules: list[list[Any]]) -> list[list[Any]]:
    """The same modules, given as [name, text], with their code."""
    return [
        [name, compile(text, "<envspec " + name + ">", "exec", dont_inherit=True)] for name, text in modules
    ]
