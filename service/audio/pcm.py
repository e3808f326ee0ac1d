"""The sound that engines return: mono, 16 bits a sample, at the rate that made it."""

from __future__ import annotations

import array
import dataclasses
import math
import sys
from collections.abc import Iterable

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
        samples = array.array("h", self.pcm)
        if sys.byteorder == "big":
            samples.byteswap()
        return math.sqrt(sum(sample * sample for sample in samples) / len(samples))


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
