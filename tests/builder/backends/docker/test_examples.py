"""The small example, built from its lock by a real engine: judged, tried, and serving speech to the end."""

import base64
import concurrent.futures
import contextlib
import io
import json
import os
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import time
import urllib.request
import wave

import pytest

from builder.backends.docker import ship
from builder.backends.docker.backend import DockerBackend
from builder.backends.docker.engine import Engine
from builder.backends.docker.program import buildkit_program
from builder.flow.check import judge_environment, try_environment
from builder.values.environment import Environment
from builder.values.payload import collect_payload
from builder.values.plan import Plan, make_plan
from envspec.lockfile import lock
from envspec.source.fetch import fetch_locked
from envspec.spec import load
from envspec.spec.model import Spec
from envspec.supply.pip_settings import ask_pip
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import EnvspecError
from envspec.system.finding import must_fix
from envspec.system.home import tool_home
from envspec.system.progress import SILENT
from tests.support.paths import EXAMPLES, ROOT

pytestmark = [pytest.mark.docker, pytest.mark.network]


@pytest.fixture(scope="module")
def built(engine: Engine, base: str) -> tuple[DockerBackend, Environment, Spec, Plan]:
    file = EXAMPLES / "espeak" / "envspec.toml"
    spec, held = load.load_spec(file), lock.read_lock(lock.lock_file(file, None))
    assert held is not None
    assert spec.service is not None
    store = Wheelhouse(tool_home() / "wheelhouse")
    try:
        fetch_locked(held, Sources(spec, ask_pip()).within(file.parent), store, SILENT)
    except EnvspecError as error:
        pytest.skip(error.message)
    whole = make_plan(spec, held, collect_payload(spec.service, file.parent))
    backend = DockerBackend(engine)
    return backend, backend.build(whole, file.parent, store, SILENT), spec, whole


def test_the_judge_and_the_trial_are_content(built: tuple[DockerBackend, Environment, Spec, Plan]) -> None:
    backend, environment, spec, whole = built
    verdict = judge_environment(spec, whole, backend, environment, fast=True, progress=SILENT)
    trial = try_environment(spec, whole, backend, environment, SILENT)
    found = [*verdict.findings, *trial.findings]
    assert not must_fix(found), found
    assert trial.facts["main"]["ready"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def speak(port: int, text: str) -> dict[str, object]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/tts",
        data=json.dumps({"text": text}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        said: dict[str, object] = json.load(answer)
        return said


def test_serves_speech_and_loses_no_request_when_stopped(
    built: tuple[DockerBackend, Environment, Spec, Plan], tmp_path: pathlib.Path
) -> None:
    """Requests under way when the engine stops the container are answered; then it ends with 0."""
    backend, environment, _, _ = built
    port = free_port()
    container = backend.engine.client.containers.run(
        environment.reference,
        ["python", "-m", "service", "--port", str(port)],
        detach=True, network_mode="host", read_only=True,
    )  # fmt: skip
    try:
        until_ready(port)
        assert speak(port, "你好，世界。")["status"] == "success"
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(speak, port, f"第{number}句话，" * 150) for number in range(8)]
            time.sleep(0.15)
            container.stop(timeout=30)
            assert [job.result()["status"] for job in jobs] == ["success"] * 8
        assert container.wait()["StatusCode"] == 0
    finally:
        container.remove(force=True)


def test_the_printed_command_answers_the_readmes_curl(
    built: tuple[DockerBackend, Environment, Spec, Plan],
) -> None:
    """Both are copied as they stand."""
    backend, environment, _, _ = built
    client = buildkit_program() or shutil.which("docker")
    if client is None or shutil.which("curl") is None:
        pytest.skip("people copy commands for docker and curl")
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 5000)) == 0:
            pytest.skip("something else answers at port 5000")
    line = ship.how_to_run(backend.engine, environment.reference)
    words = shlex.split(line.removeprefix("serve it: "))
    (asked,) = re.findall(
        r"^ *(curl .*127\.0\.0\.1:5000/tts .*)$", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    env = {**os.environ, "DOCKER_HOST": backend.engine.address.host}
    assert words[0] == "docker"
    with subprocess.Popen([client, *words[1:]], env=env, stdout=subprocess.PIPE) as served:
        try:
            until_ready(5000)
            said = subprocess.run(shlex.split(asked), capture_output=True, check=True)
        finally:
            served.terminate()
            served.communicate(timeout=60)
    answer = json.loads(said.stdout)
    assert answer["status"] == "success"
    with wave.open(io.BytesIO(base64.b64decode(answer["audio"]))) as audio:
        assert audio.getnframes() / audio.getframerate() > 0.5


def until_ready(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).close()
            return
        time.sleep(0.1)
    raise TimeoutError("the service is not ready")
