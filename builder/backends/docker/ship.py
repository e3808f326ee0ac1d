"""Ships a verified image: its verdict as a label, the name people use, a file, a registry."""

from __future__ import annotations

import io
import pathlib

from builder.backends.docker.dockerfile import quoted
from builder.backends.docker.engine import Engine
from builder.backends.docker.refusals import refusal
from builder.backends.docker.sdk import BROKEN, BuildError, parse_repository_tag, translated
from builder.image.settings import verdict_labels
from builder.image.starting import start_line
from builder.values.environment import Environment
from builder.values.verdict import Verdict
from envspec.system.errors import OutsideError
from envspec.system.home import disk_refusals, whole_file
from envspec.system.progress import SILENT, Progress

CHUNK = 2 << 20
"""Bytes of an image written at a time."""


def seal_image(
    engine: Engine, environment: Environment, verdict: Verdict | None, name: str | None = None
) -> str:
    """Give the image its verdict as labels, then the name that people use; what stood under it stays whole.

    Without a name it is called `<spec's name>:latest`. Gives the full name. Raises `OutsideError`.
    """
    repository, tag = parse_repository_tag(name or environment.reference.rpartition(":")[0].partition("/")[2])
    lines = [f"FROM {environment.reference}"]
    lines += [f"LABEL {key}={quoted(value)}" for key, value in sorted(verdict_labels(verdict).items())]
    text = io.BytesIO("\n".join(lines).encode())
    with translated(engine.address.host):
        try:
            image, _ = engine.client.images.build(fileobj=text, rm=True, forcerm=True, network_mode="none")
        except BuildError as error:
            raise refusal(str(error)) from error
        image.tag(repository, tag or "latest")
    return f"{repository}:{tag or 'latest'}"


def how_to_run(engine: Engine, name: str) -> str:
    """The line with the command that starts the image, for people to copy."""
    found = engine.image(name)
    if found is None:
        raise OutsideError(f"the engine does not have {name} although it just made it", hint="run again")
    return start_line(name, found["Config"], host=engine.network == "host")


def save_image(engine: Engine, name: str, file: pathlib.Path, progress: Progress = SILENT) -> None:
    """Write the image to a file that `docker load` reads, whole or not at all. Raises `OutsideError`."""
    with translated(engine.address.host):
        image = engine.client.images.get(name)
    task = f"write {file.name}"
    size = int(image.attrs["Size"])
    with (
        disk_refusals(file, setting="--output", needed=lambda: size),
        whole_file(file, synced=False) as stream,
        translated(engine.address.host),
        progress.transfer(task, size),
    ):
        for chunk in engine.client.api.get_image(name, chunk_size=CHUNK):
            stream.write(chunk)
            progress.advance(task, len(chunk))


def push_image(engine: Engine, name: str, progress: Progress = SILENT) -> str:
    """Push the image to the registry that its name begins with, as the user is logged in there.

    Gives the digest by which the registry knows it. Raises `OutsideError`.
    """
    repository, tag = parse_repository_tag(name)
    digest = ""
    progress.step(f"push {name}")
    try:
        for event in engine.client.api.push(repository, tag or "latest", stream=True, decode=True):
            if "error" in event:
                raise _refused(name, str(event["error"]))
            digest = (event.get("aux") or {}).get("Digest", digest)
    except BROKEN as error:
        raise _refused(name, str(error)) from error
    if not digest:
        raise _refused(name, "the registry did not confirm it")
    return digest


def _refused(name: str, why: str) -> OutsideError:
    registry = name.partition("/")[0]
    if any(word in why for word in ("denied", "unauthorized", "authentication required", "no basic auth")):
        hint = f"`docker login {registry}` first; your docker's own credentials are used"
    else:
        hint = "is the registry that the tag begins with reachable from the engine?"
    return OutsideError(f"{name} could not be pushed: {why}", hint=hint)
