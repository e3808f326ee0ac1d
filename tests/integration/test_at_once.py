"""A build with nothing to do is answered at once, and one with anything to do is not."""

import os
import pathlib
import shutil
from collections.abc import Callable

import pytest

from tests.support.program import run
from tests.support.projects import project

from .conftest import SPEC, spec_in

MORE = """
[[copy]]
from = "settings"
to = "settings"
"""


@pytest.fixture
def whole(small: pathlib.Path) -> pathlib.Path:
    """A folder with a spec, a tree that it builds and a folder that it copies, where git ignores some."""
    spec_in(small, SPEC.replace('install = ["greeter==1.0"]', 'install = ["greeter==1.0", "./own"]') + MORE)
    project(small / "own", "own-code")
    (small / "settings").mkdir()
    (small / "settings" / "app.ini").write_text("a = 1\n")
    (small / "settings" / "run.log").write_text("")
    (small / ".gitignore").write_text("*.log\n")
    return small


def said(whole: pathlib.Path, env: dict[str, str], *more: str) -> str:
    done = run("build-image", whole, "--backend", "virtualenv", "--quiet", *more, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict: ships" in done.stdout
    return done.stdout


def at_once(text: str) -> bool:
    return "nothing changed since" in text


def same_size_and_date(file: pathlib.Path, old: str, new: str) -> None:
    before = file.stat()
    file.write_text(file.read_text().replace(old, new, 1))
    assert file.stat().st_size == before.st_size
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


EDITS: dict[str, Callable[[pathlib.Path], object]] = {
    "the spec": lambda top: (top / "envspec.toml").write_text((top / "envspec.toml").read_text() + "# x\n"),
    "the lock": lambda top: (top / "envspec.lock").write_text((top / "envspec.lock").read_text() + "# x\n"),
    "the code": lambda top: same_size_and_date(next((top / "own").rglob("src/**/*.py")), "A = 1", "A = 2"),
    "more code": lambda top: (top / "own" / "src" / "more.py").write_text("B = 1\n"),
    "a copy": lambda top: same_size_and_date(top / "settings" / "app.ini", "1", "2"),
    "what git ignores": lambda top: (top / ".gitignore").write_text(""),
    "the environment": lambda top: shutil.rmtree(
        next((top.parent / "home" / "environments").glob("small-*"))
    ),
}


def test_a_second_build_is_answered_at_once(whole: pathlib.Path, env: dict[str, str]) -> None:
    first = said(whole, env)
    second = said(whole, env)
    assert (at_once(first), at_once(second)) == (False, True)
    assert "(unchanged)" in second
    assert first.splitlines()[:3] == second.splitlines()[:3]
    (whole / "settings" / "run.log").write_text("what git ignores goes nowhere\n")
    assert at_once(said(whole, env))
    assert not at_once(said(whole, env, "--fresh"))
    assert not at_once(said(whole, env, "--fast"))  # other words are another question


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_is_never_missed(
    whole: pathlib.Path, env: dict[str, str], edit: Callable[[pathlib.Path], object]
) -> None:
    said(whole, env)
    assert at_once(said(whole, env))
    edit(whole)
    assert not at_once(said(whole, env))


def test_what_must_be_fixed_is_found_each_time(small: pathlib.Path, env: dict[str, str]) -> None:
    spec_in(small, SPEC.replace("greeter:hello", "greeter:goodbye"))
    for _ in range(2):
        done = run("build-image", small, "--backend", "virtualenv", "--quiet", env=env)
        assert (done.returncode, at_once(done.stdout)) == (1, False)
