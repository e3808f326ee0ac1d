"""Voices of wide range, tuned: espeak's own parameters would move them too little, and make the widest crash.

espeak lowers a voice when its range grows, by half of what it grows by (`synthesize.c`, "compensate for
change in pitch when the range is narrowed or widened"). A wide voice then comes below 28 Hz, where its
waves have more harmonics than espeak has room for. So a file of the voice is written for each pitch and
range, and espeak's own parameters stay neutral.
"""

from __future__ import annotations

import pathlib
import re

LOWEST, HIGHEST = 45, 500
"""Hz between which a voice stays."""
MOST_FILES = 500
"""Files that are kept; a caller can ask for a hundred pitches of each voice in seven emotions."""
_PITCH = re.compile(r"^pitch (\d+) (\d+)$", re.MULTILINE)


class Tuning:
    """The files of tuned voices, in a folder of this process's own."""

    def __init__(self, voices: pathlib.Path, folder: pathlib.Path) -> None:
        self._texts = {path.name: path.read_text(encoding="utf-8") for path in voices.iterdir()}
        self._voices = voices
        self._folder = folder
        self._written: set[str] = set()

    def is_wide(self, voice: str) -> bool:
        """Whether a voice is one that is tuned here: its file says its pitch."""
        return _PITCH.search(self._texts[voice]) is not None

    def file(self, voice: str, pitch: int, spread: int) -> pathlib.Path:
        """The file of a voice at a pitch and a range, from 0 to 100; both are neutral at 50."""
        if pitch == spread == 50 or not self.is_wide(voice):
            return self._voices / voice
        name = f"{voice}-{pitch}-{spread}"
        file = self._folder / name
        if name not in self._written:
            if len(self._written) >= MOST_FILES:
                for old in self._written:
                    (self._folder / old).unlink()
                self._written.clear()
            text = _PITCH.sub(
                lambda found: _tuned(int(found[1]), int(found[2]), pitch, spread), self._texts[voice]
            )
            file.write_text(text.replace(f"name {voice}", f"name {name}"), encoding="utf-8")
            self._written.add(name)
        return file


def _tuned(low: int, high: int, pitch: int, spread: int) -> str:
    factor = 2.0 ** ((pitch - 50) / 50)
    middle, reach = factor * (low + high) / 2, factor * spread / 50 * (high - low) / 2
    begin = max(LOWEST, round(middle - reach))
    return f"pitch {begin} {min(HIGHEST, begin + max(2, round(2 * reach)))}"
