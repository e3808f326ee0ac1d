"""The deployment: what an orchestrator must know of an image and of the programs in it."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping

from builder.inside import places
from builder.values.program import PlannedProgram, planned_programs
from builder.values.variables import expanded
from envspec.spec.cards import architectures
from envspec.spec.model import Service, Spec
from envspec.spec.program import MAIN
from envspec.system.errors import UsageError

IMAGE = re.compile(r"[a-z0-9]([A-Za-z0-9._/:-]*[A-Za-z0-9])?(@sha256:[0-9a-f]{64})?")
MEMORY = re.compile(r"[1-9][0-9]*(Ki|Mi|Gi)")
_BYTES = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
REPLICAS, CORES = 2, 2.0
_LONGEST = 52
"""Characters of an object's name: a CronJob adds eleven for its jobs. Source: its concept page."""
PROXY, SERVICE = "proxy", "service"
"""What Compose has beside the other programs of a spec with `[service]`."""
DRAIN = 30
"""Seconds, as the speech service has it where nothing else is set."""
SMALL, LARGE = "512Mi", "4Gi"
"""Memory of a replica: with the embedded voice or a payload of one's own, and with models."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Deployed:
    """One program as an orchestrator runs it."""

    program: PlannedProgram
    name: str
    """What Compose and a pod call it: that of the program, `service` for what `[service]` names."""
    host: str
    """What it is called in a cluster: letters, digits and hyphens, at most 52."""
    env: Mapping[str, str]
    """Variables beside the image's own."""
    user: str
    """Name or number of its user, and the group's number where one is meant."""
    drain: int
    """Seconds in which running requests are finished after the signal to stop."""
    alive: str | None
    """Path that answers 200 as long as the process does; None where only the port is known."""
    measured: bool
    """Whether it tells the depth of its queue at `/metrics`."""
    proxied: bool
    """Whether it may stand in several replicas behind a proxy: it is what `[service]` names."""

    @property
    def words(self) -> tuple[str, ...]:
        """What the image's entrypoint is told: nothing for the main program."""
        return () if self.program.name == MAIN else (self.program.name,)

    @property
    def is_root(self) -> bool:
        """Whether it runs as root, who may write anywhere and keeps what is root's right."""
        return self.user.partition(":")[0] == "0"

    @property
    def health(self) -> tuple[str, ...]:
        """The command that asks for its health; empty where nothing says how that is seen."""
        if self.program.health is None:
            return ()
        return (*places.entrypoint(), "health", *self.words)

    @property
    def scaled(self) -> bool:
        """Whether more of it run under load: it is asked on a port, and nothing is kept between two of it."""
        return self.program.name == MAIN and bool(self.program.port) and not self.program.volumes


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """How an image is to be run, on whatever runs it. Raises `UsageError` for what no orchestrator takes."""

    name: str
    """As host names have it: letters, digits and hyphens, at most 40."""
    image: str
    programs: tuple[Deployed, ...]
    replicas: int
    """How many run at least, of what can stand in several."""
    most: int
    """How many run at most, where the orchestrator adds some under load."""
    cores: float
    """Processors that a replica may use."""
    memory: str
    """What a replica may use, such as `512Mi`; the service sizes itself by it."""
    cards: tuple[str, ...] = ()
    """Architectures of the cards that it is meant for (`sm_90`); a replica is given one card."""

    def __post_init__(self) -> None:
        if not IMAGE.fullmatch(self.image):
            raise UsageError(
                f"{self.image!r} is no name of an image", hint="such as registry.example/team/name:1"
            )
        if not MEMORY.fullmatch(self.memory) or self.bytes < 64 << 20:
            raise UsageError(
                f"{self.memory!r} is no amount of memory", hint="64Mi or more, such as 512Mi or 2Gi"
            )
        if not 0.1 <= self.cores <= 1024:
            raise UsageError(f"{self.cores} is no number of processors", hint="0.1 or more, such as 2")
        if not 1 <= self.replicas <= self.most:
            raise UsageError(f"{self.replicas} is no number of replicas", hint="1 or more")

        for kind in ("name", "host"):
            names = [getattr(each, kind) for each in self.programs]
            names += [PROXY] if kind == "name" and any(each.proxied for each in self.programs) else []
            if twice := [name for name in names if names.count(name) > 1]:
                raise UsageError(
                    f"two parts of the deployment would be called {twice[0]}",
                    hint="call one of the programs otherwise",
                )

    @property
    def bytes(self) -> int:
        """`memory` in bytes."""
        return int(self.memory[:-2]) * _BYTES[self.memory[-2:]]

    @property
    def jobs(self) -> tuple[Deployed, ...]:
        """Those that end by themselves."""
        return tuple(each for each in self.programs if not each.program.lasting)

    @property
    def volumes(self) -> Mapping[str, str]:
        """Name of each volume by the folder where it is mounted: programs that name the same one share it."""
        paths = sorted({path for each in self.programs for path in each.program.volumes})
        names: dict[str, str] = {}
        for path in paths:
            name = host_name(path.strip("/"))
            names[path] = name if name not in names.values() else f"{name}-{len(names)}"
        return names


def deployment(
    spec: Spec,
    *,
    image: str | None = None,
    replicas: int | None = None,
    cores: float | None = None,
    memory: str | None = None,
) -> Deployment:
    """The deployment of a spec's programs; what is left out follows from the spec.

    Raises `UsageError`.
    """
    programs = planned_programs(spec)
    if not programs:
        raise UsageError("the spec has no [service] and no [run]: there is nothing to run")
    service = spec.service
    large = service is not None and bool(service.models or service.env.get("TTS_ENGINE") == "modelscope")
    name = host_name(spec.name)
    least = REPLICAS if replicas is None else replicas
    return Deployment(
        name=name,
        image=image or f"{spec.name}:latest",
        programs=tuple(_deployed(program, name, spec) for program in programs),
        replicas=least,
        most=4 * least,
        cores=CORES if cores is None else cores,
        memory=memory or (LARGE if large else SMALL),
        cards=tuple(map(str, architectures(spec.target.gpu or ()))),
    )


def _deployed(program: PlannedProgram, name: str, spec: Spec) -> Deployed:
    service = spec.service if program.name == MAIN else None
    speech = service is not None and service.source is None
    own = program.variables(places.ENVIRONMENT, spec.python_wish.line)
    return Deployed(
        program=program,
        name=SERVICE if service else program.name,
        host=name if program.name == MAIN else f"{name}-{host_name(program.name)}"[:_LONGEST].strip("-"),
        env={**expanded(spec.env, places.ENVIRONMENT, spec.python_wish.line), **own},
        user=program.owner(places.USER, places.USER_ID),
        drain=_drain(service if speech else None),
        alive="/healthz" if speech else None,
        measured=speech,
        proxied=service is not None,
    )


def host_name(name: str, most: int = 40) -> str:
    """The name as that of a host, which begins with a letter."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "x"
    return (plain if plain[0].isalpha() else f"s-{plain}")[:most].strip("-")


def _drain(speech: Service | None) -> int:
    """Seconds that the spec sets for draining, or the service's own where it sets none or no number."""
    try:
        return min(3600, max(0, math.ceil(float(speech.env.get("TTS_DRAIN", "") if speech else ""))))
    except (ValueError, OverflowError):
        return DRAIN
