"""The reference engine for real: a tiny model, loaded by ModelScope's `pipeline()` in the reference stack."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
from typing import Any

import pytest

from tests.service.conftest import ROOT

SCRIPTS = ROOT / "tests" / "service" / "reference"
pytestmark = pytest.mark.reference

LISTENER = """
import pathlib, sys
def note(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname") or (
        event == "socket.connect" and isinstance(arguments[1], tuple)
    ):
        with (pathlib.Path(__file__).parent / "log").open("a") as log:
            print(event, arguments[1:], file=log)
sys.addaudithook(note)
"""


@pytest.fixture(scope="module")
def folder(reference_python: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A model's folder, made by the reference environment."""
    made = tmp_path_factory.mktemp("models") / "tiny"
    run(reference_python, "tiny_model.py", made)
    return made


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder whose `sitecustomize` notes in `log` every try of every process to reach the network."""
    folder = tmp_path_factory.mktemp("reached")
    (folder / "sitecustomize.py").write_text(LISTENER)
    return folder


@pytest.fixture(scope="module")
def facts(reference_python: pathlib.Path, folder: pathlib.Path, reached: pathlib.Path) -> dict[str, Any]:
    """What the engine made of the model."""
    path = os.pathsep.join(map(str, (reached, ROOT)))
    said = run(reference_python, "speak_through_adapter.py", folder, PYTHONPATH=path)
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def run(python: pathlib.Path, script: str, *arguments: object, **environment: str) -> str:
    """Run one of the scripts in the reference environment; what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run(
        [python, SCRIPTS / script, *map(str, arguments)],
        capture_output=True, text=True, timeout=300, env=environment, cwd=SCRIPTS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("facts")
def test_a_model_on_this_disk_needs_no_network(reference_python: pathlib.Path, reached: pathlib.Path) -> None:
    """No process tried to reach anything; one that does is seen."""
    assert not (reached / "log").exists()
    script = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"
    environment = {**os.environ, "PYTHONPATH": str(reached)}
    subprocess.run([reference_python, "-c", script], env=environment, timeout=60, check=True)
    assert "socket.connect" in (reached / "log").read_text()


def test_voices_come_from_the_models_folder(facts: dict[str, Any]) -> None:
    voices = {voice["name"]: voice for voice in facts["voices"]}
    assert list(voices) == ["zhitian_emo", "zhiyan_emo", "plain"]
    assert len(voices["zhitian_emo"]["emotions"]) == 7
    assert voices["plain"]["emotions"] == ["neutral"]


def test_the_sound_is_the_pipelines_wav_at_its_own_rate(facts: dict[str, Any]) -> None:
    """Twelve frames a character and 256 samples a frame, at 16 kHz."""
    assert facts["plain"]["rate"] == 16000
    assert facts["plain"]["duration"] == pytest.approx(4 * 12 * 256 / 16000, rel=0.02)
    assert facts["plain"]["rms"] > 500


def test_emotions_and_intensity_reach_the_model(facts: dict[str, Any]) -> None:
    """The text holds markup characters, which the model reads as text: all seven have the same length."""
    sounds = facts["emotions"]
    assert len({sound["sha256"] for sound in sounds.values()}) == 7
    assert {sound["duration"] for sound in sounds.values()} == {sounds["neutral"]["duration"]}
    assert facts["intense"]["sha256"] != sounds["happy"]["sha256"]


def test_the_same_request_gives_the_same_bytes(facts: dict[str, Any]) -> None:
    assert facts["again"] == facts["emotions"]["happy"]


def test_speed_is_stretched_and_pitch_is_refused(facts: dict[str, Any]) -> None:
    assert facts["fast"]["duration"] == pytest.approx(facts["emotions"]["neutral"]["duration"] / 2, rel=0.05)
    assert (facts["pitched"]["status"], facts["pitched"]["field"]) == (422, "pitch")


def test_a_model_that_crashes_takes_one_request_with_it(facts: dict[str, Any]) -> None:
    """That request is tried twice; the next one is answered by a new process."""
    assert (facts["crashed"]["status"], facts["crashed"]["code"]) == (503, "voice_crashed")
    assert facts["after_crash"] == facts["plain"]
    assert facts["starts"] == 3


def test_the_article_over_http(facts: dict[str, Any]) -> None:
    said = facts["http"]
    assert said["ready"] == 200
    assert (said["head"], said["sample_rate"], said["status"]) == ("RIFF", 16000, "success")


def test_it_says_that_it_computes_on_the_processor(facts: dict[str, Any]) -> None:
    assert facts["http"]["readyz"]["device"] == "cpu"
    assert facts["http"]["place"] == ['tts_device_info{card="",device="cpu"} 1.0']


def test_a_card_that_is_not_there_is_said_so(reference_python: pathlib.Path, folder: pathlib.Path) -> None:
    """The reference stack has torch without CUDA, so this holds on every machine."""
    said = json.loads(run(reference_python, "speak_through_adapter.py", folder, "cuda").splitlines()[-1])
    assert said["plain"]["status"] == 503
    assert said["plain"]["message"].startswith("TTS_DEVICE is cuda, and torch ")
    assert said["plain"]["message"].endswith("TTS_DEVICE=auto computes on the processor then")
    assert said["http"]["readyz"]["reason"].startswith("voice_failed: TTS_DEVICE is cuda")


def test_a_model_that_is_not_there_is_said_so(reference_python: pathlib.Path) -> None:
    """Offline, nothing is asked of any hub; the reply is 503 and the log names the remedy."""
    done = subprocess.run(
        [reference_python, "-m", "service.voices.modelscope_worker", "0", "damo/absent", "cpu", "offline"],
        capture_output=True, text=True, timeout=60, cwd=ROOT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 1
    assert "TTS_MODELS" in done.stderr
    assert "Traceback" not in done.stderr
