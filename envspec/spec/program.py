"""Programs: what an environment is for, as `[run]` has it: how each is started, reached and tried."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import BeforeValidator, Field, StringConstraints

from envspec.spec.part import Part
from envspec.spec.types import EnvTable, JsonValue, Line, Name, Owner, WebPath
from envspec.system.limits import ARGUMENTS, PORTS, PROGRAMS, TRIALS

MAIN = "main"
"""What the program of `[run]` itself is called where programs are called by their names."""

DEADLINE = 120.0
"""Seconds that a program gets to become ready, and each of its trials to end, unless it says otherwise."""

START_TIMEOUT = "start-timeout"
"""Key of the spec for what a program gets to become ready."""

_PYTHON = re.compile(r"python(3(\.\d+t?)?)?")

Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Command = Annotated[tuple[Line, ...], Field(min_length=1, max_length=ARGUMENTS)]
InsidePath = Annotated[Line, StringConstraints(pattern=r"^/([^/]+(/[^/]+)*)?$", max_length=1000)]
"""An absolute path of an environment."""
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Cron = Annotated[Line, StringConstraints(pattern=r"^\S+( \S+){4}$", max_length=200)]
"""Five fields, as in crontab(5)."""


class Health(Part):
    """How it is seen that a program can work. One of the three."""

    path: WebPath | None = None
    """Answers a GET with 200 on the program's port."""
    tcp: Port | None = None
    """A port that takes connections."""
    command: Command | None = None
    """Ends with 0 beside the running program."""

    @pydantic.model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(way is not None for way in (self.path, self.tcp, self.command)) != 1:
            raise ValueError('give one way: a path as in "/healthz", { tcp = 8000 } or { command = [...] }')
        return self


def _spelled_short(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


HealthWish = Annotated[Health, BeforeValidator(_spelled_short, json_schema_input_type=str | Health)]
"""A path may stand for the whole table."""


class Heard(Part):
    """What is to be understood of a trial's audio, by whatever listens in the environment."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    """What was said."""
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")] | None = None
    """In which language, as ISO 639-1; left out, `zh` for Chinese characters, and else found out."""
    by: WebPath = "/asr"
    """Path of the program that takes `audio` in base64 and says `text`."""
    within: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.3
    """Share of the characters that may be heard otherwise."""


def _heard_short(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


HeardWish = Annotated[Heard, BeforeValidator(_heard_short, json_schema_input_type=str | Heard)]
"""The text may stand for the whole table."""


class RunTrial(Part):
    """One real use of a program, for verification: a request to it, or a command beside it, and its answer.

    With neither `path` nor `command` the program itself is run to its end.
    """

    path: WebPath | None = None
    """Asked for on the program's port: by GET, or with `json` or `body` by POST."""
    method: Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,20}$")] | None = None
    headers: Mapping[str, Line] = Field(default_factory=dict)
    sent: JsonValue | None = Field(default=None, alias="json")
    """Sent as JSON."""
    body: str | None = None
    """Sent as it stands."""
    status: Annotated[int, Field(ge=100, le=599, strict=True)] = 200
    expect: JsonValue | None = None
    """What the answer's JSON must hold: objects may hold more than it says, all else must be equal."""
    audio: Line | None = None
    """Key of the JSON answer that holds a base64 WAV, to be measured: it must not be silent."""
    heard: HeardWish | None = None
    """What is to be understood of that audio."""
    command: Command | None = None
    """Run in the environment while the program runs."""
    args: Annotated[tuple[Line, ...], Field(max_length=ARGUMENTS)] = ()
    """Further words of the program, where the program itself is run."""
    exit: Annotated[int, Field(ge=0, le=255, strict=True)] = 0
    """With which it must end."""
    output: str | None = None
    """What its output must hold, or the answer's text."""
    timeout: Seconds = DEADLINE
    """In seconds."""
    needs: tuple[Literal["network", "model", "gpu"], ...] = ()
    """What it takes besides the environment; where that is missing it is not made, and the report says so."""

    @pydantic.model_validator(mode="after")
    def _is_one_use(self) -> Self:
        if self.path is not None and self.command is not None:
            raise ValueError("a trial asks for a path or runs a command, not both")
        asks = {"method", "headers", "json", "body", "status", "expect", "audio", "heard"}
        given = {type(self).model_fields[name].alias or name for name in self.model_fields_set}
        if self.path is None and (wrong := sorted(given & asks)):
            raise ValueError(f"{wrong[0]} belongs to a request: give it a path")
        if self.heard is not None and self.audio is None:
            raise ValueError("heard needs audio: the key of the answer that holds what is to be heard")
        if self.path is not None and (wrong := sorted(given & {"args", "exit"})):
            raise ValueError(f"{wrong[0]} belongs to a command, and this trial asks for a path")
        if self.command is not None and self.args:
            raise ValueError("args are the program's own; a command has all its words itself")
        if self.sent is not None and self.body is not None:
            raise ValueError("give json or body, not both")
        return self


