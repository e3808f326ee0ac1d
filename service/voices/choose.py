"""The table of voice engines, and the choice among them: a new engine is one file and one row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from service.settings.environment import Settings, SettingsError
from service.voices.espeak import Espeak
from service.voices.modelscope import ModelScope
from service.voices.port import Engine

ENGINES: Mapping[str, Callable[[Settings], Engine]] = {
    "espeak": Espeak.from_settings,
    "modelscope": ModelScope.from_settings,
}
"""The engines by the name that `TTS_ENGINE` gives them; each is made of settings that leave nothing open."""


def engine_for(settings: Settings) -> Engine:
    """The engine that the settings name, not yet loaded; the settings must be sized.

    Raises `SettingsError` when there is none of that name.
    """
    if settings.engine not in ENGINES:
        raise SettingsError(f"TTS_ENGINE: {settings.engine!r} is none of {', '.join(ENGINES)}")
    return ENGINES[settings.engine](settings)
