"""`python -m service`: the command line."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence

from service.dialogue.choose import responder_for
from service.hearing.choose import EARS, ears_for
from service.server.supervisor import supervise
from service.settings.container import read_grant
from service.settings.environment import Settings, SettingsError
from service.settings.sizing import size_settings
from service.voices.choose import ENGINES, engine_for

SWITCH_INTERVAL = 0.001
"""Seconds after which a thread that computes makes way: those who wait for sound are mostly woken just to
pass it on, and Python's own 5 ms are as long as a sentence takes to be spoken."""


def serve_app(arguments: Sequence[str] | None = None) -> int:
    """Run the service until it is told to stop; 2 when its settings mean nothing."""
    parser = argparse.ArgumentParser(prog="python -m service", description="Serve speech over HTTP.")
    parser.add_argument("command", nargs="?", choices=["serve"], default="serve", help="what to do (serve)")
    parser.add_argument("--host", help="address to listen on (TTS_HOST, 0.0.0.0)")
    parser.add_argument("--port", type=int, help="port to listen on (TTS_PORT, 5000)")
    given = parser.parse_args(arguments)
    try:
        settings = Settings.from_env(ENGINES, ears=EARS)
        changed = {
            name: getattr(given, name) for name in ("host", "port") if getattr(given, name) is not None
        }
        settings = size_settings(dataclasses.replace(settings, **changed), read_grant())
        engine_for(settings)
        ears_for(settings)
        responder_for(settings)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        return supervise(settings)
    except OSError as error:
        reason = f"{settings.host} port {settings.port} cannot be listened on: {error.strerror}"
        print(reason, file=sys.stderr)  # noqa: T201
        return 1