def module_run(command: Sequence[str]) -> str:
    """The module that a command runs by `python -m`; empty where it runs none.

    Options of the interpreter may stand before it.
    """
    if not command or not _PYTHON.fullmatch(command[0].rpartition("/")[2]):
        return ""
    options = list(itertools.takewhile(lambda word: word.startswith("-") and word != "-m", command[1:]))
    module = command[1 + len(options) : 3 + len(options)]
    return module[1] if len(module) == 2 and module[0] == "-m" else ""


class ProgramChanges(Part):
    """What is said of one program; in a variant, what is said otherwise."""

    command: Annotated[tuple[Line, ...], Field(max_length=ARGUMENTS)] = ()
    """Its words; no shell reads them."""
    kind: Literal["service", "job"] | None = None
    """Whether it runs until it is stopped, or ends by itself; left out, what has a port is a service."""
    port: Port | None = None
    """Where it listens; its health and its trials ask there."""
    ports: Annotated[tuple[Port, ...], Field(max_length=PORTS)] = ()
    """Further ports."""
    health: HealthWish | None = None
    start_timeout: Seconds | None = Field(default=None, alias="start-timeout")
    """Seconds that it gets to become ready, wherever it is started."""
    env: EnvTable = Field(default_factory=dict)
    """Its own environment variables, over those of `[env]`."""
    workdir: InsidePath | None = None
    """The folder it starts in."""
    user: Owner | None = None
    """Name or number of the user that it runs as, with a group's number where wanted."""
    volumes: Annotated[tuple[InsidePath, ...], Field(max_length=PORTS)] = ()
    """Folders that somebody mounts, and that outlive a container."""
    stop_signal: Annotated[str, StringConstraints(pattern=r"^SIG[A-Z0-9]{1,10}$")] | None = Field(
        default=None, alias="stop-signal"
    )
    restart: Literal["no", "on-failure", "always", "unless-stopped"] | None = None
    """When orchestrators start it again."""
    schedule: Cron | None = None
    """When a job is run again: five fields, as crontab has them."""
    trial: Annotated[tuple[RunTrial, ...], Field(max_length=TRIALS)] = ()


class Program(ProgramChanges):
    """One program of an environment."""

    @property
    def lasting(self) -> bool:
        """Whether it runs until it is stopped."""
        if self.kind is not None:
            return self.kind == "service"
        return bool(self.port or self.ports or self.health or self.restart in ("always", "unless-stopped"))

    @pydantic.model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.command and self._must_run():
            raise ValueError('command is missing: the program and its words, as in ["python", "-m", "shop"]')
        if twice := [port for port, times in Counter((self.port, *self.ports)).items() if port and times > 1]:
            raise ValueError(f"port {twice[0]} is given twice")
        if self.port is None:
            if self.health is not None and self.health.path is not None:
                raise ValueError("health is a path: give the port that answers it")
            if any(trial.path is not None for trial in self.trial):
                raise ValueError("a trial asks for a path: give the port that answers it")
        if self.start_timeout is not None and not self.lasting:
            raise ValueError(
                f"{START_TIMEOUT} is for a service, and a job ends by itself: give a port or a health"
            )
        if self.schedule is not None and self.lasting:
            raise ValueError(
                "schedule is for a job, which ends by itself: leave out port, health and restart"
            )
        return self

    def _must_run(self) -> bool:
        return True


class RunChanges(ProgramChanges):
    """What a variant says otherwise of programs."""

    model_config = pydantic.ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ProgramChanges] = Field(init=False)


class Run(Program):
    """The programs of an environment: its own keys are what an image starts, tables in it are others."""

    model_config = pydantic.ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Program] = Field(init=False)

    @property
    def programs(self) -> Mapping[str, Program]:
        """All programs by name; that of `[run]` itself, where there is one, is `main`."""
        own = {MAIN: self} if self.command else {}
        return {**own, **self.__pydantic_extra__}

    def _must_run(self) -> bool:
        """Without a command it only holds the others."""
        return bool(self.model_fields_set - self.__pydantic_extra__.keys())

    @pydantic.model_validator(mode="after")
    def _are_named(self) -> Self:
        names = pydantic.TypeAdapter(Name)
        for name in self.__pydantic_extra__:
            try:
                names.validate_python(name)
            except pydantic.ValidationError:
                raise ValueError(
                    f"{name!r} is no name of a program, which has small letters, digits, `-` and `_`"
                ) from None
            if name in RESERVED:
                raise ValueError(f"{name} is what the image itself understands: call the program otherwise")
        if len(self.__pydantic_extra__) >= PROGRAMS:
            raise ValueError(f"at most {PROGRAMS} programs are read")
        return self


RESERVED = (MAIN, "serve", "doctor", "health", "python")
"""Words that an image's entrypoint understands itself."""
