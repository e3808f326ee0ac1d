"""What may not leave in a report does not, in any form and from any field."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.report.changes import Changes, Moved
from builder.report.forms import FORMS
from builder.report.model import Report, StageReport
from builder.report.occasion import Occasion
from builder.report.scrubbing import Private, clean_report, scrub_text
from envspec.supply.pip_settings import PipSettings
from envspec.system.errors import BuildError
from envspec.system.finding import Finding, Severity
from tests.support.paths import EXAMPLES, ROOT
from tests.support.program import machine, run

from .samples import SHIPS, TRIAL, VERDICT

PRIVATE = Private(secrets=("correct-horse-battery",), hosts=("mirror.corp.example",))
LEAKS = (
    "correct-horse-battery",
    "https://alice:hunter2@mirror.corp.example/simple/x.whl",
    "HTTPSConnectionPool(host='files.other.example', port=443): Max retries",
    "cannot reach mirror.corp.example:8443",
    "alice:hunter2@files.other.example:8080",
    "Authorization: Basic YWxpY2U6aHVudGVyMg==",
    "password=hunter2",
    "token: hunter2-hunter2",
    "ghp_" + "a1" * 18,
    "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----",
)
TRACES = re.compile(r"correct-horse|hunter2|mirror\.corp|files\.other|YWxpY2U|ghp_a1", re.IGNORECASE)


def leaking(text: str) -> Report:
    """A report that holds a text in each of its fields."""
    found = Finding(rule="EV201", severity=Severity.ERROR, message=text, hint=text, where=text)
    assert SHIPS.environment is not None
    return dataclasses.replace(
        SHIPS,
        name=text,
        variant=text,
        findings=(found,),
        stages=(StageReport(name=text, why=text, packages={text: text}, size=5),),
        environment=dataclasses.replace(SHIPS.environment, reference=text, variables={"A": text}),
        verdict=dataclasses.replace(VERDICT, target=text, platform=text, findings=(found,)),
        trials={text: {**TRIAL, "log": text, "trials": [{"said": [text]}]}},
        files=(text,),
        said=(text,),
        attachments={"x": text},
        failure=BuildError(text, hint=text),
        occasion=Occasion(date=text, command=text, commit=text, system=text, processor=text, python=text),
        changes=Changes(
            since=text,
            verdicts=(text, text),
            new=(found,),
            gone=(found,),
            moved=(Moved(name=text, before=text, after=text),),
            aside=(text,),
        ),
    )


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("form", FORMS)
def test_no_form_tells_what_is_private(form: str, leak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "correct-horse-battery")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.corp.example/simple")
    said = FORMS[form](leaking(f"it failed: {leak}"), Private.here())
    assert not TRACES.search(said), TRACES.search(said)


@given(before=st.text(), after=st.text(), leak=st.sampled_from(LEAKS))
def test_whatever_stands_around_it(before: str, after: str, leak: str) -> None:
    """A secret is cut wherever it stands, unless what is before it makes another word of it."""
    said = scrub_text(f"{before} {leak} {after}", PRIVATE)
    assert not TRACES.search(said.replace(before, "").replace(after, ""))


@given(st.text() | st.sampled_from(LEAKS))
def test_scrubbing_twice_changes_nothing_more(text: str) -> None:
    once = scrub_text(text, PRIVATE)
    assert scrub_text(once, PRIVATE) == once


@given(st.text(alphabet=st.characters(exclude_characters=":@=/-"), max_size=80))
def test_words_without_any_sign_of_a_secret_stay(text: str) -> None:
    assert scrub_text(text, Private()) == text


@pytest.mark.parametrize(
    "text",
    [
        "see docs/rules/EV206.md",
        "open http://localhost:5000/readyz",
        "write it as python:3.11-slim@sha256:" + "0" * 64,
        "numpy==1.23.5 is built with NumPy 1.x headers: pin numpy<2",
        "invalid token: EOF",
        "/usr/lib/python3/dist-packages/x.py:12: unexpected keyword argument 'token'",
        "sha256:" + "0" * 64,
    ],
)
def test_harmless_words_stay_readable(text: str) -> None:
    assert scrub_text(text, PRIVATE) == text


def test_an_address_keeps_the_file_it_ends_in() -> None:
    assert scrub_text("got https://mirror.corp.example/a/numpy-1.whl", PRIVATE) == "got <numpy-1.whl>"


def test_the_environment_tells_its_secrets_and_hosts() -> None:
    known = Private.of(
        {
            "SOME_API_KEY": "correct-horse",
            "HTTPS_PROXY": "http://bob:sesame-open@proxy.corp.example:3128",
            "SHORT_TOKEN": "abc",
            "HOME": "/home/alice",
            "UV_INDEX_URL": "http://[broken",
        },
        "build-7",
        PipSettings(
            index_url="https://index.corp.example/simple", redirects={"X": "https://torch.corp.example"}
        ),
    )
    assert known.secrets == ("correct-horse", "sesame-open")
    assert set(known.hosts) == {"build-7", "proxy.corp.example", "index.corp.example", "torch.corp.example"}


def test_pips_own_settings_are_hidden_whether_or_not_a_run_asked_for_them(tmp_path: pathlib.Path) -> None:
    """A run that finds everything where an earlier one kept it asks no index, and says the same."""
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nindex-url = https://mirror.corp.example/simple\n")
    program = "from builder.report.scrubbing import Private; print(Private.here().hosts)"
    env = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    env["PIP_CONFIG_FILE"] = str(settings)
    said = subprocess.check_output([sys.executable, "-c", program], env=env, text=True, cwd=ROOT)
    assert "mirror.corp.example" in said


def test_settings_that_pip_cannot_read_are_named_and_not_passed_over(tmp_path: pathlib.Path) -> None:
    """Without them the run would ask another index than the user's."""
    settings = tmp_path / "pip.conf"
    settings.write_text("[global\nindex-url = https://mirror.corp.example/simple\n")
    env = machine(tmp_path / "home", PIP_CONFIG_FILE=str(settings))
    done = run("envspec", "check", EXAMPLES / "article", "-q", env=env, cwd=tmp_path)
    assert done.returncode == 4
    assert str(settings) in done.stderr
    assert "Traceback" not in done.stderr
    assert "pip config debug" in done.stderr


def test_a_machine_with_a_plain_name_leaves_words_alone() -> None:
    assert Private.of({}, "python").hosts == ()


def test_the_variables_of_an_environment_and_the_log_are_gone() -> None:
    clean = clean_report(SHIPS, PRIVATE)
    assert clean.environment is not None
    assert not clean.environment.variables
    assert clean.trials["main"]["ready"]
    assert "log" not in clean.trials["main"]
    assert clean.verdict == SHIPS.verdict
    assert clean.findings == SHIPS.findings


def test_a_failure_keeps_its_exit_code() -> None:
    assert clean_report(leaking("x"), PRIVATE).exit_code == BuildError.exit_code
