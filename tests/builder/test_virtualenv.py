"""The virtualenv backend's folders."""

import pathlib
import subprocess

import pytest

from builder.backends.virtualenv import VirtualenvBackend
from builder.values.payload import collect_payload
from builder.values.plan import make_plan
from envspec.spec.model import Service
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.progress import SILENT
from tests.support import specs
from tests.support.wheels import wheel


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


def test_variables_of_the_environment_reach_whoever_runs_in_it(
    home: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """The judge's probe, the trial of the payload, and a shell; other variables make another folder."""
    spec = specs.spec(specs.stage("one", "alpha==1.0"))
    file = wheel(tmp_path, "alpha")
    store = Wheelhouse(home / "wheelhouse")
    store.add(file)
    held = specs.lock(specs.artifact(file, stage="one"), stages=("one",))
    backend = VirtualenvBackend()
    built = [
        backend.build(make_plan(each, held), tmp_path, store, SILENT)
        for each in (spec, spec.model_copy(update={"env": {"LIB": "{site}/alpha"}}))
    ]
    places = [each.reference for each in built]
    assert len(set(places)) == 2
    wanted = f"{places[1]}/lib/python{spec.python}/site-packages/alpha"
    script = [built[1].python, "-c", "import os; print(os.environ['LIB'])"]
    assert backend.run(built[1], script).stdout.strip() == wanted
    assert backend.subject(built[1]).run(script, stdin=None, timeout=60).stdout.strip() == wanted
    shell = ["bash", "-c", f". {places[1]}/bin/activate; echo $LIB"]
    assert subprocess.run(shell, capture_output=True, text=True, check=True).stdout.strip() == wanted
    assert not backend.build(make_plan(spec, held), tmp_path, store, SILENT).variables
