"""Paraformer and SenseVoice through ModelScope's own pipeline, in processes of their own."""

from __future__ import annotations

from service.hearing.crewed import CrewedEars
from service.settings.environment import Settings, SettingsError
from service.settings.models import model_places
from service.voices.modelscope import worker_environment
from service.workers.crew import Program


class FunAsr(CrewedEars):
    """Models of ModelScope's task `auto-speech-recognition`, such as Paraformer and SenseVoice."""

    @classmethod
    def from_settings(cls, settings: Settings) -> FunAsr:
        """The engine as the settings ask for it; they must be sized. Raises `SettingsError`."""
        threads = max(1, settings.threads // max(1, settings.ears_workers))
        program = Program(
            "service.hearing.funasr_worker",
            (find_model(settings), settings.device, "offline" if settings.offline else "online"),
            worker_environment(threads, offline=settings.offline),
            settings.start_wait,
            what="ears",
        )
        return cls(program, settings.ears_workers, queue_wait=settings.queue_wait)


def find_model(settings: Settings) -> str:
    """The folder of the model that `ears_model` names, or its id where no folder is there.

    Raises `SettingsError` where none is named: nothing tells such a folder from those of voices.
    """
    if not settings.ears_model:
        raise SettingsError("TTS_EARS_MODEL: funasr needs a model: a folder, or an id of ModelScope's hub")
    places = model_places(settings.ears_model, settings.models_dir)
    return next((str(place.resolve()) for place in places if place.is_dir()), settings.ears_model)
