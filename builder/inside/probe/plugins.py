"""Runs pytest with all plugins that are installed for it on the least that it can be asked to do.

A plugin uses what its host has at run time, objects above all, of which reading tells nothing.
"""

from __future__ import annotations

import importlib
import os
import tempfile

from . import child, doors, importing
from .worker import limit, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .report import FoundDistribution

HOST = "pytest"
GROUP = "pytest11"
"""The group of entry points in which plugins of pytest stand. Source: pytest's manual, "Writing plugins"."""
UNABLE = 3
"""Pytest's exit code where it could not even begin."""
ALONE = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
TESTS = """
import pytest


@pytest.fixture
def number():
    return 1


@pytest.fixture(params=[1, 2])
def either(request):
    return request.param


def test_plain():
    pass


@pytest.mark.parametrize("value", [1, 2])
def test_of_values(value, number):
    assert value >= number


class TestInside:
    def test_method(self, either):
        assert either


@pytest.mark.skip(reason="it is never run")
def test_left_out():
    pass
"""


class Listener:
    """Keeps the first exception that pytest or a test ends with."""

    def __init__(self) -> None:
        self.error = None  # type: BaseException | None

    def pytest_internalerror(self, excinfo: Any) -> None:
        """Pytest itself, or a plugin in one of its hooks, has failed."""
        self.error = self.error or excinfo.value

    def pytest_exception_interact(self, call: Any) -> None:
        """A test could not be collected, set up or run."""
        self.error = self.error or call.excinfo.value


def modules(dists: list[FoundDistribution]) -> list[str]:
    """The modules in which plugins of pytest begin."""
    points = [each for dist in dists for each in doors.entry_points(dist.get("entry_points", ""))]
    return [module for group, _, module in points if group == GROUP]


def run_tests(begins: list[str]) -> dict[str, Any]:
    """In the child: how pytest gets through a file of tests that nothing is wrong with.

    `begins` are the modules of all plugins, without which it is started where there are none.
    """
    limit(120.0)
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ.pop(ALONE, None)
    if not begins:
        os.environ[ALONE] = "1"
    folder = tempfile.mkdtemp()
    for name, text in (("test_least.py", TESTS), ("pytest.ini", "[pytest]\n")):
        with open(os.path.join(folder, name), "w") as stream:
            stream.write(text)
    os.chdir(folder)
    listener = Listener()
    words = ["-q", "-p", "no:cacheprovider", "-c", "pytest.ini", "test_least.py"]
    try:
        code = int(importlib.import_module(HOST).main(words, plugins=[listener]))
    except BaseException as error:
        return {"error": importing.describe(error)}
    ended = listener.error or (load(begins) if code == UNABLE else None)
    if ended is not None:
        return {"error": importing.describe(ended)}
    return {"code": code} if code else {}  # it may want a setting: that is no fault


def load(begins: list[str]) -> BaseException | None:
    """What the first plugin ends with that cannot be loaded: pytest from 9 on prints that itself."""
    for module in begins:
        try:
            importlib.import_module(module)
        except BaseException as error:
            return error
    return None


def carry_out(job: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Run the tests with all plugins, and where that fails without any: who is to blame then shows."""
    say({"begin": HOST})
    timeout = float(job["timeout"])
    with_all, without = [], []  # type: tuple[list[dict[str, Any]], list[dict[str, Any]]]
    child.step(lambda: run_tests(job["modules"]), timeout=timeout, tell=with_all.append)
    told = with_all[0].get("value") or {}
    if "error" in told:
        child.step(lambda: run_tests([]), timeout=timeout, tell=without.append)
        alone = without[0].get("value")
        told["control"] = alone == {}
        if alone and "error" in alone:
            told["alone"] = alone["error"]
    say({"end": HOST, "outcome": dict(told, plugins=True, seconds=with_all[0]["seconds"])})


def main(bundle: dict[str, Any]) -> None:  # noqa: ARG001
    """Entry of a process of this kind."""
    serve(carry_out)
