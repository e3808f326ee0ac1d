"""Where things stand in an image and in a build's context."""

from __future__ import annotations

ENVIRONMENT = "/opt/env"
"""The virtual environment."""
RUNTIME = "/opt/envspec"
"""The doctor and the entrypoint, with what was locked."""
SBOM = f"{RUNTIME}/sbom.cdx.json"
"""The bill of materials."""
PAYLOAD = "/app"
"""The payload's code."""
MODELS = "/srv/models"
"""The payload's models, as `owner/name`."""
MOUNT = "/mnt"
"""Where a build step finds its tools and wheels; empty in the image."""
LABEL = "io.envspec"
"""Prefix of the image's labels."""


def stage(number: int, name: str) -> str:
    """Name of a stage's folder in the context, and of its throw-away stage; `number` counts from 1."""
    return f"stage-{number}-{name}"


def entrypoint() -> list[str]:
    """The image's entrypoint."""
    return [f"{ENVIRONMENT}/bin/python", "-I", "-S", "-B", RUNTIME]


FAILURE = "envspec-failure "
"""Begins the line that tells the builder outside what went wrong."""


USER = "app"


USER_ID = 10001
"""High enough to be nobody's on the host."""
