"""The application's factory: `service.app:create_app()`."""

from __future__ import annotations

import dataclasses
import pathlib

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from service.admission.cache import Cache
from service.admission.ledger import Budget, Ledger
from service.audio.codec import Codecs
from service.audio.decoder import Decoders, own_decoders
from service.dialogue.choose import responder_for
from service.dialogue.loop import Dialogue
from service.hearing.choose import EARS, ears_for
from service.hearing.listener import Listener
from service.hearing.port import Ears
from service.http import logs, middleware
from service.http.body import ServiceRequest
from service.http.context import KEY, Context
from service.http.routes import dialogue, health, hearing, openai, openapi, page, tts, voices
from service.settings.container import read_grant
from service.settings.environment import Settings
from service.settings.sizing import ANSWER_MEMORY, MOST_ADMITTED, size_settings
from service.speech.metrics import Metrics
from service.speech.readiness import SelfTest
from service.speech.speaker import Speaker
from service.voices.choose import ENGINES, engine_for
from service.voices.port import Engine


@dataclasses.dataclass(frozen=True)
class Shared:
    """What several processes that serve the same application have in common."""

    codecs: Codecs
    decoders: Decoders
    ledger: Ledger
    folder: pathlib.Path
    """A folder that lies in memory, for sounds and measures."""
    slot: int = 0
    """Which of the processes this one is."""


def create_app(
    settings: Settings | None = None,
    engine: Engine | None = None,
    shared: Shared | None = None,
    ears: Ears | None = None,
) -> Flask:
    """The service as a WSGI application, its voice and its ears beginning to load.

    Settings come from the environment and the engines from the settings, unless they are given; what is
    `shared` comes from whoever serves the application in several processes. Raises `SettingsError`.
    """
    settings = size_settings(settings or Settings.from_env(ENGINES, ears=EARS), read_grant())
    engine = engine or engine_for(settings)
    ears = ears or ears_for(settings)
    ledger = shared.ledger if shared else own_ledger(settings)
    measures = Metrics(shared.folder / "measures" if shared else None, shared.slot if shared else 0)
    speaker = Speaker(
        engine, settings, measures,
        ledger=ledger,
        codecs=shared.codecs if shared else None,
        cache=Cache(settings.cache_bytes or 0, shared.folder / "sounds" if shared else None, settings.web),
    )  # fmt: skip
    listener = Listener(ears, shared.decoders if shared else own_decoders(), settings, ledger, measures)
    measures.watch(engine, ledger)
    app = Flask(__name__, static_folder=None)
    app.request_class = ServiceRequest
    if settings.proxies:
        believed = {f"x_{name}": settings.proxies for name in ("for", "proto", "host", "port", "prefix")}
        app.wsgi_app = ProxyFix(app.wsgi_app, **believed)  # type: ignore[method-assign]
    app.extensions[KEY] = Context(
        settings,
        speaker,
        listener,
        Dialogue(responder_for(settings), speaker, settings),
        measures,
        SelfTest(engine, lambda: speaker.spoke),
    )
    for blueprint in (
        tts.blueprint,
        health.blueprint,
        voices.blueprint,
        openai.blueprint,
        hearing.blueprint,
        dialogue.blueprint,
        openapi.blueprint,
        page.blueprint,
    ):
        app.register_blueprint(blueprint)
    middleware.surround_app(app)
    logs.set_up_log()
    engine.load()
    if ears is not None:
        ears.load()
    return app


def own_ledger(settings: Settings, slots: int = 1) -> Ledger:
    """The ledger that the settings ask for; they must be sized."""
    return Ledger(Budget(settings.admitted or MOST_ADMITTED, settings.answer_bytes or ANSWER_MEMORY), slots)
