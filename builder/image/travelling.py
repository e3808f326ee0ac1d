"""Which modules of `builder.inside` travel with one that runs elsewhere, read off their imports."""

from __future__ import annotations

import ast
import functools
import pathlib
import re

from builder import inside
from builder.inside.names import absolute_module

ROOM = "_envspec"
"""What the room is called where it has no files, so that nobody takes it for an installed package."""

_TOP = pathlib.Path(inside.__file__).parent
_IMPORT = re.compile(r"^from \.[^\n]* import (?:\([^)]*\)|[^\n]*)", re.MULTILINE)
"""A relative import at the left margin: reading these alone takes a tenth of reading all syntax.

`tests/test_architecture.py` proves that the room has no others, but for types.
"""


def modules(*entries: str) -> tuple[str, ...]:
    """These modules and all that they import of the room, each after those that it needs.

    Names are dotted and begin below the room: `probe.main`.
    """
    found: dict[str, None] = {}

    def add(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise ImportError(f"modules import each other: {' -> '.join((*path, name))}")
        if name not in found:
            for other in imports(name):
                add(other, (*path, name))
            found[name] = None

    for entry in entries:
        add(entry, ())
    return tuple(found)


@functools.cache
def imports(name: str) -> tuple[str, ...]:
    """The modules of the room that a module imports when it runs; those named for types alone stay at home.

    Raises `ImportError` for one that leads out of the room.
    """
    package = f"{inside.__name__}.{name}".rpartition(".")[0]
    found: dict[str, None] = {}
    for statement in _IMPORT.findall(text(name)):
        node = ast.parse(statement).body[0]
        assert isinstance(node, ast.ImportFrom)  # noqa: S101 - the pattern has no other
        base = absolute_module(package, node.level, node.module or "") or ""
        for alias in node.names:
            candidates = (f"{base}.{alias.name}", base)
            module = next((each for each in candidates if file(_below(each)).is_file()), None)
            if module is None:
                raise ImportError(f"{name} imports {base}.{alias.name}, which is not in {inside.__name__}")
            found[_below(module)] = None
    return tuple(found)


def _below(module: str) -> str:
    return module.removeprefix(f"{inside.__name__}.")


def file(name: str) -> pathlib.Path:
    """The file of a module, whether or not there is one."""
    return _TOP.joinpath(*name.split(".")).with_suffix(".py")


def text(name: str) -> str:
    """The source of a module."""
    return file(name).read_text(encoding="utf-8")


def paths(*entries: str) -> tuple[str, ...]:
    """The files, from the folder above `builder` on, that a folder needs in which these modules work."""
    names = [inside.__name__.split(".") + name.split(".") for name in modules(*entries)]
    root = len(inside.__name__.split("."))
    packages = {tuple(parts[:depth]) for parts in names for depth in range(root, len(parts))}
    files = {"/".join((*package, "__init__.py")) for package in packages}
    return tuple(sorted(files | {"/".join(parts) + ".py" for parts in names}))


def sources(*entries: str) -> list[tuple[str, str]]:
    """Name and text of these modules and of all that they import, each after those that it needs."""
    return [(name, text(name)) for name in modules(*entries)]


def program(entry: str) -> str:
    """One text for `python -c` or `python -` that runs the module's `main` with all that it imports."""
    carried = ascii([list(pair) for pair in sources(entry)])
    start = f"sys.exit(load({ROOM!r}, compiled({carried})).main(sys.argv[1:]))\n"
    return text("loader") + "\n\n" + start
