"""Sees to it that the engine has what an image starts from."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

import docker.errors

from builder.backends.docker.engine import BROKEN, Engine, translated
from builder.debian import bootstrap, request
from builder.image.settings import base as base_name
from builder.values.plan import Plan
from envspec.supply.pip_settings import Machine
from envspec.system.errors import OutsideError
from envspec.system.progress import Progress


def ensure(engine: Engine, plan: Plan, machine: Callable[[], Machine], progress: Progress) -> str:
    """Id of the base in the engine: had already, bootstrapped and imported, or pulled.

    This machine's settings are asked for only when a base has to be made: pip takes its time to tell them.
    Raises `OutsideError` when it cannot be had.
    """
    name = base_name(plan)
    if (known := engine.image_id(name)) is not None:
        return known
    if plan.base.debian:
        return _imported(engine, plan, name, machine(), progress)
    return _pulled(engine, name, progress)


def _imported(engine: Engine, plan: Plan, name: str, machine: Machine, progress: Progress) -> str:
    place = bootstrap.tarball(request.request(plan), machine, progress)
    progress.step(f"import {name}")
    take(engine, place, name)
    return _present(engine, name)


def take(engine: Engine, tar: pathlib.Path, name: str) -> None:
    """Import a root file system as the image of that name."""
    repository, _, tag = name.partition(":")
    with translated(engine.address.host):
        said = engine.client.api.import_image_from_file(str(tar), repository=repository, tag=tag)
        if engine.image_id(name) is None:  # podman 4 calls it `latest` whatever it is told
            known = json.loads(said.strip().splitlines()[-1])["status"]
            engine.client.images.get(known).tag(repository, tag)


def _pulled(engine: Engine, name: str, progress: Progress) -> str:
    progress.step(f"pull {name}")
    try:
        engine.client.images.pull(name)
    except BROKEN as error:
        raise OutsideError(
            f"the base image {name} is not in the engine and cannot be pulled: {_why(error)}",
            hint="correct its name, `docker pull` or `docker load` it; or give [base] a debian suite, which "
            "needs no registry",
        ) from error
    return _present(engine, name)


def _present(engine: Engine, name: str) -> str:
    if (known := engine.image_id(name)) is None:
        raise OutsideError(f"the engine does not have {name} although it just took it")
    return known


def _why(error: Exception) -> str:
    explanation = getattr(error, "explanation", None)
    return str(explanation or error).strip()


def digest(engine: Engine, name: str) -> str | None:
    """Digest by which a registry knows the image, for the lock; None when the engine cannot tell it."""
    with translated(engine.address.host):
        try:
            known = engine.client.images.get(name).attrs.get("RepoDigests") or []
        except docker.errors.ImageNotFound:
            return None
    digests = sorted(entry.partition("@")[2] for entry in known)
    return digests[0] if digests else None
