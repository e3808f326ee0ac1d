"""Where the engine is: found as the user's own docker finds it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from builder.backends.docker.asking import DEFAULT, plain_address
from envspec.system.errors import OutsideError

if TYPE_CHECKING:
    from docker.tls import TLSConfig


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where an engine is, as the user's own docker would find it."""

    host: str
    """Such as `unix:///var/run/docker.sock`."""
    context: str | None
    """Name of the context that says so; None when `DOCKER_HOST` or nothing does."""
    tls: TLSConfig | None = None
    """Certificates for it."""


def find_address(env: Mapping[str, str] = os.environ) -> Address:
    """`DOCKER_HOST`, else the current context, else the local socket: the order of Docker's own client."""
    if (plain := plain_address(env)) is not None:
        return Address(host=plain, context=None)
    from docker.context import ContextAPI
    from docker.context.config import get_current_context_name
    from docker.utils.utils import kwargs_from_env

    from builder.backends.docker.sdk import translated

    if host := env.get("DOCKER_HOST"):
        with translated(host):
            found = kwargs_from_env(dict(env))
        return Address(host=host, context=None, tls=found.get("tls"))
    name = env.get("DOCKER_CONTEXT") or get_current_context_name()
    if name != "default":
        context = ContextAPI.get_context(name)
        if context is None or context.Host is None:
            raise OutsideError(
                f"there is no docker context {name}", hint="`docker context ls` lists those there are"
            )
        return Address(host=context.Host, context=name, tls=context.TLSConfig)
    return Address(host=DEFAULT, context=None)
