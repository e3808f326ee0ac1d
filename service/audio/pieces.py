"""A long sound cut into pieces, each short enough to be heard at once, where it is quiet."""

from __future__ import annotations

import numpy as np

FRAME = 0.02
"""Seconds over which loudness is measured."""
LONGEST = 28.0
"""Seconds of a piece: what speech models hear at once is 30."""
SHORTEST = 10.0
"""Seconds after which a pause may end a piece."""
PAUSE = 0.3
"""Seconds of quiet that are a pause."""
MARGIN = 0.2
"""Seconds of quiet that are kept around speech."""
FLOOR = 40.0
"""Root mean square of the 16-bit samples below which a frame is quiet whatever stands beside it."""


def cut_pieces(samples: np.ndarray, rate: int) -> list[tuple[int, int]]:
    """Where the pieces begin and end, in samples; long silences lie in none of them.

    A frame is quiet when it is far below the loud parts of the sound. Whether what is left is speech, whoever
    hears it is to say.
    """
    size = round(FRAME * rate)
    count = len(samples) // size
    frames = samples[: count * size].reshape(count, size).astype(np.float32)
    loudness = np.sqrt(np.einsum("ij,ij->i", frames, frames) / size)
    loud = loudness > max(FLOOR, float(np.percentile(loudness, 95)) * 0.03) if count else np.zeros(0, bool)
    pieces: list[tuple[int, int]] = []
    for start, end in _spoken(loud):
        pieces.extend(_within_reach(loudness, start, end))
    return [(start * size, min(end * size, len(samples))) for start, end in pieces]


def _spoken(loud: np.ndarray) -> list[tuple[int, int]]:
    """Stretches of frames, of which those that stand close together are one as long as it is short."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(np.int8), [0]])))
    margin, pause = round(MARGIN / FRAME), round(PAUSE / FRAME)
    found: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        begin, stop = max(0, start - margin), min(len(loud), end + margin)
        if found:
            before = found[-1]
            apart = start - (before[1] - margin)
            long = stop - before[0] > LONGEST / FRAME or before[1] - before[0] > SHORTEST / FRAME
            if apart < pause or not (long or apart > SHORTEST / FRAME):
                found[-1] = (before[0], stop)
                continue
            begin = max(begin, before[1])
        found.append((begin, stop))
    return found


def _within_reach(loudness: np.ndarray, start: int, end: int) -> list[tuple[int, int]]:
    """A stretch cut where it is quietest, until no piece is too long."""
    longest, shortest = round(LONGEST / FRAME), round(SHORTEST / FRAME)
    cuts = [start]
    while end - cuts[-1] > longest:
        window = loudness[cuts[-1] + shortest : cuts[-1] + longest]
        cuts.append(cuts[-1] + shortest + int(np.argmin(window)))
    return [(cut, [*cuts, end][number]) for number, cut in enumerate(cuts, 1)]
