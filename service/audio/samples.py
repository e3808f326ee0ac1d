"""What is computed with samples: only processes that may die run it, and load NumPy."""

from __future__ import annotations

import io
import wave

import numpy as np

from service.audio.pcm import BYTES_PER_SAMPLE, Audio


def make_louder(audio: Audio, factor: float) -> Audio:
    """The same sound with its samples multiplied and held within 16 bits."""
    if factor == 1.0:
        return audio
    samples = np.frombuffer(audio.pcm, "<i2").astype(np.float32) * factor
    return Audio(np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes(), audio.sample_rate)


def resample(audio: Audio, sample_rate: int) -> Audio:
    """The same sound at another rate, by linear interpolation. Meant for going up: it filters nothing."""
    if audio.sample_rate == sample_rate:
        return audio
    samples = np.frombuffer(audio.pcm, "<i2")
    count = round(len(samples) * sample_rate / audio.sample_rate)
    places = np.arange(count) * (audio.sample_rate / sample_rate)
    moved = np.rint(np.interp(places, np.arange(len(samples)), samples)) if count else samples[:0]
    return Audio(moved.astype("<i2").tobytes(), sample_rate)


def read_wav(data: bytes) -> Audio:
    """The sound of a WAV file; several channels are averaged into one.

    Raises `ValueError` when it is no WAV file of 16-bit samples.
    """
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"not a WAV file: {error}") from error
    if width != BYTES_PER_SAMPLE:
        raise ValueError(f"samples of 16 bits are needed, not {8 * width}")
    if channels == 1:
        return Audio(frames, rate)
    samples = np.frombuffer(frames, "<i2").reshape(-1, channels)
    return Audio(np.rint(samples.mean(axis=1)).astype("<i2").tobytes(), rate)
