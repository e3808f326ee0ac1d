"""What every route needs, put together once by the application's factory."""

from __future__ import annotations

import dataclasses
from typing import cast

from flask import current_app

from service.metrics import Metrics
from service.readiness import SelfTest
from service.settings import Settings
from service.speech import Speaker

KEY = "speech-service"


@dataclasses.dataclass(frozen=True)
class Context:
    """The parts of one application."""

    settings: Settings
    speaker: Speaker
    metrics: Metrics
    self_test: SelfTest


def context() -> Context:
    """The parts of the application that answers the current request."""
    return cast("Context", current_app.extensions[KEY])
