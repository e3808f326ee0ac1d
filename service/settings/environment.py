"""The service's settings: one frozen value, read once from environment variables that begin with `TTS_`."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

PREFIX = "TTS_"


_DEVICE = re.compile(r"cpu|auto|(cuda|gpu)(:\d{1,2})?")


class SettingsError(ValueError):
    """An environment variable holds what its setting cannot be; every mistake is listed."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How the service runs. Each field is read from `TTS_` and its name in capitals."""

    engine: str = "auto"
    """Which voice engine speaks: a name in `service.voices.choose.ENGINES`; `auto` takes the best here."""
    voice: str = ""
    """The voice of a request that names none; empty takes the engine's first."""
    models: tuple[str, ...] = ()
    """ModelScope models, comma-separated: hub ids or folders. Empty takes the four emotional voices."""
    models_dir: str = ""
    """A folder that holds models as `<owner>/<name>`, looked into before any hub."""
    offline: bool = True
    """Whether a model that is not on this disk is an error rather than a download."""
    device: str = "cpu"
    """Where ModelScope computes: `cpu`, `cuda` (or `gpu`), `cuda:1`; `auto` takes a card if there is one."""

    ears: str = ""
    """Which engine listens: a name in `service.hearing.choose.EARS`; empty for none."""
    ears_model: str = ""
    """The model that listens: a folder, or an id, looked for in `models_dir`; empty takes one of `models`."""
    ears_workers: int = 0
    """Processes that listen; 0 takes one, which uses all threads."""
    ears_deadline: float = 300.0
    """Seconds in which a sound must have been heard, waiting included; then 504."""

    responder: str = ""
    """Who answers: `echo`, `rules`, or the address of a server with OpenAI's chat API; empty for nobody."""
    responder_model: str = ""
    """The model that such a server is asked for."""
    responder_key: str = ""
    """The key that it wants."""
    responder_prompt: str = "Answer briefly, as one speaks, in the language of the question."
    """What it is told before every conversation."""

    host: str = "0.0.0.0"  # noqa: S104 - a container is reached from outside
    """The address to listen on."""
    port: int = 5000
    """The port to listen on."""
    web: int = 0
    """Processes that answer requests; 0 takes one a core and at most four, as far as memory goes."""
    codecs: int = 0
    """Processes that encode sound; 0 takes one a core and at most four, as far as memory goes."""
    connections: int = 0
    """Connections that one web process holds at once; 0 takes what memory and descriptors allow."""
    live: int = 0
    """Live conversations that one web process holds at once; 0 takes a quarter of `admitted`, at most 16."""
    proxies: int = 0
    """Proxies in front whose `X-Forwarded-*` headers are believed; 0 believes nobody."""
    workers: int = 0
    """Synthesis processes of an engine that can use several; 0 takes two a core, as far as memory goes."""
    threads: int = 0
    """Threads of torch, OpenMP and BLAS in a process that uses them; 0 takes one a core."""
    admitted: int | None = None
    """Synthesis requests worked on or waiting at once, one more is answered 429; left out, up to 64."""
    deadline: float = 60.0
    """Seconds a request may take, waiting included; then 504."""
    queue_wait: float = 20.0
    """Seconds a request may wait for a free worker; then 503."""
    start_wait: float = 300.0
    """Seconds a worker may take to load its voice before it is given up."""
    drain: float = 30.0
    """Seconds that running requests get to finish after SIGTERM."""
    head_wait: float = 10.0
    """Seconds in which the head of a request must have come; then 408."""
    body_wait: float = 30.0
    """Seconds in which its body must have come; then 408."""
    send_wait: float = 10.0
    """Seconds that a client may take nothing of its answer; then the connection is dropped."""
    idle_wait: float = 15.0
    """Seconds that a connection may be silent between two requests; then it is closed."""

    max_text: int = 5000
    """Longest text in characters."""
    max_body: int = 262_144
    """Longest request body in bytes."""
    max_upload: int = 26_214_400
    """Longest request body in bytes where a sound is sent."""
    max_audio: float = 1800.0
    """Longest audio in seconds that one request may make, or bring."""
    cache_bytes: int | None = None
    """Memory for finished results, 0 for none; left out, an eighth of all memory and at most 64 MiB."""
    answer_bytes: int | None = None
    """Memory for all answers until they are sent; left out, what the memory leaves for them."""
    api_keys: tuple[str, ...] = ()
    """Keys, comma-separated, of which a request must bear one; empty lets everybody in."""
    log_text: bool = False
    """Whether logs hold the text that was spoken."""

    @classmethod
    def from_env(
        cls, engines: Collection[str], env: Mapping[str, str] | None = None, *, ears: Collection[str] = ()
    ) -> Settings:
        """The settings that the environment asks for; `engines` and `ears` are the names that those may have.

        Raises `SettingsError` that lists every variable which cannot be read.
        """
        given = os.environ if env is None else env
        values: dict[str, Any] = {}
        mistakes = []
        for field in dataclasses.fields(cls):
            name = PREFIX + field.name.upper()
            if name not in given:
                continue
            try:
                values[field.name] = _READERS[str(field.type)](given[name])
            except ValueError as error:
                mistakes.append(f"{name}: {error}")
        if not mistakes:
            settings = cls(**values)
            mistakes = [
                f"{PREFIX}{name.upper()}: {problem}" for name, problem in _mistakes(settings, engines, ears)
            ]
        if mistakes:
            raise SettingsError("\n".join(mistakes))
        return settings


