"""Speech made faster or slower at the same pitch, for voices that have no speed of their own."""

from __future__ import annotations

import numpy as np

from service.audio.pcm import Audio

WINDOW = 0.03
"""Seconds of the pieces that are overlapped: two or three periods of a voice."""
SEARCH = 0.008
"""Seconds by which a piece may be moved to fit the one before: half a period of a low voice."""


def speed_up(audio: Audio, factor: float) -> Audio:
    """The same speech in 1/`factor` of its time, by waveform-similarity overlap-add.

    Verhelst and Roelands, "An overlap-add technique based on waveform similarity (WSOLA)", ICASSP 1993.
    """
    half = round(WINDOW * audio.sample_rate / 2)
    samples = np.frombuffer(audio.pcm, "<i2").astype(np.float32)
    if factor == 1.0 or len(samples) < 4 * half:
        return audio
    reach = round(SEARCH * audio.sample_rate)
    count = int(len(samples) / factor / half)
    padded = np.concatenate(
        [np.zeros(reach, np.float32), samples, np.zeros(2 * half + 2 * reach, np.float32)]
    )
    window = np.hanning(2 * half).astype(np.float32)
    out = np.zeros((count + 1) * half, np.float32)
    follows = padded[reach : reach + half]
    for index in range(count):
        place = round(index * half * factor)
        region = padded[place : place + half + 2 * reach]
        start = place + int(np.argmax(_similarity(region, follows)))
        out[index * half : (index + 2) * half] += window * padded[start : start + 2 * half]
        follows = padded[start + half : start + 2 * half]
    return Audio(np.clip(np.rint(out), -32768, 32767).astype("<i2").tobytes(), audio.sample_rate)


def _similarity(region: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How alike `wanted` and every equally long part of `region` are: normalised cross-correlation."""
    products = np.correlate(region, wanted, "valid")
    energy = np.convolve(region * region, np.ones(len(wanted), np.float32), "valid")
    return np.asarray(products / np.sqrt(energy + 1.0))
