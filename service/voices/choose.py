"""Which engine the settings ask for."""

from __future__ import annotations

from service.settings.environment import Settings
from service.voices.espeak import Espeak
from service.voices.modelscope import ModelScope, find_models
from service.voices.port import Engine


def engine_for(settings: Settings) -> Engine:
    """The engine, not yet loaded; the settings must be `sized`."""
    if settings.engine == "espeak":
        return Espeak(
            workers=settings.workers, queue_wait=settings.queue_wait, start_wait=settings.start_wait
        )
    return ModelScope(
        find_models(settings.models, settings.models_dir),
        device=settings.device,
        offline=settings.offline,
        threads=settings.threads,
        queue_wait=settings.queue_wait,
        start_wait=settings.start_wait,
    )
