"""What was not copied is told once, by its names, and never by what it holds."""

import pathlib

import pytest

from builder.values.left_out import judge_left_out
from builder.values.models import lock_models
from builder.values.payload import collect_payload
from builder.values.plan import make_plan
from envspec.spec.model import Service
from envspec.system.finding import Finding, Severity
from tests.support import specs

SECRET = "hunter2-hunter2"


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A spec's folder with a payload and a model."""
    monkeypatch.setenv("ENVSPEC_HOME", str(tmp_path / "home"))
    for path in ("app/app.py", "voices/mine/weights.bin"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    return tmp_path


def put(folder: pathlib.Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(SECRET)


def told(folder: pathlib.Path, *include: str) -> list[Finding]:
    service = Service(module="app:app", source="app", models=("./voices/mine",), include=include)
    spec = specs.spec(specs.stage("one")).model_copy(update={"service": service})
    lock = specs.lock().model_copy(update={"models": lock_models(service, folder)})
    return list(judge_left_out(make_plan(spec, lock, collect_payload(service, folder)), folder))


def test_nothing_left_out_is_nothing_to_tell(folder: pathlib.Path) -> None:
    assert told(folder) == []


def test_all_of_it_is_one_warning_with_names_alone(folder: pathlib.Path) -> None:
    put(
        folder,
        "app/.env",
        "app/.ssh/id_rsa",
        "app/.git/config",
        "voices/mine/.npmrc",
        "voices/mine/deep/id_rsa",
    )
    (found,) = told(folder)
    assert (found.rule, found.severity, found.where) == ("EV310", Severity.WARNING, "service.source")
    assert found.message.endswith(": .env, .ssh/, voices/mine/.npmrc, voices/mine/deep/id_rsa, .git/")
    assert found.hint.endswith('`[service] include = [".env"]`')
    assert SECRET not in str(found)


def test_what_the_spec_names_is_not_told(folder: pathlib.Path) -> None:
    put(folder, "app/.env")
    assert told(folder, ".env") == []


def test_a_history_alone_is_no_warning(folder: pathlib.Path) -> None:
    put(folder, "app/.git/config")
    (found,) = told(folder)
    assert (found.severity, found.hint) == (Severity.INFO, "")


def test_many_names_are_counted(folder: pathlib.Path) -> None:
    put(folder, *(f"app/{number:03}/.env" for number in range(500)))
    (found,) = told(folder)
    assert found.message.endswith(" and 488 more")
    assert len(found.message) < 300
