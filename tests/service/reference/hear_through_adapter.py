"""Drives the service's funasr engine against a model's folder; prints what came out as JSON.

Run inside the reference environment with the project's root on PYTHONPATH: `python ... FOLDER`.
"""

from __future__ import annotations

import dataclasses
import io
import json
import sys
import time

import numpy as np

from service.app import create_app
from service.audio.formats import wav_header
from service.audio.pcm import Audio
from service.errors import ServiceError
from service.hearing.funasr import FunAsr
from service.hearing.port import Wish
from service.settings.environment import Settings
from service.voices.espeak import Espeak

RATE = 16000


def tones(*hertz: int) -> Audio:
    """A fifth of a second of each."""
    times = np.arange(RATE // 5) / RATE
    samples = np.concatenate([8000 * np.sin(2 * np.pi * one * times) for one in hertz])
    return Audio(samples.astype("<i2").tobytes(), RATE)


def main(folder: str) -> None:
    settings = Settings(ears="funasr", ears_model=folder, threads=1, ears_workers=1)
    ears = FunAsr.from_settings(settings)
    sound = tones(300, 900, 2700)
    facts: dict[str, object] = {"heard": heard(ears, sound, Wish(words=True))}
    facts["again"] = heard(ears, sound, Wish(words=True))
    facts["other"] = heard(ears, tones(150, 5000, 450), Wish(language="en"))
    facts["silence"] = heard(ears, Audio(bytes(RATE), RATE), Wish())
    facts["translated"] = heard(ears, sound, Wish(translate=True))
    facts["crashed"] = heard(ears, sound, Wish(prompt="crash"))
    facts["after_crash"] = heard(ears, sound, Wish(words=True))
    facts["health"] = dataclasses.asdict(ears.health())
    voice = Espeak(workers=1, queue_wait=20.0)
    http = create_app(settings, voice, ears=ears).test_client()
    file = io.BytesIO(wav_header(RATE, len(sound.pcm)) + sound.pcm)
    form = {"file": (file, "x.wav"), "model": "whisper-1", "response_format": "verbose_json"}
    reply = http.post("/v1/audio/transcriptions", data=form, content_type="multipart/form-data")
    facts["http"] = [reply.status_code, reply.get_json()]
    ears.close()
    voice.close()
    print(json.dumps(facts))  # noqa: T201


def heard(ears: FunAsr, sound: Audio, wish: Wish) -> dict[str, object]:
    """What was heard of one sound, or how it was refused."""
    try:
        return ears.hear(sound, wish, time.monotonic() + 120).as_message()
    except ServiceError as error:
        return {"status": error.status, "code": error.code}


if __name__ == "__main__":
    main(*sys.argv[1:])
