"""The client program: BuildKit is spoken by Docker's own client, for which the SDK has no equal."""

from __future__ import annotations

import functools
import os
import pathlib
from collections.abc import Iterator, Mapping

from builder.backends.docker.address import Address
from envspec.system.process import run_process


@functools.cache
def buildkit_program() -> pathlib.Path | None:
    """The first `docker` on PATH that can build with BuildKit; None when there is none.

    A client of version 23 or later needs its buildx component for that, and says so when it is asked; an
    older one brings it along.
    """
    for program in _candidates():
        asked = run_process(
            [program, "build", "--help"], env={**os.environ, "DOCKER_BUILDKIT": "1"}, timeout=30
        )
        if asked.ok and "--secret" in asked.stdout:
            return program
    return None


def _candidates() -> Iterator[pathlib.Path]:
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        program = pathlib.Path(folder, "docker")
        if os.access(program, os.X_OK):
            yield program


def client_environment(place: Address) -> Mapping[str, str]:
    """Environment of the client program: it must reach the same engine, and that engine's own builder."""
    env = {name: value for name, value in os.environ.items() if name not in {"DOCKER_HOST", "DOCKER_CONTEXT"}}
    env.update(DOCKER_BUILDKIT="1", BUILDX_NO_DEFAULT_ATTESTATIONS="1", DOCKER_CLI_HINTS="false")
    if place.context:
        return {**env, "DOCKER_CONTEXT": place.context, "BUILDX_BUILDER": place.context}
    return {**env, "DOCKER_HOST": place.host, "BUILDX_BUILDER": "default"}
