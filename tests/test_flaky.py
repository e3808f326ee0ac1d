"""What fails once and passes alone is counted and named; what fails twice, or is no test, still fails."""

import os
import pathlib
import subprocess
import sys

import pytest

from tests.support.flaky import VERSION
from tests.support.paths import ROOT

ONCE = """
import pathlib
def test_{name}():
    mark = pathlib.Path("{name}.mark")
    first = not mark.exists()
    mark.touch()
    assert not first
"""
ALWAYS = "def test_never(): assert False\n"
CLEANS_UP = """
import pytest
@pytest.fixture
def thing():
    yield
    raise OSError("it is still used")
def test_cleaned_up(thing): pass
"""


def run(folder: pathlib.Path, *words: str, **files: str) -> tuple[int, str, list[str]]:
    """Run these files of tests; exit code, what was said, and the lines that were collected."""
    folder.joinpath("pytest.ini").write_text("[pytest]\n")
    for name, text in files.items():
        folder.joinpath(f"test_{name}.py").write_text(text)
    log = folder / "flaky"
    log.touch()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.support.flaky", "--again", *words],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "FLAKY_LOG": str(log),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout, log.read_text().splitlines()


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")], ids=["one process", "workers"])
def test_what_fails_once_is_named_and_counted(tmp_path: pathlib.Path, workers: tuple[str, ...]) -> None:
    files = {"one": ONCE.format(name="one"), "two": ONCE.format(name="two")}
    code, said, log = run(tmp_path, *workers, **files)
    assert code == 0
    names = ["test_one.py::test_one", "test_two.py::test_two"]
    first, *rest = said.splitlines()[-3:]
    assert (first, sorted(rest)) == ("flaky: 2", [f"  {name}" for name in names])
    assert sorted(log) == [f"{name} (Python {VERSION})" for name in names]


def test_what_fails_twice_fails_the_run(tmp_path: pathlib.Path) -> None:
    code, said, log = run(tmp_path, one=ONCE.format(name="one"), always=ALWAYS)
    assert code == 1
    assert said.splitlines()[-2:] == ["flaky: 1", "  test_one.py::test_one"]
    assert log == [f"test_one.py::test_one (Python {VERSION})"]


def test_what_cannot_clean_up_has_not_passed(tmp_path: pathlib.Path) -> None:
    code, said, _ = run(tmp_path, cleans=CLEANS_UP)
    assert (code, said.splitlines()[-1]) == (1, "flaky: 0")


def test_a_file_that_cannot_be_read_is_never_flaky(tmp_path: pathlib.Path) -> None:
    code, said, _ = run(
        tmp_path, "--continue-on-collection-errors", one=ONCE.format(name="one"), bad="import !"
    )
    assert (code, said.splitlines()[-2]) == (1, "flaky: 1")


def test_without_a_failure_nothing_runs_twice(tmp_path: pathlib.Path) -> None:
    code, said, _ = run(tmp_path, fine="def test_fine(): pass\n")
    assert (code, said.splitlines()[-1]) == (0, "flaky: 0")
    assert "alone" not in said
