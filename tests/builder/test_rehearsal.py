"""Imports of a lock that are tried before anything is built: what that finds, and what it takes back."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping

import pytest

from builder.flow import rehearsal
from builder.flow.pipeline import run_pipeline
from builder.flow.project import open_project
from builder.report.model import Report
from builder.values.request import Request
from envspec.lockfile.lock import read_lock
from envspec.supply import pip_settings
from envspec.system import rules
from envspec.system.finding import Severity
from envspec.system.home import tool_home
from envspec.system.progress import SILENT
from envspec.system.sandbox import NONE, best_sandbox
from tests.support.index import simple_index
from tests.support.wheels import wheel

pytestmark = [
    pytest.mark.usefixtures("home"),
    pytest.mark.skipif(best_sandbox().kind == NONE, reason="this machine has no sandbox"),
]

Check = Callable[..., Report]
NOTHING: Mapping[str, tuple[str, ...]] = {}

FAILS_IN_USE = "import sys\nif len(sys.path):\n    raise RuntimeError('no such engine')\n"
"""Reading cannot tell that it fails."""


@pytest.fixture
def check(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Check]:
    """Checks a spec that installs packages with that code, each a module of its own name."""

    def checked(
        code: Mapping[str, str],
        *,
        rehearse: bool = True,
        requires: Mapping[str, tuple[str, ...]] = NOTHING,
        named: Iterable[str] | None = None,
    ) -> Report:
        wheels = [
            wheel(tmp_path / "files", name, files={f"{name}.py": text}, requires=requires.get(name, ()))
            for name, text in code.items()
        ]
        monkeypatch.setenv("PIP_INDEX_URL", simple_index(tmp_path / "simple", wheels))
        monkeypatch.setenv("PIP_FIND_LINKS", "")
        pip_settings._asked.cache_clear()
        words = json.dumps([f"{name}==1.0" for name in named or code])
        (tmp_path / "envspec.toml").write_text(
            f'name = "demo"\npython = "3.11"\n[base]\nhost = true\n'
            f'[[stage]]\nname = "one"\ninstall = {words}\n'
        )
        (tmp_path / "envspec.lock").unlink(missing_ok=True)
        request = Request(spec=tmp_path, stop_after="prove", rehearse=rehearse)
        return run_pipeline(request)

    yield checked
    pip_settings._asked.cache_clear()


def found(report: Report) -> dict[str, str]:
    """Weight by rule and place of all but information."""
    return {
        f"{each.rule}:{each.where}": str(each.severity)
        for each in report.findings
        if each.severity is not Severity.INFO
    }


def test_what_only_fails_in_use_is_found_before_anything_is_built(check: Check) -> None:
    report = check({"app": FAILS_IN_USE})
    assert found(report) == {"EV201:app": "error"}
    assert report.exit_code == 1
    assert "tried 1 imports of 1 distributions" in report.said[0]
    assert list((tool_home() / "environments").rglob("pyvenv.cfg")) == []


def test_reading_alone_can_be_asked_for(check: Check) -> None:
    report = check({"app": FAILS_IN_USE}, rehearse=False)
    assert (found(report), report.said, report.exit_code) == ({}, (), 0)


@pytest.mark.parametrize(
    ("named", "errors"),
    [(["app"], 0), (["app", "helper"], 1), (["app", "helper", "lib"], 0), (["app", "lib", "helper"], 0)],
)
def test_a_list_of_all_that_is_installed_wants_what_no_other_requires(
    check: Check, named: list[str], errors: int
) -> None:
    code = {"app": "import os\n", "helper": "import nowhere\n", "lib": "import os\n"}
    report = check(code, rehearse=False, requires={"app": ("helper", "lib")}, named=named)
    assert len([each for each in report.findings if each.rule == "EV140"]) == errors


def test_what_fails_in_reading_and_in_use_is_told_once(check: Check) -> None:
    report = check({"provider": "import os\nnew = 1\n", "user": "from provider import old\n"})
    assert found(report) == {"EV140:user:1": "error"}


def test_an_error_that_trying_refutes_is_none(check: Check, tmp_path: pathlib.Path) -> None:
    check({"app": "import os\n"}, rehearse=False)
    project, lock = open_project(tmp_path, None), read_lock(tmp_path / "envspec.lock")
    assert lock is not None
    wrong = rules.LINK_FAILS.finding("`import app` of app 1.0 fails", where="app:1", module="app")
    library = rules.LINK_FAILS.finding("the base has no libodd.so.1", where="app:1")
    tried = rehearsal.rehearse(project, lock, (wrong, library), SILENT)
    assert tried.findings == (library,)


def test_a_good_verdict_is_known_the_second_time(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check({"app": "import os\n"}).said
    monkeypatch.setattr(rehearsal, "judge_environment", None)
    report = check({"app": "import os\n"})
    assert (report.exit_code, len(report.said)) == (0, 1)


def test_wheels_that_cannot_be_had_any_more_are_said(check: Check, tmp_path: pathlib.Path) -> None:
    check({"app": "import os\n"}, rehearse=False)
    shutil.rmtree(tool_home() / "wheelhouse")
    request = Request(spec=tmp_path, stop_after="prove", rehearse=True, offline=True, locked=True)
    shutil.rmtree(tmp_path / "files")
    report = run_pipeline(request)
    assert report.exit_code == 0
    assert [each.rule for each in report.findings if each.rule == "EV144"] == ["EV144"]


def test_a_python_that_is_not_here_is_said(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "known_interpreter", lambda _: None)
    report = check({"app": FAILS_IN_USE})
    assert [each.message for each in report.findings if each.rule == "EV144"] == [
        "the imports were read, and not tried: this machine has no Python 3.11"
    ]
    assert report.exit_code == 0
