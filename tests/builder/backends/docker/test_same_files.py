"""One lock built by an engine and without one: the same files, or a reason for each that differs."""

import collections
import contextlib
import io
import json
import sys
import tarfile
from collections.abc import Iterable
from typing import Any

import pytest

from builder.backends.docker.backend import DockerBackend
from builder.backends.docker.engine import Engine
from builder.backends.oci.backend import OciBackend
from builder.flow.pipeline import plan_spec
from builder.values.request import Request
from envspec.lockfile import lock
from envspec.source.fetch import fetch_locked
from envspec.spec.load import load_spec
from envspec.supply.pip_settings import ask_pip
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.home import tool_home
from envspec.system.progress import SILENT
from tests.support.paths import EXAMPLES, ROOT
from tests.support.trees import DIFFERENT, ONLY_DOCKER, ONLY_OCI, Tree, differences, read

ESPEAK = EXAMPLES / "espeak"


def packed(*files: tuple[str, str]) -> io.BytesIO:
    """A layer of small files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, body in files:
            info = tarfile.TarInfo(path)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body.encode()))
    buffer.seek(0)
    return buffer


def test_a_difference_without_a_reason_is_seen() -> None:
    """The comparison itself: what nobody explains comes back with an empty reason."""
    docker = read(packed(("app/a.py", "1"), ("usr/bin/perl", "x"), ("opt/env/.lock", "")))
    oci = read(packed(("app/a.py", "1")), packed(("app/a.py", "2"), ("app/b.py", "")))
    found = dict(differences(docker, oci))
    assert found["app/a.py"] == found["app/b.py"] == found["usr/bin/perl"] == ""
    assert found["opt/env/.lock"] == "uv's own lock of an environment"
    assert dict(differences(oci, oci)) == {}


def test_the_documentation_has_every_reason() -> None:
    text = (ROOT / "docs" / "oci.md").read_text()
    reasons = (*ONLY_DOCKER, *ONLY_OCI, *DIFFERENT)
    assert [reason for reason in reasons if f"| {reason} |" not in text] == []


@pytest.mark.docker
@pytest.mark.network
def test_both_backends_make_the_same_image(engine: Engine, base: str) -> None:
    spec, held = (
        load_spec(ESPEAK / "envspec.toml"),
        lock.read_lock(lock.lock_file(ESPEAK / "envspec.toml", None)),
    )
    assert held is not None
    store = Wheelhouse(tool_home() / "wheelhouse")
    fetch_locked(held, Sources(spec, ask_pip()).within(ESPEAK), store, SILENT)
    plan = plan_spec(Request(spec=ESPEAK, locked=True, stop_after="plan"))
    docker, oci = DockerBackend(engine), OciBackend()
    theirs = docker.build(plan, ESPEAK, store, SILENT)
    ours = oci.record(oci.build(plan, ESPEAK, store, SILENT))

    with contextlib.ExitStack() as stack:
        layers = [stack.enter_context(oci.blobs.unpacked(layer)) for layer in ours.image.layers]
        tree = read(*layers)
    found = list(differences(exported(engine, theirs.reference), tree))

    for reason, count in collections.Counter(reason for _, reason in found).most_common():
        sys.stdout.write(f"{count:6} {reason or 'WITHOUT A REASON'}\n")
    assert [path for path, reason in found if not reason] == []
    assert len(tree) > 5000

    assert engine.layers(theirs.reference)[0] == ours.image.layers[0].diff_id, "the base, byte for byte"
    started = engine.client.images.get(theirs.reference).attrs["Config"]
    config = json.loads(oci.blobs.read(ours.image.config))["config"]
    same = ("User", "WorkingDir", "Entrypoint", "Cmd", "ExposedPorts", "Healthcheck", "StopSignal")
    assert {key: config.get(key) for key in same} == {key: started.get(key) for key in same}
    assert variables(config["Env"]) == variables(started["Env"])
    base_label = "org.opencontainers.image.base.name"
    assert {**config["Labels"], base_label: ""} == {**started["Labels"], base_label: ""}


def variables(lines: Iterable[str]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines)


def exported(engine: Engine, image: str) -> Tree:
    """What stands in an image of the engine."""
    container = engine.client.containers.create(image)
    try:
        chunks: Any = container.export()  # the types say text
        with Stream(chunks) as stream:
            whole: Any = stream  # as much of a file as tarfile asks for
            return read(whole)
    finally:
        container.remove()


class Stream(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._left) < size and (chunk := next(self._chunks, b"")):
            self._left += chunk
        taken, self._left = self._left[:size], self._left[size:]
        return taken
