"""How well each voice is understood: the character error rate of what Whisper hears of everyday sentences.

    python -m bench.service.understood --model /models/whisper-base [--sentences 20] [--emotions]

It needs faster-whisper and a model of it. Voices that are not installed are not heard. `sentences/` holds 100
sentences of Mandarin and 50 of English.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import os
import pathlib
import sys
import time
from collections.abc import Iterator, Sequence

from builder.judge.understood import error_rate
from service.audio.pcm import Audio
from service.audio.resampling import resampled
from service.hearing.choose import EARS
from service.hearing.port import Ears, Wish
from service.hearing.whisper import Whisper
from service.settings.container import read_grant
from service.settings.environment import Settings
from service.settings.sizing import size_settings
from service.voices.choose import ENGINES, engine_for
from service.voices.port import Engine, Utterance, Voice

SENTENCES = pathlib.Path(__file__).parent / "sentences"
MODEL = "BENCH_EARS_MODEL"
"""The variable that names the model for `python -m bench service`."""
RATE = 16000
PATIENCE = 600.0
GOALS = {"zh": 0.15, "en": 0.10}
"""The most that may be heard otherwise of the default voice of a language."""
PROMPTS = {"zh": "以下是普通话的句子。", "en": ""}
"""Told to the model before: without, it writes Chinese in traditional characters as often as not."""


@dataclasses.dataclass(frozen=True)
class Understood:
    """What was heard of one voice in one emotion."""

    voice: str
    emotion: str
    language: str
    rate: float
    """Characters heard otherwise, of all that were said."""
    seconds: float
    """Seconds that hearing took, of each second of sound."""


def can_be_measured() -> bool:
    """Whether a model is named, and what runs it is installed."""
    return bool(os.environ.get(MODEL)) and importlib.util.find_spec("faster_whisper") is not None


def sentences(language: str, count: int) -> list[str]:
    """So many sentences, spread over all that there are."""
    lines = (SENTENCES / f"{ {'zh': 'cmn'}.get(language, language) }.txt").read_text("utf-8").splitlines()
    return lines[:: max(1, len(lines) // count)][:count]


def measure(model: str, count: int, *, emotions: bool = False) -> Iterator[Understood]:
    """What is heard of every voice whose language there are sentences of; `TTS_ENGINE` chooses them."""
    given = Settings.from_env(ENGINES, ears=EARS)
    settings = size_settings(dataclasses.replace(given, ears="whisper", ears_model=model), read_grant())
    voices, ears = engine_for(settings), Whisper.from_settings(settings)
    voices.load()
    ears.load()
    try:
        for voice in voices.voices():
            language = {"cmn": "zh", "en": "en"}.get(voice.language.split("-")[0])
            if language is None:
                continue
            for emotion in voice.emotions if emotions else ("neutral",):
                yield _of_one(voices, ears, voice, emotion, language, sentences(language, count))
    finally:
        voices.close()
        ears.close()


def _of_one(
    voices: Engine, ears: Ears, voice: Voice, emotion: str, language: str, texts: Sequence[str]
) -> Understood:
    wrong = characters = spent = sounded = 0.0
    for text in texts:
        utterance = Utterance(text, voice.name, emotion)
        sound = _resampled(voices.synthesize(utterance, time.monotonic() + PATIENCE, 60.0))
        began = time.monotonic()
        heard = ears.hear(sound, Wish(language, PROMPTS[language]), time.monotonic() + PATIENCE)
        spent += time.monotonic() - began
        sounded += sound.duration
        said = "".join(segment.text for segment in heard.segments)
        wrong += error_rate(text, said) * len(text)
        characters += len(text)
    return Understood(voice.name, emotion, language, wrong / characters, spent / sounded)


def _resampled(sound: Audio) -> Audio:
    import numpy as np

    samples = np.frombuffer(sound.pcm, "<i2").astype(np.float32)
    moved = resampled(samples, sound.sample_rate, RATE)
    return Audio(np.clip(np.rint(moved), -32768, 32767).astype("<i2").tobytes(), RATE)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.service.understood", description=__doc__)
    parser.add_argument("--model", required=not os.environ.get(MODEL), default=os.environ.get(MODEL))
    parser.add_argument("--sentences", type=int, default=100)
    parser.add_argument("--emotions", action="store_true")
    given = parser.parse_args()
    for one in measure(given.model, given.sentences, emotions=given.emotions):
        speed = f"heard {1 / one.seconds:.1f} times as fast as it is spoken"
        print(f"{one.voice:16} {one.emotion:9} {one.language}  {one.rate:.3f}  {speed}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
