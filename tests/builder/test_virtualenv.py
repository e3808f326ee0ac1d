"""The virtualenv backend's folders."""

import pathlib

import pytest

from builder.backends.virtualenv import VirtualenvBackend
from builder.values.payload import collect_payload
from builder.values.plan import make_plan
from envspec.spec.model import Service
from tests.support import specs


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
