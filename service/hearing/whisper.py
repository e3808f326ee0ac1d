"""Whisper through faster-whisper and CTranslate2: a model by its folder or id, in processes of their own.

Facts it rests on (faster-whisper 1.2, `faster_whisper/transcribe.py`): a model is a folder with `model.bin`,
`config.json`, `tokenizer.json` and `vocabulary.json`; a transcription is a generator, which works when asked
for the next segment; the encoder always takes half a minute, however short the sound is.
"""

from __future__ import annotations

from service.hearing.crewed import CrewedEars
from service.settings.environment import Settings, SettingsError
from service.settings.models import model_places
from service.workers.crew import Program

WEIGHTS = "model.bin"
"""The file that tells a model of CTranslate2."""


class Whisper(CrewedEars):
    """Whisper's models, which hear a hundred languages and translate them into English."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Whisper:
        """The engine as the settings ask for it; they must be sized. Raises `SettingsError`."""
        threads = max(1, settings.threads // max(1, settings.ears_workers))
        program = Program(
            "service.hearing.whisper_worker",
            (
                find_model(settings),
                settings.device,
                str(threads),
                "offline" if settings.offline else "online",
            ),
            {"OMP_NUM_THREADS": str(threads), **({"HF_HUB_OFFLINE": "1"} if settings.offline else {})},
            settings.start_wait,
            what="ears",
        )
        return cls(program, settings.ears_workers, queue_wait=settings.queue_wait)


def find_model(settings: Settings) -> str:
    """The folder of the model that the settings name, or its id where no folder is there.

    Where they name none, it is the first of `models` that is one of CTranslate2's. Raises `SettingsError`.
    """
    if settings.ears_model:
        places = model_places(settings.ears_model, settings.models_dir)
        return next((str(place.resolve()) for place in places if place.is_dir()), settings.ears_model)
    for name in settings.models:
        for place in model_places(name, settings.models_dir):
            if (place / WEIGHTS).is_file():
                return str(place.resolve())
    raise SettingsError("TTS_EARS_MODEL: whisper needs a model: a folder, or an id of its hub")
