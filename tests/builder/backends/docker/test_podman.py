"""podman's Docker-compatible service as the engine: what it builds runs, is judged, and can be saved."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator

import pytest

from builder.backends.docker import ship
from builder.backends.docker.address import Address
from builder.backends.docker.backend import choose_builder
from builder.backends.docker.classic import ClassicBuilder
from builder.backends.docker.engine import Engine
from builder.backends.docker.subject import DockerSubject

from .conftest import Workshop, served

pytestmark = pytest.mark.docker

SETTINGS = """
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
"""
"""For machines without systemd, such as most of those that run tests."""


@pytest.fixture(scope="module")
def place() -> Iterator[pathlib.Path]:
    """A folder with a short path: podman's running state may have 50 characters, its socket hardly more."""
    with tempfile.TemporaryDirectory(prefix="podman-", ignore_cleanup_errors=True) as folder:
        yield pathlib.Path(folder)


@pytest.fixture(scope="module")
def podman(base: str, place: pathlib.Path) -> Iterator[Engine]:
    """A service of podman's of its own; the base is made before, and only imported here."""
    if os.geteuid() != 0 or not (shutil.which("podman") and shutil.which("runc")):
        pytest.skip("podman's service needs root, podman and runc")
    settings = place / "containers.conf"
    settings.write_text(SETTINGS)
    command = ["podman", "--root", str(place / "root"), "--runroot", str(place / "run")]
    env = {**os.environ, "CONTAINERS_CONF": str(settings)}
    socket = place / "docker.sock"
    with (place / "log").open("w") as log:
        service = subprocess.Popen(
            [*command, "system", "service", "--time", "0", f"unix://{socket}"],
            env=env,
            stdout=log,
            stderr=log,
        )
    engine = Engine(Address(host=f"unix://{socket}", context=None))
    try:
        until_there(socket, service, place / "log")
        yield engine
    finally:
        engine.close()
        service.terminate()
        service.wait(timeout=60)
        subprocess.run([*command, "system", "reset", "--force"], env=env, capture_output=True, timeout=120)


def until_there(socket: pathlib.Path, service: "subprocess.Popen[bytes]", log: pathlib.Path) -> None:
    for _ in range(150):
        assert service.poll() is None, log.read_text()
        if socket.exists():
            return
        time.sleep(0.2)
    raise TimeoutError(log.read_text())


def test_builds_runs_judges_and_saves(
    podman: Engine, bare_home: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    assert podman.is_podman
    assert isinstance(choose_builder(podman), ClassicBuilder)
    workshop = Workshop(podman, choose_builder(podman), tmp_path)
    environment = workshop.build(served(workshop))
    assert workshop.heard.stages == ["web"]
    said = workshop.backend.run(
        environment, ["python", "-c", "import app, os; print(app.greeting, os.getuid())"]
    )
    assert said.stdout.split() == ["hello", "10001"], said.tail
    target = DockerSubject(environment.reference, podman)
    done = target.run([target.python, "-"], stdin="import gunicorn; print('judged')", timeout=60)
    assert done.stdout == "judged\n", done.tail
    name = ship.seal_image(podman, environment, None, "podman-test:1")
    ship.save_image(podman, name, tmp_path / "image.tar")
    assert (tmp_path / "image.tar").stat().st_size > 50_000_000
