"""The floors of the house: which room may import from which, and how many arrows there are.

    python -m tests.floors

A room is a direct child of a package. `FLOORS` names the rooms of each package, the highest floor first;
rooms that share a floor stand in one string and know nothing of each other. An import may only go down.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import pathlib
import sys
from collections.abc import Iterable, Iterator

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGES = ("envspec", "builder", "service")

FLOORS: dict[str, tuple[str, ...]] = {
    "builder": (
        "cli",
        "api",
        "fix",
        "flow",
        "report",
        "judge",
        "backends",
        "image",
        "debian wheels",
        "oci orchestrate",
        "values inside",
    ),
    "builder.backends": ("choose", "oci docker virtualenv", "activation port"),
    "builder.oci": ("registry", "image", "store"),
    "service": (
        "client server",
        "app",
        "http",
        "dialogue",
        "speech hearing",
        "voices",
        "admission text audio",
        "workers",
        "errors settings",
    ),
    "envspec": ("api", "proof", "resolve", "source", "supply", "lockfile order ingest", "spec", "system"),
}
"""For each package its floors, from the top down."""

LIMITS = {"builder": 14, "envspec": 10, "builder.oci": 4, "service": 14}
"""How many rooms a package may have at most: what is more than that, nobody finds a way through."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Arrow:
    """One import of one module from another room of the same package."""

    source: str
    target: str
    line: int
    hidden: bool
    """Whether it stands in a function's body."""


@functools.cache
def modules() -> dict[str, pathlib.Path]:
    """Every module of the project by its dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


@functools.cache
def tree(module: str) -> ast.Module:
    """A module's syntax."""
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


def imported(module: str, nodes: Iterable[ast.AST]) -> Iterator[tuple[str, int]]:
    """Our own modules that these nodes import, each with its line."""
    package = module if modules()[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
            names = [name if name in modules() else base for name in names]
        else:
            continue
        yield from ((name, node.lineno) for name in names if name.split(".")[0] in PACKAGES)


def rooms(package: str) -> tuple[str, ...]:
    """The direct children of a package that hold code, but for its `__init__` and `__main__`."""
    return tuple(sorted({name.removeprefix(f"{package}.").split(".")[0] for name in _below(package)}))


def _below(package: str) -> Iterator[str]:
    return (name for name in modules() if name.startswith(f"{package}.") and not name.endswith("__main__"))


def arrows(package: str) -> Iterator[Arrow]:
    """Every import that leads from one room of a package into another."""
    for module in _below(package):
        inner = {
            id(node)
            for function in ast.walk(tree(module))
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for node in ast.walk(function)
        }
        for node in ast.walk(tree(module)):
            for name, line in imported(module, [node]):
                if name.startswith(f"{package}.") and _room(name, package) != _room(module, package):
                    yield Arrow(source=module, target=name, line=line, hidden=id(node) in inner)


def _room(module: str, package: str) -> str:
    return module.removeprefix(f"{package}.").split(".")[0]


def climbing(package: str) -> tuple[Arrow, ...]:
    """The imports that lead up or sideways. Raises `KeyError` for a room that has no floor."""
    height = {room: -number for number, floor in enumerate(FLOORS[package]) for room in floor.split()}
    return tuple(
        arrow
        for arrow in arrows(package)
        if height[_room(arrow.target, package)] >= height[_room(arrow.source, package)]
    )


def main() -> int:
    """Print the rooms, floors and arrows of every package; 1 if an import climbs."""
    failed = False
    for package, floors in FLOORS.items():
        pairs = {(_room(arrow.source, package), _room(arrow.target, package)) for arrow in arrows(package)}
        up = climbing(package)
        lost = set(rooms(package)) ^ {room for floor in floors for room in floor.split()}
        sys.stdout.write(
            f"{package}: {len(rooms(package))} rooms on {len(floors)} floors, "
            f"{len(pairs)} arrows, {len(up)} imports up\n"
        )
        for arrow in up:
            sys.stdout.write(f"  {arrow.source}:{arrow.line} -> {arrow.target}\n")
        for room in sorted(lost):
            sys.stdout.write(f"  {room} stands on no floor, or is gone\n")
        failed = failed or bool(up or lost)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
