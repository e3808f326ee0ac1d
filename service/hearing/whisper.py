"""Whisper through faster-whisper and CTranslate2: a model by its folder or id, in processes of their own.

Facts it rests on (faster-whisper 1.2, `faster_whisper/transcribe.py`): a model is a folder with `model.bin`,
`config.json`, `tokenizer.json` and `vocabulary.json`; a transcription is a generator, which works when asked
for the next segment; the encoder always takes half a minute, however short the sound is.
"""

from __future__ import annotations

import pathlib

from service.hearing.crewed import CrewedEars
from service.settings.environment import Settings
from service.workers.crew import Program


class Whisper(CrewedEars):
    """Whisper's models, which hear a hundred languages and translate them into English."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Whisper:
        """The engine as the settings ask for it; they must be sized."""
        threads = max(1, settings.threads // max(1, settings.ears_workers))
        program = Program(
            "service.hearing.whisper_worker",
            (
                model_place(settings.ears_model, settings.models_dir),
                settings.device,
                str(threads),
                "offline" if settings.offline else "online",
            ),
            {"OMP_NUM_THREADS": str(threads), **({"HF_HUB_OFFLINE": "1"} if settings.offline else {})},
            settings.start_wait,
            what="ears",
        )
        return cls(program, settings.ears_workers, queue_wait=settings.queue_wait)


def model_place(name: str, folder: str) -> str:
    """Where a model lies: a folder as it is, an id in `folder` where it is there; else the id itself."""
    for place in (pathlib.Path(name), *([pathlib.Path(folder, name)] if folder else [])):
        if place.is_dir():
            return str(place.resolve())
    return name
