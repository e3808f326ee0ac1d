"""What holds the rooms apart: imports go one way, modules say what they own, nothing names this machine."""

import ast
import functools
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator

import pytest

from builder.image import travelling
from builder.inside.probe.jobs import KINDS
from tests.floors import FLOORS, LIMITS, climbing, imported, modules, rooms, tree
from tests.support.paths import ROOT

MODULES = modules()


def at_run_time(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """What is carried out when a module is imported: no bodies of functions, nothing for types alone."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        for field in ("body", "orelse", "finalbody"):
            yield from at_run_time(getattr(node, field, []))
        for handler in getattr(node, "handlers", []):
            yield from at_run_time(handler.body)


def rooms_of(room: str) -> dict[str, set[str]]:
    """Which rooms a room's modules import, anywhere in them."""
    found: dict[str, set[str]] = {}
    for module in MODULES:
        if module.split(".")[0] == room:
            for name, _ in imported(module, ast.walk(tree(module))):
                found.setdefault(name.split(".")[0], set()).add(module)
    return found


def test_the_service_is_cargo() -> None:
    assert set(rooms_of("service")) <= {"service"}


def test_what_an_environment_should_be_does_not_know_how_it_is_built() -> None:
    assert set(rooms_of("envspec")) <= {"envspec"}


def test_the_builder_knows_the_service_only_as_files() -> None:
    users = rooms_of("builder").get("service", set())
    assert users <= {"builder.values.payload"}, users


@pytest.mark.parametrize("package", FLOORS)
def test_no_import_climbs(package: str) -> None:
    """`python -m tests.floors` prints the same, with the numbers of rooms and arrows."""
    assert [f"{arrow.source}:{arrow.line} -> {arrow.target}" for arrow in climbing(package)] == []


@pytest.mark.parametrize("package", FLOORS)
def test_every_room_stands_on_a_floor(package: str) -> None:
    assert sorted(room for floor in FLOORS[package] for room in floor.split()) == list(rooms(package))


@pytest.mark.parametrize("package", LIMITS)
def test_no_package_is_crowded(package: str) -> None:
    assert len(rooms(package)) <= LIMITS[package]


def test_no_module_imports_itself_through_others() -> None:
    edges = {
        module: {name for name, _ in imported(module, at_run_time(tree(module).body)) if name != module}
        for module in MODULES
    }
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module not in done:
            for name in edges.get(module, ()):
                walk(name, (*path, module))
            done.add(module)

    for module in edges:
        walk(module, ())


INSIDE = {module for module in MODULES if module.split(".")[:2] == ["builder", "inside"]}
"""All that runs in somebody else's Python."""

TOP = "builder.inside.entrypoint.__main__"
"""It is copied to the top of a folder, where no import is relative."""

PROGRAMS = {
    (3, 7): (
        "probe.main",
        *(f"probe.{kind}" for kind in KINDS),
        "probe.loader",
        "reach",
        "entrypoint.compile",
    ),
    (3, 8): (
        "entrypoint.__main__",
        "entrypoint.stage",
        "entrypoint.payload",
        "entrypoint.start",
        "trial",
        "sandbox",
    ),
}
"""What is started inside, by the oldest Python that it works in; what it imports must work there as well."""


def own_imports(module: str, body: Iterable[ast.AST]) -> set[str]:
    """Modules of the room that these nodes import, named as `travelling` does."""
    return {name.removeprefix("builder.inside.") for name, _ in imported(module, body)}


@pytest.mark.parametrize(("python", "programs"), PROGRAMS.items(), ids=str)
def test_what_runs_inside_is_written_for_the_oldest_python(
    python: tuple[int, int], programs: tuple[str, ...]
) -> None:
    for name in travelling.modules(*programs):
        ast.parse(travelling.text(name), name, feature_version=python)


def test_every_module_inside_is_part_of_a_program() -> None:
    """None is forgotten when it is parsed, and none is there for nothing."""
    used = {name for programs in PROGRAMS.values() for name in travelling.modules(*programs)}
    packages = {"builder.inside", *(name.rpartition(".")[0] for name in INSIDE)} & INSIDE
    types = {"builder.inside.probe.report"}
    assert {f"builder.inside.{name}" for name in (*used, "loader")} == INSIDE - packages - types


@pytest.mark.parametrize("module", sorted(INSIDE))
def test_what_runs_inside_needs_the_standard_library_alone(module: str) -> None:
    nodes = list(ast.walk(tree(module)))
    absolute = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    absolute |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    foreign = {name for name in absolute if name.split(".")[0] not in sys.stdlib_module_names}
    assert foreign == ({"builder.inside.entrypoint"} if module == TOP else set())
    assert {name for name, _ in imported(module, nodes)} <= INSIDE


@pytest.mark.parametrize("module", sorted(INSIDE - {TOP}))
def test_what_travels_is_what_is_imported(module: str) -> None:
    """`travelling` reads some lines of a module; here is all of its syntax, in functions too."""
    if MODULES[module].name == "__init__.py":
        assert own_imports(module, ast.walk(tree(module))) == set()
        return
    everywhere = own_imports(module, ast.walk(tree(module)))
    at_start = own_imports(module, at_run_time(tree(module).body))
    for_types = {
        name
        for node in tree(module).body
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for name in own_imports(module, ast.walk(node))
    }
    assert set(travelling.imports(module.removeprefix("builder.inside."))) == at_start
    assert everywhere == at_start | for_types


@pytest.mark.parametrize(
    "module", ["envspec.spec.model", "envspec.spec.load", "envspec.lockfile.lock", "service.client"]
)
def test_what_is_asked_first_is_there_at_once(module: str) -> None:
    """A run without change must not pay for solvers, downloads or backends."""
    script = f"import sys, {module}; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    heavy = {"requests", "uv", "piptools", "pip", "docker", "jinja2", "numpy", "capstone", "rich"}
    assert not heavy & set(done.stdout.split())


def test_every_module_says_what_it_owns() -> None:
    silent = [
        module
        for module, path in MODULES.items()
        if path.stat().st_size and not ast.get_docstring(tree(module))
    ]
    assert silent == []


@functools.cache
def tracked() -> tuple[pathlib.Path, ...]:
    """Text files of the project: those that git knows, or without git those of the rooms."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.split("\0") if listed.returncode == 0 else [str(path) for path in MODULES.values()]
    return tuple(ROOT / name for name in names if name and (ROOT / name).is_file())


HOSTS = ("py" + "pi.org", "python" + "hosted.org", "test.py" + "pi")
PLACES = re.compile(r"(?<![\w.])/(work/(main|shared)|root/|home/\w+/|tmp/helpers)")
ALLOWED = re.compile(r"/home/(user|you|app|me|nobody|service)\b")


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for file in tracked():
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line) and not ALLOWED.search(line):
                found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    return found


def test_no_file_names_a_package_registrys_host() -> None:
    assert lines_with(re.compile("|".join(map(re.escape, HOSTS)))) == []


def test_no_file_names_a_place_of_this_machine() -> None:
    own = {pathlib.Path(__file__).relative_to(ROOT).as_posix()}
    assert [line for line in lines_with(PLACES) if line.split(":")[0] not in own] == []
