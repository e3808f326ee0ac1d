"""The virtualenv backend's folders: what killed runs left is swept, what others work on is not."""

import pathlib

import pytest

from builder.backends.virtualenv import VirtualenvBackend
from builder.values.payload import collect_payload
from builder.values.plan import make_plan
from envspec.spec.model import Service
from envspec.system.home import tool_home
from envspec.system.temporary import scratch_folder
from tests.support import specs


def test_abandoned_copies_of_payloads_are_swept(home: pathlib.Path, tmp_path: pathlib.Path) -> None:
    payloads = tool_home() / "payloads"
    dead = payloads / ".payload-dead"
    dead.mkdir(parents=True)
    (dead / "half.py").write_text("")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.py").write_text("app = 1\n")
    service = Service(module="app:app", source="app")
    spec = specs.spec(specs.stage("one")).model_copy(update={"service": service})
    plan = make_plan(spec, specs.lock(), collect_payload(service, tmp_path))
    with scratch_folder(payloads, ".payload-") as living:
        copied = VirtualenvBackend()._payload(plan, tmp_path)
        assert living.is_dir()
    assert copied is not None
    assert (pathlib.Path(copied) / "app.py").read_text() == "app = 1\n"
    assert not dead.exists()
    assert sorted(each.name for each in payloads.iterdir()) == [pathlib.Path(copied).name]


def test_a_payload_that_was_changed_is_copied_anew(
    home: pathlib.Path, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.py").write_text("app = 1\n")
    service = Service(module="app:app", source="app")
    spec = specs.spec(specs.stage("one")).model_copy(update={"service": service})
    plan = make_plan(spec, specs.lock(), collect_payload(service, tmp_path))
    copied = pathlib.Path(VirtualenvBackend()._payload(plan, tmp_path) or "")
    (copied / "app.py").write_text("app = 2\n")
    assert VirtualenvBackend()._payload(plan, tmp_path) == str(copied)
    assert (copied / "app.py").read_text() == "app = 1\n"
    assert "is not as it was made" in caplog.text
