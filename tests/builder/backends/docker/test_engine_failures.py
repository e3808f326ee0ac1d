"""Engines that fail: killed in the middle of a build, out of space, forbidden, absent."""

import gc
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from builder.backends.docker.address import Address
from builder.backends.docker.backend import DockerBackend
from builder.backends.docker.classic import ClassicBuilder
from builder.backends.docker.engine import Engine
from builder.debian.request import MIRROR
from envspec.lockfile.lock import DebianPackage, LockedBase
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError
from envspec.system.home import tool_home
from envspec.system.progress import SILENT, Progress
from tests.support.paths import ROOT

from .conftest import FakeEngine, Workshop, make_builder, make_plan, mounted, private_engine

pytestmark = pytest.mark.filterwarnings("ignore:.*socket:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def own_sockets() -> Iterator[None]:
    """The SDK leaves open what it had with an engine that fails: it must not end in another test."""
    yield
    gc.collect()


LOCKED = LockedBase(
    debian="bookworm",
    packages=(
        DebianPackage(
            name="python3",
            version="3.11.2-1",
            path="pool/main/p/python3_3.11.2-1_amd64.deb",
            file="python3_amd64.deb",
            sha256="1" * 64,
            size=1,
        ),
    ),
)


class Killer(Progress):
    """Kills a process as soon as a stage begins."""

    def __init__(self, process: int) -> None:
        self._process = process

    def step(self, title: str) -> None:
        if title.startswith("stage "):
            os.kill(self._process, signal.SIGKILL)


@pytest.mark.docker
@pytest.mark.parametrize("name", ["buildkit", "classic"])
def test_an_engine_that_dies_half_way(
    name: str, base: str, bare_home: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    place = tmp_path / "engine"
    with private_engine(place) as engine:
        workshop = Workshop(engine, make_builder(name, engine), tmp_path / "work")
        plan = workshop.plan(("first", [workshop.wheel("alpha")]), ("second", [workshop.wheel("beta")]))
        killer = Killer(int((place / "pid").read_text()))
        with pytest.raises(OutsideError, match="the engine stopped answering during the build") as caught:
            workshop.backend.build(plan, workshop.folder, workshop.store, killer)
        assert "again" in caught.value.hint
        env = {**os.environ, "ENVSPEC_ENGINE": str(place)}
        subprocess.run([ROOT / "scripts" / "engine", "start"], env=env, check=True, capture_output=True)
        assert workshop.images() == []
        assert workshop.build(plan).reference in workshop.images()


@pytest.mark.docker
def test_an_engine_without_room(base: str, bare_home: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with mounted(tmp_path / "disk", "450m") as disk, private_engine(disk / "engine") as engine:
        workshop = Workshop(engine, make_builder("buildkit", engine), tmp_path / "work")
        big = workshop.wheel("big", files={"big.txt": os.urandom(150_000_000).hex()})
        with pytest.raises(OutsideError, match="the engine's disk is full") as caught:
            workshop.build(workshop.plan(("only", [big])))
        assert "docker system prune" in caught.value.hint
        assert workshop.images() == []


def test_no_engine_at_all(tmp_path: pathlib.Path) -> None:
    backend = DockerBackend(Engine(Address(host=f"unix://{tmp_path}/none.sock", context=None)))
    assert backend.available() == f"no Docker engine answers at unix://{tmp_path}/none.sock"
    with pytest.raises(OutsideError, match="no Docker engine answers") as caught:
        backend.build(make_plan([]), tmp_path, None, SILENT)  # type: ignore[arg-type]
    assert "make engine" in caught.value.hint


@pytest.mark.docker
def test_an_engine_that_is_somebody_elses(engine: Engine) -> None:
    if os.geteuid() != 0 or not engine.address.host.startswith("unix://"):
        pytest.skip("only root can become somebody else")
    code = (
        "from builder.backends.docker.backend import DockerBackend as B;"
        "import os; os.setgid(65534); os.setuid(65534); print(B().available())"
    )
    env = {**os.environ, "DOCKER_HOST": engine.address.host, "HOME": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert "may not be opened by this user" in done.stdout, done.stderr


def test_a_base_that_was_never_made_and_no_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """The base is asked for before anything is sent to the engine."""
    monkeypatch.setenv("ENVSPEC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(MIRROR, "http://mirror.example/debian")
    engine = FakeEngine()
    plan = make_plan([], base=LOCKED, machine="x86_64")
    store = Wheelhouse(tmp_path / "wheelhouse")
    with pytest.raises(OutsideError, match=r"python3 3\.11\.2-1 cannot be had: it is not on this machine"):
        DockerBackend(engine, ClassicBuilder(engine), offline=True).build(plan, tmp_path, store, SILENT)
    assert not list(tool_home().glob("oci/layers/*.json"))
