"""A long text is spoken by all voices at once, and comes out in its order."""

from __future__ import annotations

import threading
import time

import pytest

from service.app import create_app
from service.audio.pcm import Audio
from service.errors import InvalidFieldError, UnavailableError
from service.http.context import KEY
from service.settings.environment import Settings
from service.speech.request import SpeechRequest
from service.speech.speaker import Speaker
from service.voices.port import Utterance
from tests.service.fakes import FakeEngine, hum

TEXT = "一。二二。三三三。四四四四。五五五五五。六六六六六六。"


class Together(FakeEngine):
    """Speaks later sentences sooner, and remembers how many voices spoke at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self._now = 0
        self._lock = threading.Lock()

    def synthesize(self, utterance: Utterance, deadline: float, max_seconds: float) -> Audio:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.05 / len(utterance.text))
        with self._lock:
            self._now -= 1
            self.said.append(utterance)
        if self.error is not None and len(utterance.text) == 4:
            raise self.error
        return hum(0.01 * len(utterance.text), 100.0 * len(utterance.text))


def speaker(engine: FakeEngine, **settings: float) -> Speaker:
    app = create_app(Settings(workers=3, web=1, cache_bytes=0, **settings), engine)  # type: ignore[arg-type]
    found: Speaker = app.extensions[KEY].speaker
    return found


def test_the_order_is_kept() -> None:
    together = Together()
    alone = FakeEngine()
    alone.synthesize = lambda u, *_: hum(0.01 * len(u.text), 100.0 * len(u.text))  # type: ignore[method-assign]
    whole = speaker(together).speak(SpeechRequest(text=TEXT))
    one = b"".join(speaker(alone).stream(SpeechRequest(text=TEXT, format="pcm")))
    assert whole.speech.data[44:] == one
    assert together.most == 3


def test_two_long_texts_share_the_voices() -> None:
    together = Together()
    one = speaker(together)
    one._spoken_now = 2
    one.speak(SpeechRequest(text=TEXT))
    assert (together.most, one._spoken_now) == (1, 2)


def test_a_failure_ends_all_of_it() -> None:
    engine = Together()
    engine.error = UnavailableError("no")
    with pytest.raises(UnavailableError):
        speaker(engine).speak(SpeechRequest(text=TEXT))


def test_the_longest_sound_holds_for_all_together() -> None:
    with pytest.raises(InvalidFieldError, match="more than 4 seconds"):
        speaker(Together(), max_audio=4.0).speak(SpeechRequest(text=("好" * 100 + "。") * 5))
