"""The deployment: what an orchestrator must know of an image and of the service in it."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping

from builder.inside.places import ENVIRONMENT, USER_ID
from builder.values.variables import expanded
from envspec.spec.cards import architectures
from envspec.spec.model import Spec
from envspec.system.errors import UsageError

IMAGE = re.compile(r"[a-z0-9]([A-Za-z0-9._/:-]*[A-Za-z0-9])?(@sha256:[0-9a-f]{64})?")
MEMORY = re.compile(r"[1-9][0-9]*(Ki|Mi|Gi)")
_BYTES = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
REPLICAS, CORES = 2, 2.0
DRAIN = 30
"""Seconds, as the speech service has it where nothing else is set."""
SMALL, LARGE = "512Mi", "4Gi"
"""Memory of a replica: with the embedded voice or a payload of one's own, and with models."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """How an image is to be run, on whatever runs it. Raises `UsageError` for what no orchestrator takes."""

    name: str
    """As host names have it: letters, digits and hyphens, at most 40."""
    image: str
    port: int
    ready: str
    """Path that answers 200 once the service can work."""
    alive: str | None
    """Path that answers 200 as long as the process does; None where only the port is known."""
    measured: bool
    """Whether the service tells the depth of its queue at `/metrics`."""
    env: Mapping[str, str]
    """Variables beside the image's own."""
    drain: int
    """Seconds in which running requests are finished after SIGTERM."""
    replicas: int
    """How many run at least."""
    most: int
    """How many run at most, where the orchestrator adds some under load."""
    cores: float
    """Processors that a replica may use."""
    memory: str
    """What a replica may use, such as `512Mi`; the service sizes itself by it."""
    cards: tuple[str, ...] = ()
    """Architectures of the cards that it is meant for (`sm_90`); a replica is given one card."""
    user: int = USER_ID
    """Number of the image's user and group."""

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

    @property
    def bytes(self) -> int:
        """`memory` in bytes."""
        return int(self.memory[:-2]) * _BYTES[self.memory[-2:]]


def deployment(
    spec: Spec,
    *,
    image: str | None = None,
    replicas: int | None = None,
    cores: float | None = None,
    memory: str | None = None,
) -> Deployment:
    """The deployment of a spec's service; what is left out follows from the spec.

    Raises `UsageError`.
    """
    service = spec.service
    if service is None:
        raise UsageError("the spec has no [service]: there is nothing to run")
    speech = service.source is None
    large = bool(service.models) or service.env.get("TTS_ENGINE") == "modelscope"
    least = REPLICAS if replicas is None else replicas
    return Deployment(
        name=_host_name(spec.name),
        image=image or f"{spec.name}:latest",
        port=service.port,
        ready=service.health,
        alive="/healthz" if speech else None,
        measured=speech,
        env={**expanded(spec.env, ENVIRONMENT, spec.python_wish.line), **service.env},
        drain=_drain(service.env.get("TTS_DRAIN", "") if speech else ""),
        replicas=least,
        most=4 * least,
        cores=CORES if cores is None else cores,
        memory=memory or (LARGE if large else SMALL),
        cards=tuple(map(str, architectures(spec.target.gpu or ()))),
    )


def _host_name(name: str) -> str:
    """The name as that of a host, which begins with a letter."""
    plain = re.sub(r"[^a-z0-9]+", "-", name)
    return (plain if plain[0].isalpha() else f"s-{plain}")[:40].strip("-")


def _drain(given: str) -> int:
    """Seconds that the spec sets for draining, or the service's own where it sets none or no number."""
    try:
        return min(3600, max(0, math.ceil(float(given))))
    except (ValueError, OverflowError):
        return DRAIN
