"""Who answers: a name of `RESPONDERS`, or the address of a server that speaks OpenAI's chat API."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from service.dialogue.chat import Chat
from service.dialogue.port import Responder
from service.dialogue.simple import Echo, Rules
from service.settings.environment import Settings, SettingsError

RESPONDERS: Mapping[str, Callable[[], Responder]] = {"echo": Echo, "rules": Rules}
"""Those that are built in, by the name that `TTS_RESPONDER` gives them."""


def responder_for(settings: Settings) -> Responder | None:
    """Whoever the settings name; None where they name nobody. Raises `SettingsError`."""
    name = settings.responder
    if not name:
        return None
    if name in RESPONDERS:
        return RESPONDERS[name]()
    if name.startswith(("http://", "https://")):
        return Chat(
            name,
            settings.responder_model,
            key=settings.responder_key,
            prompt=settings.responder_prompt,
            most=settings.max_text,
        )
    raise SettingsError(f"TTS_RESPONDER: {name!r} is none of {', '.join(RESPONDERS)}, and no http address")
