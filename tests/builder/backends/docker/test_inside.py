"""What travels into images, run on this machine: the stage installer's parts, the doctor, the entrypoint."""

import contextlib
import http.server
import importlib.util
import json
import pathlib
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from builder.backends.docker.layout import lay_out_context
from builder.image.bill import bill_of
from builder.image.sbom import cyclonedx_text
from builder.inside import health, places
from builder.inside.entrypoint import compile as loading
from builder.inside.entrypoint import doctor, stage
from builder.oci.store.tar import archive_epoch
from builder.values.stages import InstallStage, PlannedWheel
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError
from tests.support.wheels import wheel

from .conftest import make_plan


def site_with(folder: pathlib.Path, *names: str) -> pathlib.Path:
    for name in names:
        (folder / f"{name}.dist-info").mkdir(parents=True)
    folder.mkdir(exist_ok=True)
    return folder


def facts(site: pathlib.Path, **changes: object) -> dict[str, object]:
    known = {"numpy": "1.23.5", "click": "8.0"}
    return {"site": str(site), "pins": known, "named": ["numpy"], "embedded": False, **changes}


def test_the_doctor_has_a_line_for_each_named_library(tmp_path: pathlib.Path) -> None:
    site = site_with(tmp_path / "s", "numpy-1.23.5", "click-8.0")
    assert list(doctor.examine(facts(site), {})) == [(True, "numpy 1.23.5")]


def test_the_doctor_sees_what_moved_went_or_came(tmp_path: pathlib.Path) -> None:
    site = site_with(tmp_path / "s", "numpy-2.0", "numpy-2.1", "Stray_Thing-1")
    assert list(doctor.examine(facts(site), {})) == [
        (False, "click 8.0 is not there"),
        (False, "numpy 1.23.5 is there 2 times: 2.0, 2.1"),
        (False, "stray-thing 1 was never locked"),
    ]


def test_the_doctor_tells_what_torch_computes_on(tmp_path: pathlib.Path) -> None:
    site = site_with(tmp_path / "s", "torch-2.0")
    (site / "torch").mkdir()
    (site / "torch" / "version.py").write_text("cuda: Optional[str] = None\n")
    known = facts(site, pins={"torch": "2.0"}, named=["torch"])
    assert list(doctor.examine(known, {})) == [(True, "torch 2.0 on cpu")]
    (site / "torch" / "version.py").write_text("cuda: Optional[str] = '12.6'\n")
    assert list(doctor.examine(known, {})) == [(True, "torch 2.0 on cpu, no GPU is passed in")]


def test_the_doctor_looks_for_the_voice(tmp_path: pathlib.Path) -> None:
    site = site_with(tmp_path / "s", "numpy-1.23.5", "click-8.0")
    known = facts(site, embedded=True)
    assert list(doctor.examine(known, {}))[-1] == (False, "voice espeak needs espeakng_loader")
    (site / "espeakng_loader").mkdir()
    assert list(doctor.examine(known, {}))[-1] == (True, "voice espeak")


@contextlib.contextmanager
def answering(status: int) -> Iterator[int]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [200, 503])
def test_health_is_the_status_of_the_service(status: int) -> None:
    with answering(status) as port:
        assert health.status(port, "/readyz") == status


def test_health_of_nothing() -> None:
    assert health.status(9, "/readyz") == 0


def test_the_doctor_looks_for_the_models(tmp_path: pathlib.Path) -> None:
    known = facts(site_with(tmp_path / "s"), pins={}, models=[str(tmp_path / "damo" / "voice")])
    assert list(doctor.examine(known, {})) == [(False, "model damo/voice is not there")]
    (tmp_path / "damo" / "voice").mkdir(parents=True)
    assert list(doctor.examine(known, {})) == [(True, "model damo/voice")]


