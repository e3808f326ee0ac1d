"""The table of engines that listen, and the choice among them: a new engine is one file and one row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from service.hearing.dtmf import Dtmf
from service.hearing.funasr import FunAsr
from service.hearing.port import Ears
from service.hearing.whisper import Whisper
from service.settings.environment import Settings, SettingsError

EARS: Mapping[str, Callable[[Settings], Ears]] = {
    "whisper": Whisper.from_settings,
    "funasr": FunAsr.from_settings,
    "dtmf": Dtmf.from_settings,
}
"""The engines by the name that `TTS_EARS` gives them; each is made of settings that leave nothing open."""


def ears_for(settings: Settings) -> Ears | None:
    """The engine that the settings name, not yet loaded; None where they name none. They must be sized.

    Raises `SettingsError` when there is none of that name, and when it has no model.
    """
    if not settings.ears:
        return None
    if settings.ears not in EARS:
        raise SettingsError(f"TTS_EARS: {settings.ears!r} is none of {', '.join(EARS)}")
    return EARS[settings.ears](settings)
