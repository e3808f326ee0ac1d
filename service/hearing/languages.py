"""Languages that may be spoken: their codes, and their English names as Whisper has them."""

from __future__ import annotations

import json
import pathlib

NAMES: dict[str, str] = json.loads(
    (pathlib.Path(__file__).parent / "languages.json").read_text(encoding="utf-8")
)
"""Names by the code of ISO 639-1, or of ISO 639-3 where there is no shorter one."""
_OTHERWISE = {"mandarin": "zh", "cmn": "zh", "iw": "he", "jv": "jw", "in": "id"}
_CODES = {**{name: code for code, name in NAMES.items()}, **_OTHERWISE}


def language_code(said: str) -> str | None:
    """The code of a language that somebody names: `zh`, `zh-CN`, `Chinese`; None for one that is unknown."""
    word = said.strip().lower()
    if word in _CODES:
        return _CODES[word]
    base = word.replace("_", "-").split("-")[0]
    return base if base in NAMES else _CODES.get(base)
