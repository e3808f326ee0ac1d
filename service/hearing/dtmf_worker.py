"""The program of a worker that hears a telephone's keys, each by its two tones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from service.audio.pcm import Audio
from service.hearing.port import Heard, Segment, Wish, Word
from service.hearing.worker import UnfulfilledError, serve_ears

if TYPE_CHECKING:
    from service.hearing.worker import Hearing

LOW = (697.0, 770.0, 852.0, 941.0)
HIGH = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS = "123A456B789C*0#D"
"""What each pair of a low and a high tone means. Source: ITU-T Q.23."""
FRAME = 0.02
"""Seconds; a key sounds for 0.04 at least, and so does the pause behind it (ITU-T Q.24)."""
SHARE = 0.6
"""Of the energy of a frame that its two tones must have."""
LEAST = 100.0
"""Root mean square of the samples of a frame in which something sounds."""


def serve_dtmf(arguments: list[str]) -> None:
    """Serve jobs until whoever keeps this process is gone."""
    serve_ears(arguments, _load)


def _load() -> tuple[Hearing, dict[str, Any]]:
    return _hear, {"version": "telephone keys", "device": "cpu"}


def _hear(sound: Audio, wish: Wish, _wanted: Callable[[], bool]) -> Heard:
    if wish.translate:
        raise UnfulfilledError("model", "what listens here cannot translate")
    words = tuple(Word(key, start, end) for key, start, end in keys_in(sound))
    if not words:
        return Heard()
    text = "".join(word.text for word in words)
    return Heard((Segment(text, words[0].start, words[-1].end, words if wish.words else ()),))


def keys_in(sound: Audio) -> list[tuple[str, float, float]]:
    """The keys that sound for two frames at least, each with the seconds at which it begins and ends."""
    samples = np.frombuffer(sound.pcm, "<i2").astype(np.float64)
    size = round(FRAME * sound.sample_rate)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    low, high = _power(frames, LOW, sound.sample_rate), _power(frames, HIGH, sound.sample_rate)
    energy = np.einsum("ij,ij->i", frames, frames)
    clear = (low.max(axis=1, initial=0.0) + high.max(axis=1, initial=0.0) > SHARE * energy) & (
        energy > size * LEAST**2
    )
    found: list[tuple[str, float, float]] = []
    before, began = "", 0
    strongest = np.where(clear, 4 * low.argmax(axis=1) + high.argmax(axis=1), -1).tolist()
    for number, key in enumerate([*strongest, -1]):
        name = KEYS[key] if key >= 0 else ""
        if name != before:
            if before and number - began >= 2:
                found.append((before, round(began * FRAME, 3), round(number * FRAME, 3)))
            before, began = name, number
    return found


def _power(frames: np.ndarray, tones: tuple[float, ...], rate: int) -> np.ndarray:
    """Of each frame's energy, what each tone has of it; a frame of that tone alone gives all."""
    size = frames.shape[1]
    turns = np.exp(-2j * np.pi * np.outer(np.arange(size), tones) / rate)
    power: np.ndarray = np.abs(frames @ turns) ** 2 * (2.0 / size)
    return power


if __name__ == "__main__":
    serve_dtmf(sys.argv[1:])
