"""The programs of an environment, as they are planned: how each is started, reached, tried and stopped."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from builder.values.servers import default_words
from builder.values.variables import expanded
from envspec.spec.model import Service, Spec
from envspec.spec.part import Part
from envspec.spec.program import MAIN, Health, Program, RunTrial

HOST, PORT = "{host}", "{port}"
"""What stands in a command for the address and the port that it listens on; other braces are left alone."""

ANYWHERE, HERE = "0.0.0.0", "127.0.0.1"  # noqa: S104 - a container is reached from outside
"""What `{host}` is in an image, and where a program is tried."""

_OWN = "app"
"""The image's own user, as copies and programs call it."""

_PAYLOAD = "/app"
"""The folder of a payload, which is root's where there is one."""

_START_PERIOD = 60
"""Seconds, where the spec says nothing."""


class PlannedProgram(Part):
    """One program of an environment."""

    name: str
    """`main` is what an image starts."""
    command: tuple[str, ...]
    """Its words, with `{host}` and `{port}` for where it listens. The first is looked for on PATH."""
    lasting: bool = True
    """Whether it runs until it is stopped."""
    port: int | None = None
    ports: tuple[int, ...] = ()
    """Further ones."""
    health: Health | None = None
    """How it is seen that it can work; where a spec says nothing, its port takes connections."""
    start_timeout: float | None = None
    """Seconds that it gets to become ready; None where the spec leaves it to who starts it."""
    env: Mapping[str, str] = Field(default_factory=dict)
    """Its own variables, over those of the environment, with `{site}` and `{prefix}` for its places."""
    workdir: str | None = None
    """The folder it starts in; None for that of the payload."""
    user: str | None = None
    """Name or number of its user, with a group's number where wanted; None for the image's own user."""
    volumes: tuple[str, ...] = ()
    writes: tuple[str, ...] = Field(default=(), exclude=True)
    """Absolute places of copies that belong to its user: it may write there, where nothing forbids it."""
    stop_signal: str | None = None
    restart: str | None = None
    schedule: str | None = None
    trials: tuple[RunTrial, ...] = ()

    @property
    def all_ports(self) -> tuple[int, ...]:
        """Every port, its first one first."""
        return (*((self.port,) if self.port else ()), *self.ports)

    @property
    def start_period(self) -> int:
        """Seconds in which it does not count for engines yet that it is not well."""
        return math.ceil(self.start_timeout or _START_PERIOD)

    def owner(self, own: str, number: int) -> str:
        """The user that it runs as, as engines have it: root and the image's own by their numbers.

        The image's own is called `own` and has this number, as its group has.
        """
        user, _, group = (self.user or own).partition(":")
        numbers = {"root": "0", own: str(number)}
        name = numbers.get(user, user)
        shown = group or (name if name in numbers.values() else "")
        return f"{name}:{shown}" if shown else name

    def words(self, host: str, port: int | None = None) -> list[str]:
        """Its command where it listens there; `port` left out, on its own."""
        return placed_words(self.command, host, self.port if port is None else port)

    def variables(self, prefix: str, python: str) -> dict[str, str]:
        """Its own variables in an environment in the folder `prefix`."""
        return expanded(self.env, prefix, python)

    def facts(self, prefix: str, python: str) -> dict[str, Any]:
        """What is told of it inside an environment in that folder: the shape that `builder/inside` reads."""
        health = self.health.model_dump(mode="json", exclude_none=True) if self.health else None
        found = {
            "command": list(self.command),
            "port": self.port,
            "health": health,
            "env": self.variables(prefix, python),
            "folder": self.workdir,
            "lasting": self.lasting,
        }
        return {name: value for name, value in found.items() if value not in (None, {})}


def placed_words(command: tuple[str, ...], host: str, port: int | None) -> list[str]:
    """The words with the address and the port in the places that stand for them."""
    shown = PORT if port is None else str(port)
    return [word.replace(HOST, host).replace(PORT, shown) for word in command]


def planned_programs(spec: Spec, served: tuple[str, ...] | None = None) -> tuple[PlannedProgram, ...]:
    """All programs of a spec, the main one first where there is one.

    `served` are the words that serve what `[service]` names; left out, they are gunicorn's.
    """
    service = (service_program(spec.service, served),) if spec.service else ()
    return (*service, *(_planned(name, program, spec) for name, program in spec.programs.items()))


def service_program(service: Service, served: tuple[str, ...] | None = None) -> PlannedProgram:
    """The main program that `[service]` is the short form of."""
    trial = service.trial
    asked = trial.model_dump(mode="json", by_alias=True, exclude_none=True) if trial else None
    return PlannedProgram(
        name=MAIN,
        command=served or default_words(service),
        port=service.port,
        health=Health(path=service.health),
        start_timeout=service.start_timeout,
        env=service.env,
        trials=(RunTrial.model_validate(asked),) if asked else (),
    )


def _writes(program: Program, spec: Spec) -> tuple[str, ...]:
    """Where copies go that belong to a program's user."""
    user = (program.user or _OWN).partition(":")[0]
    mine = (copy.to for copy in spec.copies if (copy.owner or "").partition(":")[0] == user)
    found = (posixpath.normpath(posixpath.join(_PAYLOAD, place)) for place in mine if place[-1:] != "/")
    taken = {_PAYLOAD} if spec.service is not None else set()
    return tuple(dict.fromkeys(place for place in found if place not in taken))


def _planned(name: str, program: Program, spec: Spec) -> PlannedProgram:
    implied = Health(tcp=program.port) if program.port and program.lasting else None
    return PlannedProgram(
        name=name,
        command=program.command,
        lasting=program.lasting,
        port=program.port,
        ports=program.ports,
        health=program.health or implied,
        start_timeout=program.start_timeout,
        env=program.env,
        workdir=program.workdir,
        user=program.user,
        volumes=program.volumes,
        writes=_writes(program, spec),
        stop_signal=program.stop_signal,
        restart=program.restart,
        schedule=program.schedule,
        trials=program.trial,
    )
