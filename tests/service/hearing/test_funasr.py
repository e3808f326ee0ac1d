"""What ModelScope's recognisers say, read: tags, times, words; and its own pipeline with a tiny model."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
from typing import Any

import pytest

from service.audio.pcm import Audio
from service.hearing.funasr import FunAsr
from service.hearing.funasr_worker import hear
from service.hearing.port import Wish
from service.hearing.worker import UnfulfilledError
from service.settings.environment import Settings, SettingsError
from tests.service.conftest import ROOT

SECOND = Audio(bytes(32000), 16000)
SCRIPTS = ROOT / "tests" / "service" / "reference"


def said(*told: dict[str, Any], **wish: Any) -> Any:
    return hear(lambda **_: list(told), SECOND, Wish(**wish))


def test_tags_are_no_words_and_tell_the_language() -> None:
    found = said({"key": "x", "text": "<|yue|><|HAPPY|><|Speech|><|withitn|>你好。"})
    assert [(one.text, one.start, one.end) for one in found.segments] == [("你好。", 0.0, 1.0)]
    assert found.language == "yue"
    assert said({"text": "<|nospeech|><|EMO_UNKNOWN|><|BGM|><|woitn|>"}).segments == ()


def test_times_are_those_of_characters_and_words() -> None:
    told = {"text": "今天 hello", "timestamp": [[100, 200], [200, 300], [400, 520]]}
    (segment,) = said(told, words=True, language="zh").segments
    assert [(word.text, word.start, word.end) for word in segment.words] == [
        ("今", 0.1, 0.2),
        ("天", 0.2, 0.3),
        ("hello", 0.4, 0.52),
    ]
    assert (segment.start, segment.end) == (0.1, 0.52)


def test_times_that_fit_no_words_are_not_given_to_any() -> None:
    (segment,) = said({"text": "今天。", "timestamp": [[100, 200], [200, 300]]}, words=True).segments
    assert (segment.words, segment.end) == ((), 0.3)


def test_it_is_asked_as_funasr_is() -> None:
    asked: dict[str, Any] = {}
    hear(lambda **more: asked.update(more) or [], SECOND, Wish(prompt="魔搭"))
    samples = asked.pop("input")
    assert (samples.dtype.name, len(samples)) == ("float32", 16000)
    assert asked == {"fs": 16000, "language": "auto", "use_itn": True, "hotword": "魔搭"}


def test_it_does_not_translate_and_needs_a_model() -> None:
    with pytest.raises(UnfulfilledError, match="translate"):
        said(translate=True)
    with pytest.raises(SettingsError, match="TTS_EARS_MODEL"):
        FunAsr.from_settings(Settings(ears="funasr"))


@pytest.mark.reference
def test_modelscopes_own_pipeline(reference_python: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """A tiny model with random weights, loaded, heard through, crashed, and loaded again."""

    def run(script: str, *arguments: object) -> str:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [reference_python, SCRIPTS / script, *map(str, arguments)],
            capture_output=True, text=True, timeout=300, env=environment, cwd=SCRIPTS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("tiny_ears.py", tmp_path / "tiny")
    facts = json.loads(run("hear_through_adapter.py", tmp_path / "tiny").splitlines()[-1])
    (segment,) = facts["heard"]["segments"]
    assert segment["text"]
    assert not set(segment["text"]) & set("<|>")
    assert len(segment["words"]) == len(segment["text"])
    assert facts["heard"]["language"] == "zh"
    assert facts["again"] == facts["heard"] == facts["after_crash"]
    assert facts["other"]["segments"][0]["text"] != segment["text"]
    assert facts["other"]["language"] == "en"
    assert facts["silence"]["segments"] == []
    assert facts["translated"] == {"status": 422, "code": "unsupported"}
    assert facts["crashed"] == {"status": 503, "code": "ears_crashed"}
    assert (facts["health"]["ready"], facts["health"]["device"]) == (True, "cpu")
    status, reply = facts["http"]
    assert (status, reply["language"], reply["text"]) == (200, "chinese", segment["text"])
