"""The sound that engines return: mono, 16 bits a sample, at the rate that made it."""

from __future__ import annotations

import dataclasses
import io
import wave
from collections.abc import Iterable

import numpy as np

BYTES_PER_SAMPLE = 2


@dataclasses.dataclass(frozen=True)
class Audio:
    """Mono sound of 16-bit little-endian samples."""

    pcm: bytes
    """The samples, two bytes each."""
    sample_rate: int
    """Samples a second."""

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.pcm) / BYTES_PER_SAMPLE / self.sample_rate

    @property
    def rms(self) -> float:
        """Root mean square of the samples, 0 to 32767; 0 for no sound at all."""
        if not self.pcm:
            return 0.0
        samples = np.frombuffer(self.pcm, "<i2").astype(np.float64)
        return float(np.sqrt(np.mean(samples * samples)))

    def louder(self, factor: float) -> Audio:
        """The same sound with its samples multiplied and held within 16 bits."""
        if factor == 1.0:
            return self
        samples = np.frombuffer(self.pcm, "<i2").astype(np.float32) * factor
        return Audio(np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes(), self.sample_rate)


def silence(seconds: float, sample_rate: int) -> Audio:
    """So many seconds of zeros."""
    return Audio(bytes(BYTES_PER_SAMPLE * round(seconds * sample_rate)), sample_rate)


def join_audio(parts: Iterable[Audio]) -> Audio:
    """One sound after the other. Raises `ValueError` when their rates differ or there is none."""
    sounds = list(parts)
    rates = {sound.sample_rate for sound in sounds}
    if len(rates) != 1:
        raise ValueError(f"sounds of one rate are needed, not {sorted(rates)}")
    # One sound among silences of no length is not copied.
    return Audio(b"".join([sound.pcm for sound in sounds if sound.pcm]), rates.pop())


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
