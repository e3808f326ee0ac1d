"""Where somebody begins and ends to speak in a sound that comes piece by piece: told by loudness alone.

Only the standard library is imported: web processes use it, and stay small.
"""

from __future__ import annotations

import array
import enum
import math
import operator
import sys
from collections.abc import Iterator

RATE = 16000
FRAME = 0.02
"""Seconds over which loudness is measured."""
FRAME_BYTES = 2 * round(RATE * FRAME)
LEAST = 80.0
"""Root mean square of the 16-bit samples of a frame below which it is quiet, whatever came before."""
OVER = 3.0
"""Times as loud as what is always there that a frame in which somebody speaks is at least."""
LOUDEST_FIRST = 200.0
"""What is always there is thought to be as loud as the first frame, and no louder: that may be speech."""
FORGET = 1.004
"""By which what is always there is thought to be louder after each frame: e times in five seconds."""
BEGIN = 0.12
"""Seconds of loudness, quiet frames subtracted, after which somebody speaks."""
BEFORE = 0.3
"""Seconds that are kept of what came before somebody was seen to speak."""
PAUSE = 0.2
"""Seconds of quiet that may be the end."""
END = 0.6
"""Seconds of quiet that are the end."""
LONGEST = 28.0
"""Seconds after which what is said ends anyway: what speech models hear at once is 30."""


class Mark(enum.Enum):
    """What happened in a sound."""

    BEGAN = "somebody speaks"
    PAUSED = "it has been quiet for a moment"
    ENDED = "it has been quiet for long enough"


class Endpointer:
    """Follows one sound: samples of 16 bits, little-endian, one channel, `RATE` a second."""

    def __init__(self) -> None:
        self._rest = b""
        self._frames: list[bytes] = []
        self._always = 0.0
        self._score = self._quiet = 0
        self.speaking = False
        """Whether somebody speaks."""

    @property
    def said(self) -> bytes:
        """The samples from a moment before somebody began to speak."""
        return b"".join(self._frames)

    @property
    def spoken(self) -> float:
        """Seconds of it, without the quiet at its end."""
        return (len(self._frames) - self._quiet) * FRAME

    def add(self, samples: bytes) -> Iterator[Mark]:
        """Take the next piece; what happened in it. `said` is what was said when a mark is told."""
        data = self._rest + samples
        whole = len(data) // FRAME_BYTES * FRAME_BYTES
        self._rest = data[whole:]
        for place in range(0, whole, FRAME_BYTES):
            yield from self._add_frame(data[place : place + FRAME_BYTES])

    def finish(self) -> None:
        """What was said has ended, whether it was quiet or not: begin anew."""
        self._frames = []
        self._score = self._quiet = 0
        self.speaking = False

    def _add_frame(self, frame: bytes) -> Iterator[Mark]:
        level = max(1.0, loudness(frame))
        self._always = self._always or min(level, LOUDEST_FIRST)
        loud = level > max(LEAST, OVER * self._always)
        self._always = min(self._always * FORGET, level)
        self._frames.append(frame)
        if not self.speaking:
            del self._frames[: -round(BEFORE / FRAME)]
            self._score = self._score + 1 if loud else max(0, self._score - 1)
            if self._score >= BEGIN / FRAME:
                self.speaking, self._quiet = True, 0
                yield Mark.BEGAN
            return
        self._quiet = 0 if loud else self._quiet + 1
        if self._quiet >= END / FRAME or len(self._frames) >= LONGEST / FRAME:
            yield Mark.ENDED
            self.finish()
        elif self._quiet == PAUSE / FRAME:
            yield Mark.PAUSED


def loudness(frame: bytes) -> float:
    """Root mean square of the samples."""
    samples = array.array("h", frame)
    if sys.byteorder == "big":
        samples.byteswap()
    return math.sqrt(sum(map(operator.mul, samples, samples)) / max(1, len(samples)))
