"""Fixtures of the service's tests: an application with a fake voice, one with the real voice, a server."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from service.client import Client
from service.settings.environment import Settings
from service.voices.espeak import Espeak

from .fakes import FakeEngine

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def http(engine: FakeEngine) -> FlaskClient:
    """The application with the fake voice, called without a server."""
    return create_app(Settings(max_text=200, max_audio=60.0), engine).test_client()


@pytest.fixture(scope="session")
def espeak() -> Iterator[Espeak]:
    engine = Espeak(workers=1, queue_wait=20.0)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def real_http(espeak: Espeak) -> FlaskClient:
    """The application with the embedded voice, called without a server."""
    return create_app(Settings(), espeak).test_client()


class Served:
    """`python -m service`, started as a user starts it."""

    def __init__(self, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # A file, because a pipe that nobody reads would fill up and stop the server at a log line.
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - lives as long as the server
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service", "--host", "127.0.0.1", "--port", str(self.port)],
            cwd=ROOT,
            env={**os.environ, "TTS_WORKERS": "1", **environment},
            stderr=self.log,
        )

    def stop(self) -> str:
        """End it; what it logged."""
        self.process.terminate()
        self.process.wait(60)
        self.log.seek(0)
        with self.log:
            return self.log.read()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A running service with the embedded voice."""
    server = Served()
    try:
        Client(server.url).wait_until_ready(30)
        yield server
    finally:
        server.stop()


def until(condition: object, seconds: float = 10.0) -> None:
    """Wait until a call returns something true. Fails the test when it does not in time."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"not the case after {seconds:g} seconds")
        time.sleep(0.02)
