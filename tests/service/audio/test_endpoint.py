"""Where somebody begins and ends to speak."""

from __future__ import annotations

import numpy as np
import pytest

from service.audio.endpoint import RATE, Endpointer, Mark
from tests.service.fakes import hum


def noise(seconds: float, level: float) -> bytes:
    samples = np.random.default_rng(2).normal(0, level, round(seconds * RATE))
    return bytes(samples.astype("<i2").tobytes())


def marks(*parts: bytes, size: int = 1000) -> list[tuple[Mark, float]]:
    """What happened, and after how many seconds, where the parts come in pieces of an odd size."""
    follower, data, found = Endpointer(), b"".join(parts), []
    for place in range(0, len(data), size):
        found += [(mark, place / 2 / RATE) for mark in follower.add(data[place : place + size])]
    return found


def test_speech_begins_pauses_and_ends() -> None:
    found = marks(noise(1, 20), hum(1.0).pcm, noise(1, 20))
    assert [mark for mark, _ in found] == [Mark.BEGAN, Mark.PAUSED, Mark.ENDED]
    assert [at for _, at in found] == pytest.approx([1.1, 2.2, 2.6], abs=0.06)


@pytest.mark.parametrize("level", [0, 20, 300])
def test_what_is_always_there_is_quiet(level: float) -> None:
    assert marks(noise(5, level)) == []


def test_a_click_is_no_speech() -> None:
    assert marks(noise(1, 20), hum(0.06).pcm, noise(1, 20)) == []


def test_a_short_pause_is_no_end() -> None:
    parts = hum(0.5).pcm, noise(0.4, 20), hum(0.5).pcm, noise(1, 20)
    assert [mark for mark, _ in marks(*parts)] == [Mark.BEGAN, Mark.PAUSED, Mark.PAUSED, Mark.ENDED]


def test_nobody_speaks_for_ever() -> None:
    """What comes behind the longest begins anew, and no more is kept."""
    found = marks(*[hum(0.9).pcm, noise(0.1, 20)] * 30)
    assert [mark for mark, _ in found] == [Mark.BEGAN, Mark.ENDED, Mark.BEGAN]
    assert found[1][1] == pytest.approx(28, abs=0.2)


def test_what_was_said_has_its_beginning_and_no_more() -> None:
    follower = Endpointer()
    data = noise(2, 20) + hum(1.0).pcm + noise(0.3, 20)
    assert Mark.PAUSED in list(follower.add(data))
    assert len(follower.said) / 2 / RATE == pytest.approx(0.2 + 1.0 + 0.3, abs=0.05)
    assert follower.spoken == pytest.approx(0.2 + 1.0, abs=0.05)
