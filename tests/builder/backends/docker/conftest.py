"""Fixtures of the docker tests: a real engine, small wheels, and plans that install them.

The engine is the one that DOCKER_HOST names, or the private one of `scripts/engine`.
"""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping

import pytest

from builder.backends.docker.address import Address
from builder.backends.docker.backend import DockerBackend, choose_builder
from builder.backends.docker.base import import_root
from builder.backends.docker.builders import Builder, BuildKitBuilder
from builder.backends.docker.classic import ClassicBuilder
from builder.backends.docker.engine import Engine
from builder.backends.docker.program import buildkit_program
from builder.debian.base import DebianBase, base_image_name, obtain_base
from builder.oci.store.blobs import Blobs
from builder.oci.store.network import Network
from builder.values.environment import Environment
from builder.values.payload import collect_payload
from builder.values.plan import Plan
from builder.values.program import service_program
from builder.values.stages import InstallStage, PlannedWheel
from envspec.lockfile.lock import LockedBase
from envspec.spec.model import Service
from envspec.supply.pip_settings import ask_pip
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError
from envspec.system.home import tool_home
from envspec.system.progress import SILENT, Progress
from tests.support.paths import ROOT
from tests.support.wheels import wheel

IMAGE = "python:3.11-slim-bookworm"
"""No container registry is needed: where the engine lacks it, the base of Debian packages gets this name."""

DEBIAN = LockedBase(debian="bookworm")


class FakeEngine(Engine):
    """An engine that says what it is told to."""

    def __init__(self, *, api: str = "1.41", alive: bool = True, name: str = "Engine") -> None:
        super().__init__(Address(host="unix:///nowhere", context=None))
        self.__dict__["version"] = {"ApiVersion": api, "Arch": "amd64", "Components": [{"Name": name}]}
        self._alive = alive

    def answers(self) -> bool:
        return self._alive


def engine_address() -> str | None:
    if host := os.environ.get("DOCKER_HOST"):
        return host
    file = ROOT / ".engine.env"
    said = re.search(r"DOCKER_HOST=(\S+)", file.read_text()) if file.is_file() else None
    return said[1] if said else None


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    host = engine_address()
    if host is None:
        pytest.skip("no Docker engine: `make engine` starts one")
    found = Engine(Address(host=host, context=None))
    try:
        found.client.ping()
    except OutsideError as error:
        pytest.skip(error.message)
    yield found
    found.close()


def blobs() -> Blobs:
    """The store that the backend uses."""
    return Blobs(tool_home() / "oci")


def debian_base(plan: Plan) -> DebianBase:
    """The base of a plan, made here if it was not made before."""
    return obtain_base(
        plan, Wheelhouse(tool_home() / "wheelhouse"), blobs(), lambda: Network(ask_pip()), SILENT
    )


def import_base(engine: Engine, plan: Plan, name: str) -> None:
    """Give the engine the base of a plan under that name."""
    import_root(engine, blobs().plain(debian_base(plan).layer), name)


@pytest.fixture(scope="session")
def base(engine: Engine) -> str:
    """Name of the Debian base in the engine; the same root file system also stands in for `IMAGE`."""
    plan = make_plan([], base=DEBIAN)
    try:
        made = debian_base(plan)
    except OutsideError as error:
        pytest.skip(f"no base can be had: {error.message}")
    name = base_image_name(plan)
    for wanted in (name, IMAGE):
        if engine.layers(wanted) != (made.layer.diff_id,):
            import_base(engine, plan, wanted)
    return name


@pytest.fixture
def bare_home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A home of the tool for this test alone, which shares the Debian bases that were made before."""
    shared = [tool_home() / name for name in ("debian", "oci")]
    place = tmp_path / "home"
    place.mkdir()
    for folder in shared:
        (place / folder.name).symlink_to(folder)
    monkeypatch.setenv("ENVSPEC_HOME", str(place))
    return place


SERVER = """
import http.server, sys, time

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(1.5)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

port = int(sys.argv[sys.argv.index("--bind") + 1].rpartition(":")[2])
http.server.ThreadingHTTPServer(("0.0.0.0", port), Answer).serve_forever()
"""
"""Stands in for gunicorn: the images of these tests carry tiny wheels only."""


class Heard(Progress):
    """What a build said it was doing."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def step(self, title: str) -> None:
        self.steps.append(title)

    @property
    def stages(self) -> list[str]:
        """Names of the stages that were really installed."""
        return [step.removeprefix("stage ") for step in self.steps if step.startswith("stage ")]


