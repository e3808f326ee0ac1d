"""The Compose file, run as it was rendered: two replicas of a real image behind a real nginx."""

import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import time
import uuid
from collections.abc import Iterator

import pytest
import yaml

from builder import orchestrate
from builder.backends.docker.backend import DockerBackend
from builder.backends.docker.engine import Engine
from builder.orchestrate.compose import PROXY_IMAGE
from builder.values.environment import Environment
from builder.values.plan import Plan
from envspec.spec.model import Spec
from service.client import Client, ClientError

from .conftest import engine_address
from .test_examples import built, free_port

__all__ = ["built"]

pytestmark = [pytest.mark.docker, pytest.mark.network]

PROGRAMS = ("docker-compose", "nginx")


@pytest.fixture(scope="module")
def nginx(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with this machine's nginx, its libraries and a shell: what the proxy's own image has of it."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    for program in PROGRAMS:
        if shutil.which(program, path=path) is None:
            pytest.skip(f"no {program}: apt-get install docker-compose nginx-light")
    found = {pathlib.Path(shutil.which("nginx", path=path) or ""), pathlib.Path("/bin/sh")}
    for binary in tuple(found):
        said = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
        found.update(map(pathlib.Path, re.findall(r"(/\S+) \(0x", said)))
    tar = tmp_path_factory.mktemp("nginx") / "nginx.tar"
    with tarfile.open(tar, "w") as file:
        for each in sorted(found):
            member = file.gettarinfo(each.resolve(), arcname=str(each).lstrip("/"))
            with each.resolve().open("rb") as data:
                file.addfile(member, data)
        for folder in ("tmp", "var/log/nginx"):
            file.addfile(_folder(folder))
    engine.client.api.import_image_from_file(str(tar), repository="envspec-tests/nginx", tag="1")
    return "envspec-tests/nginx:1"


def _folder(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o1777
    return member


class Composed:
    """The rendered file, up; only the proxy's image is another one, for no registry is asked."""

    def __init__(self, spec: Spec, image: str, nginx: str, folder: pathlib.Path) -> None:
        self.project = f"envspec{uuid.uuid4().hex[:8]}"
        self.port = free_port()
        rendered = folder / "compose.yaml"
        rendered.write_text(orchestrate.FORMS["compose"](orchestrate.deployment(spec, image=image)))
        other = folder / "other.yaml"
        other.write_text(yaml.safe_dump({"services": {"proxy": {"image": nginx}}}))
        self._words = ["docker-compose", "-p", self.project, "-f", str(rendered), "-f", str(other)]

    def __call__(self, *words: str) -> str:
        environment = {**os.environ, "PORT": str(self.port), "DOCKER_HOST": engine_address() or ""}
        done = subprocess.run(
            [*self._words, *words], env=environment, capture_output=True, text=True, timeout=180
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def replicas(self) -> list[str]:
        """Ids of the running containers of the service."""
        return self("ps", "-q", "service").split()


@pytest.fixture(scope="module")
def up(
    built: tuple[DockerBackend, Environment, Spec, Plan],
    nginx: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Composed]:
    _, environment, spec, _ = built
    composed = Composed(spec, environment.reference, nginx, tmp_path_factory.mktemp("compose"))
    try:
        composed("up", "-d")
        Client(f"http://127.0.0.1:{composed.port}").wait_until_ready(60)
        yield composed
    finally:
        composed("down", "--volumes", "--timeout", "5")


def test_the_proxy_is_named_for_users() -> None:
    """What the test replaces is there: an image that users can pull."""
    assert PROXY_IMAGE.startswith("nginx:")


def test_both_replicas_speak(up: Composed, engine: Engine) -> None:
    client = Client(f"http://127.0.0.1:{up.port}", retries=0)
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        spoken = list(threads.map(lambda number: client.speak(f"第{number}句。"), range(24)))
    assert all(speech.duration > 0.5 for speech in spoken)
    logs = [engine.client.containers.get(name).logs().decode() for name in up.replicas()]
    assert len(logs) == 2
    assert all('"/tts"' in log for log in logs)


def test_sound_is_passed_on_as_it_is_made(up: Composed) -> None:
    text = "这是一个很长的句子，里面有许多的字。" * 100
    began = time.monotonic()
    stream = Client(f"http://127.0.0.1:{up.port}", retries=0).stream(text)
    arrived = [time.monotonic() - began for _ in stream]
    assert arrived[1] < arrived[-1] / 2


def test_the_containers_are_as_tight_as_they_were_written(up: Composed, engine: Engine) -> None:
    for name in up.replicas():
        container = engine.client.containers.get(name)
        host = container.attrs["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert container.attrs["Config"]["User"] == "10001:10001"
        assert container.attrs["Config"]["StopTimeout"] == 40
        assert container.attrs["State"]["Health"]["Status"] == "healthy"


def test_a_replica_that_dies_costs_nobody_an_answer(up: Composed, engine: Engine) -> None:
    """One of the two is killed while eight clients ask: the proxy asks the other one."""
    client = Client(f"http://127.0.0.1:{up.port}", retries=0)
    outcomes: collections.Counter[str] = collections.Counter()

    def loop(number: int) -> None:
        for turn in range(25):
            try:
                outcomes["spoken" if client.speak(f"{number}人{turn}次").duration else "silent"] += 1
            except ClientError as error:
                outcomes[str(error)] += 1

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        running = [threads.submit(loop, number) for number in range(8)]
        time.sleep(0.5)
        engine.client.containers.get(up.replicas()[0]).kill()
        concurrent.futures.wait(running, timeout=120)
    assert outcomes == {"spoken": 200}
