"""Another rate for a sound that comes in blocks, filtered so that nothing is heard that was not in it."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

HALF = 12
"""Periods of the lower rate that the filter reaches to each side: what lies above is 60 dB down."""
PASSED = 0.92
"""Of the lower rate's half: the frequencies that are kept."""
FINEST = 1000
"""How many places of new samples between two old ones there are at most, each with its filter. Usual rates
have fewer (44.1 to 16 kHz has 160); of others the nearest ratio is taken, off by less than a thousandth."""
AT_ONCE = 1 << 12
"""Samples that are made at once, so that memory stays small whatever the rates are."""


class Resampler:
    """A windowed sinc at the places of the new samples: a filter for each of the places that there are.

    Crochiere and Rabiner, "Multirate Digital Signal Processing", 1983, section 2.4.
    """

    def __init__(self, source: int, target: int) -> None:
        ratio = Fraction(source, target).limit_denominator(FINEST)
        self._up, self._down = ratio.denominator, ratio.numerator
        self._same = source == target
        lower = min(1.0, target / source)
        self._half = math.ceil(HALF / lower)
        reach = np.arange(-self._half + 1, self._half + 1, dtype=np.float64)
        phases = np.arange(self._up, dtype=np.float64)[:, None] / self._up
        distance = reach[None, :] - phases
        cut = lower * PASSED
        window = np.cos(np.clip(np.pi * distance / (2 * self._half), -np.pi / 2, np.pi / 2)) ** 2
        filters = cut * np.sinc(cut * distance) * window
        self._filters = (filters / filters.sum(axis=1, keepdims=True)).astype(np.float32)
        self._kept = np.zeros(self._half - 1, np.float32)
        self._first = 1 - self._half
        """Which sample of the source the first one kept is."""
        self._made = self._came = 0

    def add(self, block: np.ndarray) -> np.ndarray:
        """The new samples that can be made now that a block has come."""
        if self._same:
            return block
        self._came += len(block)
        self._kept = np.concatenate([self._kept, block])
        # A new sample needs `half` old ones behind its place.
        ready = (self._first + len(self._kept) - self._half - 1) * self._up // self._down + 1
        return self._until(ready)

    def end(self) -> np.ndarray:
        """The last of them."""
        if self._same:
            return np.zeros(0, np.float32)
        self._kept = np.concatenate([self._kept, np.zeros(self._half + 1, np.float32)])
        return self._until(-(-self._came * self._up // self._down))

    def _until(self, count: int) -> np.ndarray:
        pieces = []
        width = 2 * self._half
        while self._made < count:
            numbers = np.arange(self._made, min(count, self._made + AT_ONCE), dtype=np.int64)
            places, phases = np.divmod(numbers * self._down, self._up)
            starts = places - self._half + 1 - self._first
            windows = np.lib.stride_tricks.sliding_window_view(self._kept, width)[starts]
            pieces.append(np.einsum("ij,ij->i", windows, self._filters[phases]))
            self._made += len(numbers)
        needless = self._made * self._down // self._up - self._half + 1 - self._first
        if needless > 0:
            self._kept = self._kept[needless:]
            self._first += needless
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def resampled(samples: np.ndarray, source: int, target: int) -> np.ndarray:
    """A whole sound at another rate."""
    resampler = Resampler(source, target)
    return np.concatenate([resampler.add(samples), resampler.end()])
