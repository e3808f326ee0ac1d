"""The measures of the service for Prometheus. Labels come from small fixed sets, never from requests."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess, values
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from service.admission.ledger import Ledger
from service.audio.pcm import Audio
from service.voices.port import Engine, Utterance

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class _Place(Collector):
    """Where an engine computes, looked up whenever somebody asks: a model says so once it has loaded."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        health = self._engine.health()
        place = InfoMetricFamily("tts_device", "Where the voice computes")
        if health.device:
            place.add_metric([], {"device": health.device, "card": health.card})
        yield place


class _State(Collector):
    """A number that is looked up whenever somebody asks."""

    def __init__(self, name: str, text: str, read: Callable[[], float]) -> None:
        self._name, self._text, self._read = name, text, read

    def collect(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(self._name, self._text)
        state.add_metric([], self._read())
        yield state


class Metrics:
    """All that one application counts and times."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, folder: pathlib.Path | None = None, slot: int = 0) -> None:
        """With a folder, the measures of all processes that write there; each has a slot of its own."""
        self._registry = CollectorRegistry()
        self._shown = self._registry
        if folder is not None:
            folder.mkdir(exist_ok=True)
            self._shown = CollectorRegistry()
            multiprocess.MultiProcessCollector(self._shown, str(folder))  # type: ignore[no-untyped-call]
            _share_values(folder, slot)
        self._requests = Counter(
            "tts_requests", "Requests answered", ["route", "status"], registry=self._registry
        )
        self._latency = Histogram(
            "tts_request_seconds", "Time to answer", ["route"], buckets=SECONDS, registry=self._registry
        )
        self._synthesis = Histogram(
            "tts_synthesis_seconds", "Time to speak a sentence, waiting included", ["emotion"],
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self._audio = Counter("tts_audio_seconds", "Audio made", registry=self._registry)
        self._hearing = Histogram(
            "tts_hearing_seconds", "Time to hear a piece of sound, waiting included",
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self._heard = Counter("tts_heard_seconds", "Sound heard", registry=self._registry)
        self._cache = Counter(
            "tts_cache", "Looks into the result cache", ["outcome"], registry=self._registry
        )

    def watch(self, engine: Engine, ledger: Ledger) -> None:
        """Show the state of an engine and of the ledger, read whenever somebody asks for the measures."""
        gauges = {
            "tts_queue_depth": (
                "Speech requests admitted and not yet answered",
                lambda: ledger.held().requests,
            ),
            "tts_workers": ("Synthesis processes alive", lambda: engine.health().workers),
            "tts_worker_restarts": ("Synthesis processes started again", lambda: engine.health().restarts),
        }
        for name, (text, read) in gauges.items():
            self._shown.register(_State(name, text, read))
        self._shown.register(_Place(engine))

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A request was answered; `route` is the pattern, not the path."""
        self._requests.labels(route, str(status)).inc()
        self._latency.labels(route).observe(seconds)

    def synthesised(self, utterance: Utterance, audio: Audio, seconds: float) -> None:
        """A sentence was spoken in so many seconds."""
        self._synthesis.labels(utterance.emotion).observe(seconds)
        self._audio.inc(audio.duration)

    def heard(self, sound: Audio, seconds: float) -> None:
        """A piece of sound was heard in so many seconds."""
        self._hearing.observe(seconds)
        self._heard.inc(sound.duration)

    def cached(self, *, hit: bool) -> None:
        """The cache was asked."""
        self._cache.labels("hit" if hit else "miss").inc()

    def text(self) -> bytes:
        """Everything, in Prometheus' text form."""
        return generate_latest(self._shown)


def _share_values(folder: pathlib.Path, slot: int) -> None:
    """Have this process's counters kept in files of the folder, which the next of its slot takes over."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]
