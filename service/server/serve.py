"""`python -m service`: gunicorn, with settings that follow from the service's own."""

from __future__ import annotations

import argparse
import dataclasses
import math
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from gunicorn.app.base import BaseApplication

from service.app import create_app
from service.server.worker import GunicornWorker
from service.settings.container import read_grant
from service.settings.environment import Settings, SettingsError
from service.settings.sizing import MOST_ADMITTED, size_settings
from service.voices.choose import ENGINES

SPARE_THREADS = 8
"""Threads beyond those that speak, so that probes and refusals are answered while all others wait."""

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
        settings = Settings.from_env(ENGINES)
        changed = {
            name: getattr(given, name) for name in ("host", "port") if getattr(given, name) is not None
        }
        settings = size_settings(dataclasses.replace(settings, **changed), read_grant())
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    sys.setswitchinterval(SWITCH_INTERVAL)
    Server(settings).run()
    return 0


def gunicorn_options(settings: Settings) -> dict[str, Any]:
    """gunicorn's settings.

    One web process, because what speaks are processes of their own: it holds the one queue, cache and
    set of measures, and only moves bytes. A thread for each admitted request, and some to spare.
    """
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {
        "bind": f"{host}:{settings.port}",
        "workers": 1,
        "worker_class": GunicornWorker,
        "threads": (settings.admitted or MOST_ADMITTED) + SPARE_THREADS,
        "worker_connections": 2000,
        "backlog": 2048,
        "keepalive": 15,
        # The heartbeat of a gthread worker does not depend on its requests; deadlines are the service's own.
        "timeout": 60,
        "graceful_timeout": math.ceil(settings.drain),
        # On a disk, the heartbeat file can stall a worker for as long as the disk does.
        "worker_tmp_dir": "/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None,  # noqa: S108
        "control_socket_disable": True,
        "limit_request_line": 4094,
        "limit_request_fields": 64,
        "errorlog": "-",
        "loglevel": "warning",
        "proc_name": "speech-service",
    }


class Server(BaseApplication):
    """The gunicorn application: the settings of the server, and the factory of what it serves."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in gunicorn_options(self._settings).items():
            if name in self.cfg.settings:  # later versions have settings that earlier ones have not
                self.cfg.set(name, value)

    def load(self) -> Any:
        return create_app(self._settings)
