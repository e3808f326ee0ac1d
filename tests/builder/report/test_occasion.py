"""When, how, of what and where: as a reader of a report wants to know it."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess

import pytest

from builder.report.occasion import day_words, occasion_of

git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")


@pytest.fixture
def spec(tmp_path: pathlib.Path) -> pathlib.Path:
    """A spec in a work tree with one commit."""
    file = tmp_path / "repository" / "service" / "envspec.toml"
    file.parent.mkdir(parents=True)
    file.write_text("name = 'x'\n")
    who = ("-c", "user.name=x", "-c", "user.email=x@x.invalid")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-q", "-m", "x")):
        subprocess.run(["git", *words], cwd=tmp_path / "repository", check=True)
    return file


def test_it_has_a_date_a_command_and_a_machine() -> None:
    made = occasion_of(["envspec", "check", "a b"], None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", made.date)
    assert made.command == "envspec check 'a b'"
    assert (made.commit, made.state) == ("", "")
    assert made.system
    assert re.fullmatch(r"CPython 3\.\d+\.\d+.*", made.python)
    assert re.fullmatch(r".+, \d+ processors?", made.processor)


@git
def test_a_commit_is_told_and_what_differs_from_it(spec: pathlib.Path) -> None:
    clean = occasion_of([], spec)
    assert re.fullmatch("[0-9a-f]{12}", clean.commit)
    assert clean.state == clean.commit
    (spec.parents[1] / "elsewhere.txt").write_text("x")
    (spec.parent / "report.json").write_text("{}")  # in no commit, as reports are
    assert not occasion_of([], spec).changed
    spec.write_text("name = 'y'\n")
    assert occasion_of([], spec).state == f"{clean.commit} + changes"


@git
def test_a_spec_in_no_commit_is_a_change(spec: pathlib.Path) -> None:
    other = spec.with_name("other.toml")
    other.write_text("")
    assert occasion_of([], other).changed


@git
def test_a_repository_starts_no_program_of_its_own(spec: pathlib.Path, tmp_path: pathlib.Path) -> None:
    monitor = tmp_path / "monitor"
    monitor.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    monitor.chmod(0o755)
    subprocess.run(["git", "config", "core.fsmonitor", str(monitor)], cwd=spec.parent, check=True)
    assert occasion_of([], spec).commit
    assert not (tmp_path / "started").exists()
    subprocess.run(["git", "status"], cwd=spec.parent, check=True, capture_output=True)
    assert (tmp_path / "started").exists()


def test_no_work_tree_and_no_git_have_no_commit(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert occasion_of([], tmp_path / "envspec.toml").commit == ""
    monkeypatch.setenv("PATH", "")
    assert occasion_of([], tmp_path / "envspec.toml").commit == ""


def test_a_date_that_is_none_stays_as_it_is() -> None:
    assert day_words("2026-01-31T09:05:59Z") == "2026-01-31 09:05 UTC"
    assert day_words("yesterday") == "yesterday"
