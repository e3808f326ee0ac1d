"""Plugins of pytest: what ends the least of tests when it is run with all of them."""

from __future__ import annotations

import pathlib

import pytest

from builder.judge import judge_subject
from builder.judge.rules.plugins import judge_plugins

from .environments import Environment, errors
from .facts import SITE, facts, fault

HOST = """
import importlib.metadata, os
from argparse import Namespace


def main(words, plugins):
    (listener,) = plugins
    assert os.path.isfile(words[-1])
    if os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        return %(alone)s
    for each in importlib.metadata.entry_points(group="pytest11"):
        try:
            plugin = each.load()
        except Exception:
            return 3  # having printed it, as pytest does from 9 on
        try:
            plugin.pytest_generate_tests(Namespace(_calls=[]))
        except Exception as error:
            listener.pytest_internalerror(Namespace(value=error))
            return 3
    return 0
"""
"""As much of pytest as it takes to run a hook."""


ENDS = "listener.pytest_internalerror(Namespace(value=%s)) or 3"


def install(environment: Environment, hook: str, *, alone: str = "0", begins: str = "plug") -> None:
    environment.install("pytest", {"pytest.py": HOST % {"alone": alone}}, version="8.3")
    points = "plug-1.0.dist-info/entry_points.txt"
    code = f"def pytest_generate_tests(metafunc):\n    {hook}\n"
    files = {"plug.py": code, f"{begins}.py": code if begins == "plug" else "from plug import gone\n"}
    environment.install("plug", {**files, points: f"[pytest11]\nplug = {begins}\n"})


@pytest.mark.parametrize(("hook", "found"), [
    ("return metafunc._calls", []),
    ("return metafunc.gone", ["EV263:plug"]),
    ("raise RuntimeError('set PLUG_SETTINGS')", []),
    ("from pytest import gone", ["EV263:plug"]),
])  # fmt: skip
def test_a_plugin_that_does_not_fit_is_found_by_running_it(
    environment: Environment, hook: str, found: list[str]
) -> None:
    install(environment, hook)
    assert list(errors(judge_subject(environment.target))) == found


def test_a_plugin_that_cannot_be_loaded_is_found_where_the_host_only_prints_it(
    environment: Environment,
) -> None:
    install(environment, "pass", begins="plug_late")
    assert "EV263:plug" in errors(judge_subject(environment.target))


def test_what_fails_without_plugins_too_is_none_of_theirs(environment: Environment) -> None:
    install(environment, "return metafunc.gone", alone="1")
    assert not errors(judge_subject(environment.target))


@pytest.mark.parametrize(("value", "found"), [
    ("TypeError('required field')", ["EV263:pytest"]),
    ("RuntimeError('no terminal')", []),
])  # fmt: skip
def test_pytest_that_cannot_run_a_test_here_is_found_without_plugins(
    environment: Environment, value: str, found: list[str]
) -> None:
    environment.install("pytest", {"pytest.py": HOST % {"alone": ENDS % value}}, version="5.4")
    assert list(errors(judge_subject(environment.target))) == found


def test_pytest_that_fails_with_plugins_and_without_is_told_once(environment: Environment) -> None:
    install(environment, "return metafunc.gone", alone=ENDS % "AttributeError('gone')")
    assert list(errors(judge_subject(environment.target))) == ["EV263:pytest"]


@pytest.mark.parametrize(("wanted", "severity"), [("wanted", "error"), ("helper", "warning")])
def test_pytest_that_is_there_for_others_is_a_warning(wanted: str, severity: str) -> None:
    error = fault("TypeError", "required field")
    told = facts(plugins=[{"module": wanted, "error": error, "control": False, "alone": error}])
    (found,) = judge_plugins(told)
    assert (found.severity, found.where) == (severity, wanted)


def test_the_fast_look_runs_none(environment: Environment, tmp_path: pathlib.Path) -> None:
    install(environment, f"open({str(tmp_path / 'was-run')!r}, 'w')")
    judge_subject(environment.target, fast=True)
    assert not (tmp_path / "was-run").exists()


def test_the_plugin_that_ran_last_is_named_and_not_what_carries_it() -> None:
    error = fault("AttributeError", "no attribute 'gone'")
    error["frames"] = [[f"{SITE}/{name}/__init__.py", 3, "call"] for name in ("wanted", "helper")]
    (found,) = judge_plugins(facts(plugins=[{"module": "pytest", "error": error, "control": True}]))
    assert (found.rule, found.where) == ("EV263", "helper")
    assert "with helper 2.0: AttributeError: no attribute 'gone' (helper/__init__.py:3)" in found.message


@pytest.mark.parametrize(("wanted", "found"), [("wanted", ["EV263"]), ("helper", [])])
def test_an_import_that_fails_counts_where_somebody_wants_the_plugin(wanted: str, found: list[str]) -> None:
    error = fault("ImportError", "cannot import name 'gone'")
    error["frames"] = [[f"{SITE}/{wanted}/__init__.py", 3, "<module>"]]
    told = facts(plugins=[{"module": "pytest", "error": error, "control": True}])
    assert [each.rule for each in judge_plugins(told)] == found
