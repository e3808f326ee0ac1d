"""Modules of wheels, compiled: which ones, that each is made once, and the same by whoever makes it."""

import importlib.util
import marshal
import pathlib
import subprocess
import sys
import zipfile
from collections.abc import Callable

import pytest

from builder.image.loads import SMALL, stage_modules
from builder.inside.entrypoint import compile as compiling
from builder.values.stages import InstallStage, PlannedWheel
from builder.wheels.compiled import ASK, JOB, Python, StageModules, WheelCompiler, checked
from envspec.supply.wheelhouse import Wheelhouse
from tests.support.wheels import wheel

SITE = "/opt/env/lib/python3/site-packages"

MakeStage = Callable[..., InstallStage]


def imports(text: str, name: str = "alpha", path: str = "alpha/__init__.py") -> list[str]:
    return compiling.module_facts(text.encode(), path, name)[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import beta.deep", ["beta.deep"]),
        ("from beta import one, two", ["beta", "beta.one", "beta.two"]),
        ("from beta import *", ["beta"]),
        ("from . import used", ["alpha", "alpha.used"]),
        ("from .used import name", ["alpha.used", "alpha.used.name"]),
        ("from .... import beyond", []),
        ("import json, os.path", []),
        ("def later():\n    import beta", []),
        ("class Now:\n    import beta\n    def later(self):\n        import gamma", ["beta"]),
        ("try:\n    import beta\nexcept ImportError:\n    import gamma", ["beta", "gamma"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import beta\nimport gamma", ["gamma"]),
        ("import typing\nif typing.TYPE_CHECKING:\n    import beta\nelse:\n    import gamma", ["gamma"]),
        ("no python", []),
    ],
)
def test_what_a_module_imports_is_read_off_what_it_compiles_to(text: str, found: list[str]) -> None:
    assert imports(text) == found


def test_a_module_s_relative_imports_begin_at_its_package() -> None:
    assert imports("from . import b\nfrom .. import c", "p.q.a", "p/q/a.py") == ["p", "p.c", "p.q", "p.q.b"]


def test_a_module_compiles_to_the_same_whatever_was_compiled_before() -> None:
    """Also where its constants are equal to those of others that are alive, or are interned by somebody."""
    text = b"A = ('one', 1.5, b'x', frozenset((1, 2)), '[')\ndef f(a, b='one'):\n    return a, ('one', 1.5)\n"
    first = compiling.module_facts(text, "/site/a.py", "a")[1]
    others = [compiling.module_facts(text, f"/site/{name}.py", name)[1] for name in "bcd"]
    alive = [marshal.loads(each[16:]) for each in others]
    assert compiling.module_facts(text, "/site/a.py", "a")[1] == first
    assert alive


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Wheelhouse:
    return Wheelhouse(tmp_path / "wheelhouse")


@pytest.fixture
def make_stage(tmp_path: pathlib.Path, store: Wheelhouse) -> MakeStage:
    """A stage of one wheel with those files."""

    def make(name: str, files: dict[str, str], *, trim: tuple[str, ...] = ()) -> InstallStage:
        held = store.add(wheel(tmp_path, name, files=files))
        planned = PlannedWheel(name=name, version="1.0", **held.model_dump())
        return InstallStage(name=name, why="", wheels=(planned,), trim=trim)

    return make


class Runner:
    """Runs jobs with this Python, and counts them."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, folder: pathlib.Path, out: pathlib.Path) -> None:
        self.runs += 1
        assert compiling.main([str(out), "wheels", str(folder / JOB), str(folder)]) == 0


@pytest.fixture
def python() -> Python:
    return Python.told(subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True).stdout)


@pytest.fixture
def runner() -> Runner:
    return Runner()


@pytest.fixture
def compiler(
    python: Python, store: Wheelhouse, runner: Runner, home: pathlib.Path
) -> Callable[[], WheelCompiler]:
    """As in a new process each time."""
    return lambda: WheelCompiler(python, SITE, store, runner)


def loading(stage: InstallStage, *modules: str) -> StageModules:
    return StageModules(wheels=stage.wheels, trim=stage.trim, modules=modules)


def test_each_wheel_is_compiled_once_and_each_stage_adds_what_it_loads(
    make_stage: MakeStage, compiler: Callable[[], WheelCompiler], runner: Runner
) -> None:
    low = make_stage("low", {"low/__init__.py": "import low.used", "low/used.py": "", "low/idle.py": ""})
    high = make_stage("high", {"high.py": "import low.idle\nimport low.used", "other.py": "import low"})
    both = (loading(low, "low", "low.no_such"), loading(high, "high"))
    one, two = compiler().stages(both)
    assert [sorted(one), sorted(two)] == [["low/__init__.py", "low/used.py"], ["high.py", "low/idle.py"]]
    assert compiler().stages(both) == (one, two)
    assert runner.runs == 1
    (more,) = compiler().stages((loading(low, "low.idle"),))
    assert more == {**one, "low/idle.py": two["low/idle.py"]}
    assert runner.runs == 1, "what one stage loads is known to all"
    compiler().stages((both[0], loading(high, "high", "other")))
    assert runner.runs == 2


def test_what_is_made_of_a_wheel_is_what_is_made_of_it_where_it_is_installed(
    make_stage: MakeStage,
    compiler: Callable[[], WheelCompiler],
    python: Python,
    store: Wheelhouse,
    tmp_path: pathlib.Path,
) -> None:
    """So images of both backends hold the same, and with a cache as without one."""
    stage = make_stage(
        "low", {"low/__init__.py": "from . import used", "low/used.py": "A = 'text'\n", "t.py": "("}
    )
    site = tmp_path / "site"
    zipfile.ZipFile(store.path(stage.wheels[0])).extractall(site)
    (made,) = WheelCompiler(python, str(site), store, Runner()).stages((loading(stage, "low", "t"),))
    for round_, cache in enumerate((None, "cache", "cache")):
        out = tmp_path / f"out-{round_}"
        compiling.compile_loaded(str(site), ["low", "t"], str(out), cache and str(tmp_path / cache))
        files = {
            file.relative_to(f"{out}{site}").as_posix(): file.read_bytes() for file in out.rglob("*.pyc")
        }
        assert files == {python.beside(path): body for path, body in made.items()}
    assert sorted(made) == ["low/__init__.py", "low/used.py"]


def test_what_is_left_out_is_not_compiled(
    make_stage: MakeStage, compiler: Callable[[], WheelCompiler]
) -> None:
    stage = make_stage(
        "low", {"low/__init__.py": "import low.tests", "low/tests.py": ""}, trim=("**/tests.py",)
    )
    assert [list(each) for each in compiler().stages((loading(stage, "low"),))] == [["low/__init__.py"]]


def test_python_loads_what_was_made_and_notices_an_edit_where_it_is_to(
    make_stage: MakeStage, compiler: Callable[[], WheelCompiler], python: Python, tmp_path: pathlib.Path
) -> None:
    stage = make_stage("low", {"low.py": "def where(): return where.__code__.co_filename\n"})
    ((body,),) = [list(each.values()) for each in compiler().stages((loading(stage, "low"),))]
    compiled = tmp_path / python.beside("low.py")
    compiled.parent.mkdir()
    source = tmp_path / "low.py"
    source.write_text("def where(): return 'edited'\n")

    def said() -> str:
        command = [sys.executable, "-B", "-c", "import low; print(low.where())"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout.strip()

    compiled.write_bytes(body)
    assert said() == str(source), "it is trusted, and told where it stands"
    compiled.write_bytes(checked(body))
    assert said() == "edited"
    assert body[:4] == importlib.util.MAGIC_NUMBER


def test_each_stage_loads_what_it_brings(
    make_stage: MakeStage, store: Wheelhouse, home: pathlib.Path
) -> None:
    one = make_stage("lib", {"lib.py": "", "lib_more/__init__.py": "", "lib_more/deep.py": ""})
    two = make_stage("gunicorn", {"gunicorn/__init__.py": "", "gunicorn/app.py": f"'{'x' * SMALL}'"})
    named, modules = ("gunicorn", "lib"), ("gunicorn.app", "elsewhere")
    assert stage_modules(one, named, modules, store).modules == ("lib", "lib_more")
    assert stage_modules(two, named, modules, store).modules == ("gunicorn.app",), "it is too large for more"
    assert not stage_modules(one, (), modules, store).modules
