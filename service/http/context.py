"""What every route needs, put together once by the application's factory."""

from __future__ import annotations

import dataclasses
from typing import cast

from flask import current_app

from service.dialogue.loop import Dialogue
from service.hearing.listener import Listener
from service.settings.environment import Settings
from service.speech.metrics import Metrics
from service.speech.readiness import SelfTest
from service.speech.speaker import Speaker

KEY = "speech-service"


@dataclasses.dataclass(frozen=True)
class Context:
    """The parts of one application, which its routes share."""

    settings: Settings
    speaker: Speaker
    listener: Listener
    dialogue: Dialogue
    metrics: Metrics
    self_test: SelfTest


def context() -> Context:
    """The parts of the application that answers the current request."""
    return cast("Context", current_app.extensions[KEY])
