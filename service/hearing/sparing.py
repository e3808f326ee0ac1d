"""What spares a Whisper model work: the same is encoded once, and silence only as far as it helps.

Facts it rests on (faster-whisper 1.1 and 1.2, `faster_whisper/transcribe.py`): `encode` does all encoding,
and gets half a minute of features, with zeros behind what there is; `transcribe` asks `detect_language` with
all features, and hears all but the last of them. CTranslate2 takes fewer frames as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FRAMES = 100
"""Frames a second."""
SPARE = 5 * FRAMES
"""Frames of silence behind what was said, at least, where a sound is heard in a hurry."""
LEAST = 10 * FRAMES
"""Frames that are encoded at least: the model was taught with half a minute."""


class Sparing:
    """Stands before faster-whisper's model among the bases of a class; hears one sound at a time."""

    hurried = False
    """Whether silence at the end is encoded only as far as it helps, which takes a tenth of the time."""
    _last: tuple[np.ndarray, Any] | None = None

    def encode(self, features: np.ndarray) -> Any:
        """What the encoder makes of features; asked the same again, it does not compute anew."""
        if self.hurried:
            features = features[..., : frames_needed(features)]
        if self._last is None or not np.array_equal(self._last[0], features):
            self._last = features, super().encode(features)  # type: ignore[misc]
        return self._last[1]

    def detect_language(
        self, audio: np.ndarray | None = None, features: np.ndarray | None = None, **how: Any
    ) -> Any:
        """As it is inherited, of the very features that are heard next."""
        if audio is None and features is not None:
            features = features[..., :-1]
        return super().detect_language(audio, features, **how)  # type: ignore[misc]


def frames_needed(features: np.ndarray) -> int:
    """Frames up to the end of what is there, and those of the silence behind it."""
    filled = np.flatnonzero(features.any(axis=tuple(range(features.ndim - 1))))
    return max(LEAST, int(filled[-1]) + 1 + SPARE) if len(filled) else LEAST
