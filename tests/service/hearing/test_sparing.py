"""What spares a model work: nothing is encoded twice, and in a hurry hardly any silence."""

from __future__ import annotations

from typing import Any

import numpy as np

from service.hearing.sparing import LEAST, SPARE, Sparing, frames_needed

WINDOW = 3000


class Base:
    """Encodes as faster-whisper's model does, and counts."""

    def __init__(self) -> None:
        self.encoded: list[int] = []

    def encode(self, features: np.ndarray) -> int:
        self.encoded.append(features.shape[-1])
        return len(self.encoded)

    def detect_language(self, audio: Any, features: np.ndarray) -> int:
        return self.encode(padded(features))


class Model(Sparing, Base):
    pass


def padded(features: np.ndarray) -> np.ndarray:
    whole = np.zeros((80, WINDOW), np.float32)
    whole[:, : features.shape[-1]] = features[:, :WINDOW]
    return whole


def features(frames: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(80, frames)).astype(np.float32)


def test_the_language_is_found_in_what_is_heard_next() -> None:
    """`transcribe` hears all frames but the last."""
    model, sound = Model(), features(301)
    assert model.detect_language(features=sound) == model.encode(padded(sound[:, :-1])) == 1
    assert model.encode(padded(sound[:, 1:])) == 2
    assert model.encoded == [WINDOW, WINDOW]


def test_in_a_hurry_silence_is_encoded_as_far_as_it_helps() -> None:
    model = Model()
    model.hurried = True
    for frames in (300, 1200, WINDOW):
        model.encode(padded(features(frames)))
    assert model.encoded == [LEAST, 1200 + SPARE, WINDOW]
    assert frames_needed(padded(features(0))) == LEAST
