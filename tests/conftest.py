"""Fixtures of all tests, and what a run says about the components that it did without."""

import functools
import os
import pathlib
import signal
from collections.abc import Generator, Iterator

import hypothesis
import pytest

from tests.support.paths import EXAMPLES
from tests.support.web import Web, serving

hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")  # a machine that is busy with something else is no failure

# A shell that runs the tests in the background has them ignore Ctrl-C, and all that they start would too.
signal.signal(signal.SIGINT, signal.default_int_handler)

COMPONENTS = ("network", "docker", "browser", "reference", "gpu")
"""The markers that name a component: something outside that a test cannot do without."""

CARD = "gpu"
"""The one component that CI does without too: `make gpu` is for machines that have it."""


@pytest.fixture
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A home of the tool for this test alone."""
    place = tmp_path / "home"
    monkeypatch.setenv("ENVSPEC_HOME", str(place))
    return place


@pytest.fixture
def web() -> Iterator[Web]:
    """A server that answers what the test tells it to."""
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A home of the tool that all tests of the real index share."""
    return tmp_path_factory.mktemp("shared") / "home"


@pytest.fixture(scope="session")
def reference_python() -> pathlib.Path:
    """The interpreter of an environment built from the reference stack.

    `ENVSPEC_REFERENCE_PYTHON` names one that stands already; else it is built now, in the user's own home
    of the tool, so that the next run of the tests finds it.
    """
    if named := os.environ.get("ENVSPEC_REFERENCE_PYTHON"):
        return pathlib.Path(named)
    from builder.flow.pipeline import run_pipeline
    from builder.values.request import Request
    from envspec.system.errors import OutsideError

    wanted = Request(spec=EXAMPLES / "sambert-hifigan", backend="virtualenv", locked=True, stop_after="build")
    report = run_pipeline(wanted)
    if isinstance(report.failure, OutsideError):
        pytest.skip(f"the reference stack cannot be built here: {report.failure.message}")
    assert report.environment is not None, report.failure
    return pathlib.Path(report.environment.python)


@functools.cache
def without_network() -> str | None:
    """Why the machine's package index cannot be asked; None when it can."""
    from envspec.spec.load import parse_spec
    from envspec.supply.pip_settings import ask_pip
    from envspec.supply.sources import Sources
    from envspec.system.errors import OutsideError

    spec = parse_spec('name = "x"\npython = "3.11"\n[[stage]]\nname = "x"\ninstall = ["pip"]')
    try:
        found = Sources(spec, ask_pip()).files("default", "pip")
    except OutsideError as error:
        return error.message
    return None if found else "the package index has no pip"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The other components' own fixtures skip where they are missing."""
    if item.get_closest_marker("network") and (why := without_network()) is not None:
        pytest.skip(why)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With CI=true a missing component fails instead of being skipped."""
    report = yield
    named = [each for each in COMPONENTS if each != CARD and item.get_closest_marker(each)]
    if report.skipped and named and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{' and '.join(named)} missing, and CI=true: {_reason(report)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The last lines: what was not run, for want of what, and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    terminalreporter.section("done without")
    for component in (*COMPONENTS, ""):
        reports = [report for report in skipped if _component(report) == component]
        reasons = sorted({_reason(report) for report in reports})
        if reports:
            name = component or "other"
            terminalreporter.line(f"{name}: {len(reports)} tests skipped ({'; '.join(reasons)})")
    if not skipped:
        terminalreporter.line("nothing: every test that was chosen ran")


def _component(report: pytest.TestReport) -> str:
    return next((component for component in COMPONENTS if component in report.keywords), "")


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        _file, _line, why = report.longrepr
        return why.removeprefix("Skipped: ")
    return str(report.longrepr)
