"""The table of voice engines, and the choice among them: a new engine is one file and one row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from service.settings.environment import Settings, SettingsError
from service.voices.espeak import Espeak
from service.voices.fastspeech import FastSpeech, is_installed
from service.voices.modelscope import ModelScope
from service.voices.port import Engine
from service.voices.several import Several


def _best(settings: Settings) -> Engine:
    """The neural voice, with espeak's for other languages, where it is installed; else espeak alone."""
    espeak = Espeak.from_settings(settings)
    return Several((FastSpeech.from_settings(settings), espeak)) if is_installed(settings) else espeak


ENGINES: Mapping[str, Callable[[Settings], Engine]] = {
    "auto": _best,
    "espeak": Espeak.from_settings,
    "fastspeech": FastSpeech.from_settings,
    "modelscope": ModelScope.from_settings,
}
"""The engines by the name that `TTS_ENGINE` gives them; each is made of settings that leave nothing open."""


def engine_for(settings: Settings) -> Engine:
    """The engine that the settings name, not yet loaded; the settings must be sized.

    Raises `SettingsError` when there is none of that name, and when it has no model.
    """
    if settings.engine not in ENGINES:
        raise SettingsError(f"TTS_ENGINE: {settings.engine!r} is none of {', '.join(ENGINES)}")
    return ENGINES[settings.engine](settings)
