"""The application's factory: `service.app:create_app()`."""

from __future__ import annotations

from flask import Flask

from service.http import logs, middleware
from service.http.context import KEY, Context
from service.http.routes import health, openai, openapi, page, tts, voices
from service.settings.container import read_grant
from service.settings.environment import Settings
from service.settings.sizing import size_settings
from service.speech.metrics import Metrics
from service.speech.readiness import SelfTest
from service.speech.speaker import Speaker
from service.voices.choose import ENGINES, engine_for
from service.voices.port import Engine


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> Flask:
    """The service as a WSGI application, its voice beginning to load.

    Settings come from the environment and the engine from the settings, unless they are given.
    Raises `SettingsError`.
    """
    settings = size_settings(settings or Settings.from_env(ENGINES), read_grant())
    engine = engine or engine_for(settings)
    measures = Metrics()
    speaker = Speaker(engine, settings, measures)
    measures.watch(engine, speaker.gate)
    app = Flask(__name__, static_folder=None)
    # The framework's own limit reads chunked bodies only this far; the routes judge the declared length.
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    app.extensions[KEY] = Context(settings, speaker, measures, SelfTest(engine))
    for blueprint in (
        tts.blueprint,
        health.blueprint,
        voices.blueprint,
        openai.blueprint,
        openapi.blueprint,
        page.blueprint,
    ):
        app.register_blueprint(blueprint)
    middleware.surround_app(app)
    logs.set_up_log()
    engine.load()
    return app
