"""What our own modules compile to is kept, where Python may not keep it beside them too."""

import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.support.paths import ROOT

MODULES = ("__init__", "own_code", "where")
SCRIPT = """
import os, sys
from envspec.system import own_code
own_code.keep_own_code()
import told_here
print(sys.pycache_prefix, sys.dont_write_bytecode)
"""


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> pathlib.Path:
    """The modules alone, none of them compiled."""
    place = tmp_path / "tree"
    (place / "envspec" / "system").mkdir(parents=True)
    (place / "told_here.py").write_text("")
    shutil.copy(ROOT / "envspec" / "__init__.py", place / "envspec")
    for name in MODULES:
        shutil.copy(ROOT / "envspec" / "system" / f"{name}.py", place / "envspec" / "system")
    return place


def run(tree: pathlib.Path, **variables: str) -> list[str]:
    env = {"ENVSPEC_HOME": str(tree.parent / "home"), **variables}
    done = subprocess.run(
        [sys.executable, "-S", "-c", SCRIPT], cwd=tree, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def compiled(place: pathlib.Path) -> set[str]:
    return {file.name.partition(".")[0] for file in place.rglob("*.pyc")}


def test_it_is_kept_in_the_home_where_it_may_not_stand_beside(tree: pathlib.Path) -> None:
    prefix = str(tree.parent / "home" / "code")
    assert run(tree, PYTHONDONTWRITEBYTECODE="1") == [prefix, "False"]
    assert not compiled(tree)
    assert "told_here" in compiled(pathlib.Path(prefix))


@pytest.mark.parametrize(
    "damage", [lambda body: body[:-40], lambda body: body[:20] + b"?" + body[21:], lambda _: b""]
)
def test_what_is_damaged_is_made_anew(tree: pathlib.Path, damage: Callable[[bytes], bytes]) -> None:
    run(tree, PYTHONDONTWRITEBYTECODE="1")
    (kept,) = (tree.parent / "home" / "code").rglob("told_here.*.pyc")
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    run(tree, PYTHONDONTWRITEBYTECODE="1")
    assert kept.read_bytes() == whole


def test_where_python_keeps_it_anyway_nothing_changes(tree: pathlib.Path) -> None:
    assert run(tree) == ["None", "False"]
    assert "told_here" in compiled(tree)
    assert run(tree, PYTHONDONTWRITEBYTECODE="1")[0] != "None", "no more than a part stands there"
    name = f"pipeline.{sys.implementation.cache_tag}.pyc"
    (tree / "builder" / "flow" / "__pycache__").mkdir(parents=True)
    (tree / "builder" / "flow" / "__pycache__" / name).write_bytes(b"")
    again = run(tree, PYTHONDONTWRITEBYTECODE="1")
    assert again == ["None", "True"], "what stands beside is taken"


def test_a_place_that_the_user_chose_stays(tree: pathlib.Path) -> None:
    chosen = str(tree.parent / "elsewhere")
    variables = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": chosen}
    assert run(tree, **variables) == [chosen, "True"]
    assert not compiled(tree.parent)
