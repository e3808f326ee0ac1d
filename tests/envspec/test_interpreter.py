"""Interpreters of this machine: found as lines, releases and builds, or told how to get."""

import concurrent.futures
import pathlib
import sys
import time

import findpython
import pytest
from packaging.version import Version

from envspec.system import interpreter
from envspec.system.errors import OutsideError

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"


class Installed:
    """An interpreter as `findpython` tells it."""

    def __init__(self, version: str) -> None:
        self.version = Version(version)
        self.executable = pathlib.Path(f"/opt/python-{version}/bin/python3")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[int, int, bool], list[str]]:
    """A machine that has the releases of this table, by line and kind of build, and nothing else."""
    there: dict[tuple[int, int, bool], list[str]] = {}

    def find_all(
        major: int, minor: int, patch: int | None, *, freethreaded: bool, **_: object
    ) -> list[Installed]:
        releases = there.get((major, minor, freethreaded), [])
        return [Installed(each) for each in releases if patch in (None, Version(each).micro)]

    monkeypatch.setattr("findpython.find_all", find_all)
    monkeypatch.setattr("shutil.which", {"pyenv": "/usr/bin/pyenv"}.get)
    interpreter._looked_up.cache_clear()
    return there


def test_its_own_interpreter_serves_for_its_line_and_its_release(
    machine: dict[tuple[int, int, bool], list[str]],
) -> None:
    assert machine == {}
    assert interpreter.find_interpreter(OWN).exists()
    assert interpreter.find_interpreter(OWN, sys.version_info.micro).exists()


def test_a_release_is_found_among_others_of_its_line(machine: dict[tuple[int, int, bool], list[str]]) -> None:
    machine[3, 8, False] = ["3.8.20", "3.8.18"]
    assert str(interpreter.find_interpreter("3.8", 18)) == "/opt/python-3.8.18/bin/python3"
    assert str(interpreter.find_interpreter("3.8")) == "/opt/python-3.8.20/bin/python3"


def test_a_free_threaded_build_is_no_other_build(machine: dict[tuple[int, int, bool], list[str]]) -> None:
    machine[3, 99, True] = ["3.99.1"]
    assert interpreter.known_interpreter("3.99t") is not None
    assert interpreter.known_interpreter("3.99") is None


def test_what_is_missing_is_told_with_what_is_there(machine: dict[tuple[int, int, bool], list[str]]) -> None:
    machine[3, 99, True] = ["3.99.1"]
    with pytest.raises(OutsideError) as raised:
        interpreter.find_interpreter("3.99t", 7)
    assert raised.value.message == "Python 3.99.7t is not on this machine, which has 3.99.1t"
    assert raised.value.hint == "get it by `uv python install 3.99.7t` or `pyenv install 3.99.7t`"


@pytest.mark.parametrize(
    ("line", "offered", "said"),
    [
        ("3.98", True, "`apt-get install python3.98 python3.98-venv`"),
        ("3.98t", True, "`apt-get install python3.98-nogil`"),
        ("3.98", False, ""),
    ],
)
def test_apt_is_named_only_where_it_has_it(
    machine: dict[tuple[int, int, bool], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    offered: bool,
    said: str,
) -> None:
    assert machine == {}
    monkeypatch.setattr(interpreter, "_apt_offers", lambda _: offered)
    with pytest.raises(OutsideError) as raised:
        interpreter.find_interpreter(line)
    assert said in raised.value.hint
    assert offered == ("apt-get" in raised.value.hint)


def test_threads_that_want_one_interpreter_look_for_it_once(
    machine: dict[tuple[int, int, bool], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine[3, 99, False] = ["3.99.1"]
    looked: list[int] = []
    find_all = findpython.find_all

    def slow(*arguments: int, **options: bool) -> object:
        looked.append(1)
        time.sleep(0.05)
        return find_all(*arguments, **options)

    monkeypatch.setattr("findpython.find_all", slow)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = set(pool.map(interpreter.known_interpreter, ["3.99"] * 8))
    assert len(found) == len(looked) == 1
