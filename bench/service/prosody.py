"""Measures of speech: the fundamental frequency of a voice, its duration and its energy."""

from __future__ import annotations

import numpy as np

from service.audio.pcm import Audio

FRAME = 0.04
LOWEST, HIGHEST = 60, 400
"""Hz between which a voice's fundamental is looked for."""


def fundamental(audio: Audio) -> float:
    """Median of the voiced frames' fundamental in Hz, by autocorrelation."""
    samples = np.frombuffer(audio.pcm, "<i2").astype(float)
    size = int(FRAME * audio.sample_rate)
    found = [
        _of_frame(samples[at : at + size], audio.sample_rate)
        for at in range(0, len(samples) - size, size // 2)
    ]
    return float(np.median([hertz for hertz in found if hertz]))


def _of_frame(frame: np.ndarray, rate: int) -> float:
    """Hz; 0 for silence and for what has no period."""
    if np.sqrt(np.mean(frame**2)) < 500:
        return 0.0
    frame = frame - frame.mean()
    likeness = np.correlate(frame, frame, "full")[len(frame) - 1 :]
    low, high = rate // HIGHEST, rate // LOWEST
    period = low + int(np.argmax(likeness[low:high]))
    return rate / period if likeness[period] > 0.5 * likeness[0] else 0.0
