"""The image made without an engine, in an engine that is not Docker's: podman takes it and it speaks."""

import contextlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator

import pytest

from builder.cli import digest
from tests.support.paths import EXAMPLES
from tests.support.program import run

pytestmark = pytest.mark.network

SPEAK = """
import base64, io, json, urllib.request, wave
body = json.dumps({"text": "你好，世界。"}).encode()
asked = urllib.request.Request("http://127.0.0.1:5000/tts", body, {"Content-Type": "application/json"})
said = json.load(urllib.request.urlopen(asked, timeout=60))
with wave.open(io.BytesIO(base64.b64decode(said["audio"]))) as sound:
    print(sound.getnframes() / sound.getframerate())
"""


@pytest.fixture
def podman(tmp_path: pathlib.Path) -> Iterator[list[str]]:
    """The program with a store of its own, which goes with the test."""
    if not shutil.which("podman") or not shutil.which("runc"):
        pytest.skip("podman and runc are not here")
    with tempfile.TemporaryDirectory(prefix="podman-") as run:  # a path of at most 50 characters
        store = ["--root", str(tmp_path / "store"), "--runroot", run]
        yield ["podman", *store, "--cgroup-manager", "cgroupfs", "--runtime", shutil.which("runc") or ""]


def said(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextlib.contextmanager
def container(podman: list[str], image: str) -> Iterator[str]:
    """A running container without a network. Its limits are given, for a machine may refuse podman's own."""
    limits = ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=1000:1000", "--no-healthcheck"]
    name = said([*podman, "run", "--detach", "--network", "none", *limits, image])
    try:
        yield name
    finally:
        subprocess.run([*podman, "rm", "--force", "--time", "2", name], capture_output=True, timeout=60)


def test_podman_takes_it_and_it_speaks(podman: list[str], tmp_path: pathlib.Path) -> None:
    file, tag = tmp_path / "espeak.tar", f"localhost/{uuid.uuid4().hex[:12]}:1"
    words = ("--backend", "oci", "--fast", "--tag", tag, "--output", file)
    built = run("build-image", EXAMPLES / "espeak", *words)
    assert built.returncode == 0, built.stdout + built.stderr
    try:
        said([*podman, "load", "--input", str(file)])
        found = json.loads(said([*podman, "image", "inspect", tag]))[0]
        assert f"sha256:{found['Id']}" in built.stdout
        kept = (EXAMPLES / "espeak" / digest.FILE).read_text()
        assert [line.split()[0] for line in kept.splitlines()[2:]][:4] == found["RootFS"]["Layers"][:4]
        with container(podman, tag) as name:
            seconds = answer([*podman, "exec", name, "python", "-c", SPEAK])
            assert 0.5 < float(seconds) < 10
    finally:
        subprocess.run([*podman, "rmi", "--all", "--force"], capture_output=True, timeout=120)


def answer(words: list[str]) -> str:
    """What the command says as soon as it succeeds: the service takes a while to start."""
    ends = time.monotonic() + 60
    while True:
        done = subprocess.run(words, capture_output=True, text=True, timeout=120)
        if done.returncode == 0:
            return done.stdout.strip()
        assert time.monotonic() < ends, done.stderr
        time.sleep(0.5)