class Workshop:
    """Builds plans with one builder of the engine's."""

    def __init__(self, engine: Engine, choose_builder: Builder, folder: pathlib.Path) -> None:
        self.engine = engine
        self.backend = DockerBackend(engine, choose_builder)
        self.folder = folder
        self.name = f"test-{uuid.uuid4().hex[:12]}"
        """No engine has seen it, nor any wheel that is made here: nothing is reused from earlier tests."""
        self.store = Wheelhouse(folder / "wheelhouse")
        self.heard = Heard()

    def plan(self, *stages: tuple[str, list[pathlib.Path]], **more: object) -> Plan:
        planned = [(name, [self._planned(file) for file in files]) for name, files in stages]
        return make_plan(planned, **{"name": self.name, **more})

    def wheel(self, name: str, version: str = "1.0", files: Mapping[str, str] | None = None) -> pathlib.Path:
        """A wheel like no other."""
        module = name.replace("-", "_")
        own = {f"{module}/__init__.py": f"__version__ = {version!r}\n"} if files is None else files
        return wheel(
            self.folder / "wheels", name, version, files={**own, f"{module}-{version}.txt": self.name}
        )

    def _planned(self, file: pathlib.Path) -> PlannedWheel:
        name, version = file.name.split("-")[:2]
        known = self.store.add(file)
        return PlannedWheel(name=name.replace("_", "-").lower(), version=version, **known.model_dump())

    def build(self, plan: Plan) -> Environment:
        self.heard = Heard()
        return self.backend.build(plan, self.folder, self.store, self.heard)

    def images(self) -> list[str]:
        """Tags of what was built here."""
        tags = [tag for image in self.engine.client.images.list() for tag in image.tags]
        return sorted(tag for tag in tags if self.name in tag)

    def clear(self) -> None:
        for tag in self.images():
            self.engine.client.images.remove(tag, force=True)


def served(workshop: Workshop) -> Plan:
    """A plan with a payload of its own."""
    source = workshop.folder / "code"
    source.mkdir(exist_ok=True)
    (source / "app.py").write_text("greeting = 'hello'\n")
    service = Service(
        module="app:app", source="code", port=5099, health="/ready", env={"WORD": 'a $b "c" \\d'}
    )
    files = {"gunicorn/__init__.py": "", "gunicorn/__main__.py": SERVER}
    return workshop.plan(
        ("web", [workshop.wheel("gunicorn", files=files)]),
        service=service,
        payload=collect_payload(service, workshop.folder),
    )


def make_plan(stages: list[tuple[str, list[PlannedWheel]]], **more: object) -> Plan:
    planned = tuple(InstallStage(name=name, why="", wheels=tuple(wheels)) for name, wheels in stages)
    named = tuple(sorted(wheel.name for stage in planned for wheel in stage.wheels))
    values: dict[str, object] = {
        "name": "demo",
        "variant": None,
        "python": "3.11",
        "machine": os.uname().machine,
        "glibc": (2, 36),
        "base": DEBIAN,
        "stages": planned,
        "payload": None,
        "service": None,
        "lock": "sha256:" + "0" * 64,
        "named": named,
    }
    made = Plan.model_validate({**values, **more})
    if made.service is None or made.programs:
        return made
    return made.model_copy(update={"programs": (service_program(made.service),)})


def make_builder(name: str, engine: Engine) -> Builder:
    if name == "classic":
        return ClassicBuilder(engine)
    program = buildkit_program()
    if program is None or not engine.has_buildkit:
        pytest.skip("no client program here speaks BuildKit")
    return BuildKitBuilder(engine, program)


@pytest.fixture(params=["buildkit", "classic"])
def workshop(
    request: pytest.FixtureRequest, engine: Engine, base: str, bare_home: pathlib.Path, tmp_path: pathlib.Path
) -> Iterator[Workshop]:
    """One workshop for each builder."""
    made = Workshop(engine, make_builder(request.param, engine), tmp_path)
    yield made
    made.clear()


@pytest.fixture
def quick(engine: Engine, base: str, bare_home: pathlib.Path, tmp_path: pathlib.Path) -> Workshop:
    """A workshop with the best builder there is, for what does not depend on the builder."""
    return Workshop(engine, choose_builder(engine), tmp_path)


@pytest.fixture(scope="module")
def serving_image(
    engine: Engine, base: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Workshop, Environment]]:
    """An image with a payload, built once for the tests that only run it."""
    made = Workshop(engine, choose_builder(engine), tmp_path_factory.mktemp("serving"))
    yield made, made.build(served(made))
    made.clear()


@pytest.fixture
def tiny_disk(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A disk with room for a megabyte."""
    with mounted(tmp_path / "disk", "1m") as place:
        yield place


@contextlib.contextmanager
def mounted(place: pathlib.Path, size: str) -> Iterator[pathlib.Path]:
    """A disk of that size in memory."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextlib.contextmanager
def private_engine(place: pathlib.Path) -> Iterator[Engine]:
    """Another engine, which a test may fill or kill; `scripts/engine` starts it as it does for people."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("an engine needs root, and Debian's docker.io")
    env = {**os.environ, "ENVSPEC_ENGINE": str(place)}
    script = ROOT / "scripts" / "engine"
    try:
        subprocess.run([script, "start"], env=env, check=True, capture_output=True, timeout=120)
        said = place.with_name(f"{place.name}.env").read_text()
        with contextlib.closing(
            Engine(Address(host=said.strip().partition("DOCKER_HOST=")[2], context=None))
        ) as engine:
            yield engine
    finally:
        subprocess.run([script, "remove"], env=env, check=True, capture_output=True, timeout=120)
