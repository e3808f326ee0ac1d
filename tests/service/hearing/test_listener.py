"""The listener holds room for what it has decoded, for as long as it is heard, and no longer."""

from __future__ import annotations

import pytest

from service.admission.ledger import Budget, Ledger
from service.audio.decoder import own_decoders
from service.audio.formats import wav_header
from service.audio.pcm import Audio
from service.errors import BodyTooLargeError
from service.hearing.listener import Listener
from service.hearing.port import Heard, Wish
from service.hearing.request import HearingRequest
from service.settings.environment import Settings
from service.speech.metrics import Metrics
from tests.service.fakes import FakeEars, keys


class Watching(FakeEars):
    """Ears that look into the ledger while they hear."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger
        self.held = 0

    def hear(self, sound: Audio, wish: Wish, deadline: float) -> Heard:
        self.held = self.ledger.held().bytes
        return super().hear(sound, wish, deadline)


def listener(ledger: Ledger, ears: FakeEars) -> Listener:
    return Listener(ears, own_decoders(), Settings(), ledger, Metrics())


def request(sound: Audio) -> HearingRequest:
    return HearingRequest(wav_header(sound.sample_rate, len(sound.pcm)) + sound.pcm, Wish())


def test_decoded_samples_count_while_they_are_heard() -> None:
    ledger = Ledger(Budget(4, 1 << 20))
    ears = Watching(ledger)
    sound = keys("12345", 16000)
    assert listener(ledger, ears).hear(request(sound)).text == "12345"
    assert ears.held == len(sound.pcm)
    assert ledger.held().bytes == 0


def test_what_decodes_to_more_than_there_is_is_refused() -> None:
    ledger = Ledger(Budget(4, 10_000))
    with pytest.raises(BodyTooLargeError, match="its sound takes"):
        listener(ledger, FakeEars()).hear(request(keys("12345", 16000)))
    assert ledger.held().bytes == 0
