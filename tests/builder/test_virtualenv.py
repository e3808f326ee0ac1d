"""The virtualenv backend's folders."""

import pathlib
import subprocess

import pytest

from builder.backends.virtualenv import VirtualenvBackend
from builder.values.copying import collect_copies
from builder.values.payload import collect_payload
from builder.values.plan import make_plan
from envspec.spec.files import Copy
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
    copied = pathlib.Path(VirtualenvBackend()._folder(plan, tmp_path) or "")
    (copied / "app.py").write_text("app = 2\n")
    assert VirtualenvBackend()._folder(plan, tmp_path) == str(copied)
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


def test_copies_stand_beside_the_payload_and_programs_start_there(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVSPEC_HOME", str(tmp_path / "home"))
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("app = 1\n")
    (tmp_path / "train.yaml").write_text("a: 1\n")
    service = Service(module="app:app", source="src")
    spec = specs.spec(specs.stage("one")).model_copy(update={"service": service})
    wanted = [{"from": "train.yaml", "to": "conf/"}, {"from": "train.yaml", "to": "/etc/shop/"}]
    copies = collect_copies([Copy.model_validate(each) for each in wanted], tmp_path)
    plain = make_plan(spec, specs.lock(), collect_payload(service, tmp_path))
    plan = plain.model_copy(update={"copies": copies})
    backend = VirtualenvBackend()
    place = pathlib.Path(backend._folder(plan, tmp_path) or "")
    assert sorted(path.relative_to(place).as_posix() for path in place.rglob("*.*")) == [
        "app.py",
        "conf/train.yaml",
    ]
    assert backend._folder(plan, tmp_path) == str(place)
    assert backend._folder(plain.model_copy(update={"copies": copies[1:]}), tmp_path) == backend._folder(
        plain, tmp_path
    ), "what goes to absolute places is nowhere"
    bare = plan.model_copy(update={"payload": None, "service": None, "copies": copies[1:]})
    assert backend._folder(bare, tmp_path) is None
