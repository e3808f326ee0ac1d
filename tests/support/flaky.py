"""A pytest plugin for crowded machines: what failed is tried once more, alone, and never in silence.

`-p tests.support.flaky --again` loads it. A test that fails twice fails the run. One that passes when it is
alone is flaky: the last lines count and name it, and the file of `$FLAKY_LOG` collects what all runs name.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence

import pytest

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("flaky")
    group.addoption("--again", action="store_true", help="try what failed once more, alone")
    group.addoption("--passed-to", metavar="FILE", help="write the names of all tests that passed, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    # Workers of pytest-xdist send their reports to the process that started them: that one counts.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes(config), "outcomes")


class Outcomes:
    """What passed and what failed in a run, and what became of it alone."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.passed: set[str] = set()
        self.failed: dict[str, int] = {}
        """How many steps of each failed: a test and what cleans up after it can fail both."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed[report.nodeid] = self.failed.get(report.nodeid, 0) + 1
        elif report.when == "call" and report.passed:
            self.passed.add(report.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        yield
        if file := self.config.getoption("passed_to"):
            pathlib.Path(file).write_text(json.dumps(sorted(self.passed - self.failed.keys())))
        if self.config.getoption("again"):
            passed = passed_alone(list(self.failed), self.config.rootpath) if self.failed else set()
            flaky = [name for name in self.failed if name in passed]
            # Whatever else was wrong stays wrong: a file that cannot be imported, too low a coverage.
            only_tests = session.testsfailed == sum(self.failed.values())
            if len(flaky) == len(self.failed) and only_tests and session.exitstatus == 1:
                session.exitstatus = pytest.ExitCode.OK
            tell(flaky)


def passed_alone(names: Sequence[str], root: pathlib.Path) -> set[str]:
    """Those of the tests that pass in a process of their own, one after the other."""
    print(f"\nfailed once, now alone: {len(names)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "passed.json")
        file.write_text("[]")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.support.flaky",
            "-p",
            "no:xdist",
            "-p",
            "no:cov",
        ]
        subprocess.run([*command, "--passed-to", str(file), *names], cwd=root)
        return set(json.loads(file.read_text()))


def tell(flaky: Sequence[str]) -> None:
    """Print how many tests failed once and passed alone, and which; keep them for the end of all runs."""
    print(f"flaky: {len(flaky)}", *(f"  {name}" for name in flaky), sep="\n", flush=True)
    if log := os.environ.get("FLAKY_LOG"):
        with pathlib.Path(log).open("a", encoding="utf-8") as lines:
            lines.writelines(f"{name} (Python {VERSION})\n" for name in flaky)
