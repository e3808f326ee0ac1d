"""What was not copied is told once, by its names, and never by what it holds."""

import pathlib
from typing import Any

import pytest

from builder.values import left_out
from builder.values.copies import relative_files
from builder.values.copying import collect_copies
from builder.values.left_out import judge_left_out, judge_unplaced
from builder.values.models import lock_models
from builder.values.payload import collect_payload
from builder.values.plan import Plan, make_plan
from envspec.spec.files import Copy
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


def copied(folder: pathlib.Path, **more: Any) -> Plan:
    wanted = Copy.model_validate({"from": "app", "to": "/srv/app", **more})
    return make_plan(specs.spec(specs.stage("one")), specs.lock(), copies=collect_copies([wanted], folder))


def test_a_copy_tells_for_itself_what_stays_at_home(folder: pathlib.Path) -> None:
    put(folder, "app/.env")
    (folder / "app" / "report.json").write_text('{"tool": "envspec 1", "phase": "ship"}')
    secret, output = judge_left_out(copied(folder), folder)
    assert (secret.rule, secret.where) == ("EV310", "copy[0].from")
    assert secret.hint.endswith('`include = [".env"]` in this [[copy]]')
    assert (output.rule, output.severity) == ("EV312", Severity.INFO)
    assert output.message.endswith(": report.json")


def test_a_large_copy_is_told_with_its_largest_files(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_out, "LARGE", 2_000_000)
    (folder / "app" / "big.bin").write_bytes(bytes(2_000_000))
    (found,) = judge_left_out(copied(folder), folder)
    assert found.message == "app brings 2 MB in 2 files: app/big.bin 2 MB, app/app.py 0 MB"


def test_a_link_that_the_service_s_code_loses_is_told(folder: pathlib.Path) -> None:
    (folder / "app" / "data").symlink_to("/etc")
    (folder / "app" / "loop").symlink_to("loop")
    (found,) = told(folder)
    assert (found.rule, found.severity) == ("EV311", Severity.WARNING)
    assert found.message.endswith("were not copied: data, loop")


def test_what_a_virtual_environment_has_no_place_for_is_told(folder: pathlib.Path) -> None:
    (absolute,) = judge_unplaced(copied(folder))
    assert (absolute.rule, absolute.where) == ("EV314", "copy[0].to")
    (owned,) = judge_unplaced(copied(folder, to="app", owner="www-data"))
    assert owned.where == "copy[0].owner"
    assert not list(judge_unplaced(copied(folder, to="app")))
    (folder / "app" / "model").symlink_to("../voices/mine/weights.bin")
    wanted = [{"from": "app", "to": "app"}, {"from": "voices", "to": "/srv/voices"}]
    copies = collect_copies([Copy.model_validate(each) for each in wanted], folder)
    plan = make_plan(specs.spec(specs.stage("one")), specs.lock(), copies=copies)
    assert [finding.where for finding in judge_unplaced(plan)] == ["copy[0].from", "copy[1].to"]
    assert "app/model" not in relative_files(copies)