def _mistakes(settings: Settings, engines: Collection[str], ears: Collection[str]) -> list[tuple[str, str]]:
    """Settings that are of the right type and still mean nothing, with what is wrong."""
    problems = []
    if settings.engine not in engines:
        problems.append(("engine", f"{settings.engine!r} is none of {', '.join(engines)}"))
    if settings.ears and settings.ears not in ears:
        problems.append(("ears", f"{settings.ears!r} is none of {', '.join(ears)}"))
    if not _DEVICE.fullmatch(settings.device):
        problems.append(("device", f"{settings.device!r} is none of cpu, cuda, cuda:0, auto"))
    if not 0 < settings.port < 65536:
        problems.append(("port", f"{settings.port} is no port"))
    numbers = {name: getattr(settings, name) for name in (*_ABOVE_ZERO, *_NOT_BELOW)}
    given = {name: number for name, number in numbers.items() if number is not None}
    problems.extend((name, "must be above 0") for name in _ABOVE_ZERO if given.get(name, 1) <= 0)
    problems.extend((name, "must not be below 0") for name in _NOT_BELOW if given.get(name, 0) < 0)
    return problems


_ABOVE_ZERO = (
    "admitted", "deadline", "queue_wait", "start_wait", "max_text", "max_body", "max_audio", "answer_bytes",
    "head_wait", "body_wait", "send_wait", "idle_wait", "ears_deadline", "max_upload",
)  # fmt: skip
_NOT_BELOW = (
    "ears_workers",
    "workers",
    "threads",
    "drain",
    "cache_bytes",
    "web",
    "codecs",
    "connections",
    "live",
    "proxies",
)


def _flag(text: str) -> bool:
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    try:
        return words[text.strip().lower()]
    except KeyError:
        raise ValueError(f"{text!r} is neither true nor false") from None


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is no whole number") from None


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None
    if not abs(value) < float("inf"):
        raise ValueError(f"{text!r} is no number")
    return value


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


# Keyed by the annotation as it is written above, which is what a dataclass keeps of it here.
_READERS: dict[str, Callable[[str], Any]] = {
    "str": str.strip,
    "bool": _flag,
    "int": _whole,
    "int | None": _whole,
    "float": _number,
    "tuple[str, ...]": _words,
}