@pytest.fixture
def base_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage is prepared by the interpreter of a base, which is in no virtual environment."""
    monkeypatch.setattr(sys, "executable", getattr(sys, "_base_executable", sys.executable))


@pytest.mark.usefixtures("base_python")
def test_prepares_an_environment_and_a_user(tmp_path: pathlib.Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "passwd").write_text("root:x:0:0::/root:/bin/sh")
    stage.prepare(tmp_path / "env", etc)
    assert (etc / "passwd").read_text().splitlines()[1].startswith("app:x:10001:10001:")
    said = subprocess.run(
        [tmp_path / "env" / "bin" / "python", "-c", "import sys; print(sys.prefix != sys.base_prefix)"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert said.stdout == "True\n"


def installed(tmp_path: pathlib.Path, files: dict[str, str]) -> pathlib.Path:
    """An environment with one package `alpha` of these files."""
    environment = tmp_path / "env"
    (tmp_path / "etc").mkdir()
    stage.prepare(environment, tmp_path / "etc")
    (site,) = environment.glob("lib/python*/site-packages")
    subprocess.run(["unzip", "-q", wheel(tmp_path, "alpha", files=files), "-d", site], check=True)
    return environment


@pytest.mark.usefixtures("base_python")
def test_what_is_compiled_is_trusted_without_a_look_at_the_source(tmp_path: pathlib.Path) -> None:
    """A start trusts it even though the source's time differs."""
    environment = installed(tmp_path, {"alpha/__init__.py": "import alpha.used", "alpha/used.py": ""})
    (site,) = environment.glob("lib/python*/site-packages")
    loading.compile_loaded(str(site), ["alpha"], "")
    (compiled,) = environment.rglob("used.*.pyc")
    source = (site / "alpha" / "used.py").read_bytes()
    assert compiled.read_bytes()[4:16] == b"\1\0\0\0" + importlib.util.source_hash(source)
    (site / "alpha" / "used.py").write_text("raise SystemExit('compiled anew')")
    done = subprocess.run([environment / "bin" / "python", "-c", "import alpha"], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_each_stage_imports_what_it_brings(tmp_path: pathlib.Path) -> None:
    """So that a late stage, bumped, imports nothing of the large ones before it."""
    store = Wheelhouse(tmp_path / "w")
    stages = []
    for name in ("alpha", "beta"):
        known = store.add(wheel(tmp_path, name))
        stages.append(
            InstallStage(
                name=name, why="", wheels=(PlannedWheel(name=name, version="1.0", **known.model_dump()),)
            )
        )
    plan = make_plan([], named=("beta",)).model_copy(
        update={"stages": tuple(stages), "loads": ("alpha.deep", "beta", "gone")}
    )
    lay_out_context(plan, "", tmp_path, store, tmp_path / "context")
    told = {
        name: json.loads((tmp_path / "context" / "stages" / name / "stage.json").read_text())
        for name in ("stage-1-alpha", "stage-2-beta")
    }
    assert [each["modules"] for each in told.values()] == [["alpha.deep"], ["beta"]]


def test_what_stands_above_ones_own_code_is_dated_alike(tmp_path: pathlib.Path) -> None:
    store = Wheelhouse(tmp_path / "w")
    for name in ("one", "two"):
        lay_out_context(make_plan([("one", [])]), "FROM scratch\n", tmp_path, store, tmp_path / name)
    below = [*(tmp_path / "one" / "image").rglob("*"), tmp_path / "one" / "image", tmp_path / "one" / "empty"]
    assert {each.stat().st_mtime for each in below} == {archive_epoch()}


def test_the_runtime_is_a_program_by_itself(tmp_path: pathlib.Path) -> None:
    """Laid out as in an image: it needs nothing of this project, and refuses what was not locked."""
    lay_out_context(
        make_plan([("one", [])]), "FROM scratch\n", tmp_path, Wheelhouse(tmp_path / "w"), tmp_path / "context"
    )
    command = [sys.executable, "-I", "-S", "-B", str(tmp_path / "context" / "image" / places.RUNTIME[1:])]
    done = subprocess.run([*command, "doctor"], capture_output=True, text=True, cwd="/")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    facts = tmp_path / "context" / "image" / places.RUNTIME[1:] / "environment.json"
    known = json.loads(facts.read_text())
    site = site_with(tmp_path / "s", "extra-1")
    facts.write_text(json.dumps({**known, "site": str(site)}))
    done = subprocess.run([*command, "doctor"], capture_output=True, text=True, cwd="/")
    assert done.returncode == 78
    assert done.stdout.startswith("[FAIL] extra 1 was never locked\nrefusing to start")
    done = subprocess.run([*command, "serve"], capture_output=True, text=True, cwd="/")
    assert done.returncode == 78
    assert subprocess.run([*command, "no-such-program"], capture_output=True).returncode == 127


def test_the_tools_are_a_program_by_themselves(tmp_path: pathlib.Path) -> None:
    """Laid out as for a build step: they need nothing of this project, and say what a stage has moved."""
    lay_out_context(make_plan([("one", [])]), "", tmp_path, Wheelhouse(tmp_path / "w"), tmp_path / "context")
    tools, stage_folder = tmp_path / "context" / "tools", tmp_path / "stage"
    site_with(tmp_path / "env" / "lib" / "python3.11" / "site-packages", "alpha-2")
    stage_folder.mkdir()
    planned = {"wheels": [], "pins": {"alpha": "1"}, "trim": "", "packages": [], "modules": []}
    (stage_folder / "stage.json").write_text(json.dumps(planned))
    command: list[str | pathlib.Path] = [sys.executable, "-I", "-S", "-B", tools, "install", stage_folder]
    command += ["--into", tmp_path / "env"]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert (done.returncode, done.stderr) == (1, "")
    assert "it moved what stood before it: alpha 1 became 2" in done.stdout


def test_a_wheel_that_is_not_there(tmp_path: pathlib.Path) -> None:
    plan = make_plan([("one", [])])
    gone = wheel(tmp_path, "alpha")
    store = Wheelhouse(tmp_path / "w")
    known = store.add(gone)
    one = InstallStage(
        name="one", why="", wheels=(PlannedWheel(name="alpha", version="1.0", **known.model_dump()),)
    )
    store.path(known).unlink()
    with pytest.raises(OutsideError, match=r"alpha-1\.0-py3-none-any\.whl in the wheelhouse is missing"):
        lay_out_context(plan.model_copy(update={"stages": (one,)}), "", tmp_path, store, tmp_path / "context")


def test_the_bill_of_materials_is_the_same_every_time() -> None:
    plan = make_plan([("one", [])])
    assert cyclonedx_text(bill_of(plan)) == cyclonedx_text(bill_of(plan))
    body = json.loads(cyclonedx_text(bill_of(plan)))
    assert body["specVersion"] == "1.6"
    assert body["metadata"]["component"]["name"] == "demo"
    assert "timestamp" not in body["metadata"]
