"""Sees to it that the engine has what an image starts from."""

from __future__ import annotations

import json
from collections.abc import Iterable

from builder.backends.docker.engine import Engine
from builder.debian.base import MakeFetcher, obtain_base
from builder.debian.request import python_release
from builder.image.settings import base_reference as base_name
from builder.oci.store.blobs import Blobs
from builder.values.plan import Plan
from builder.values.release import refuse_other_release
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError
from envspec.system.progress import Progress


def ensure_base(
    engine: Engine, plan: Plan, store: Wheelhouse, blobs: Blobs, network: MakeFetcher, progress: Progress
) -> str:
    """See to it that the engine has the plan's base, and give the digest that says what the base is.

    A base of Debian packages is the very layer that images made without an engine stand on; another image is
    taken from the engine, or pulled by it. Raises `OutsideError` when the base cannot be had.
    """
    name = base_name(plan)
    if not plan.base.debian:
        found = seek_image(engine, name, progress)
        if plan.patch is not None:
            refuse_other_release(plan, name, _python_told(engine, name))
        return found
    made = obtain_base(plan, store, blobs, network, progress)
    refuse_other_release(plan, f"Debian {made.suite}", python_release(made.packages, plan.python))
    layer = made.layer
    if engine.layers(name) != (layer.diff_id,):
        progress.step(f"import {name}")
        import_root(engine, blobs.plain(layer), name)
        if engine.layers(name) != (layer.diff_id,):
            raise OutsideError(f"the engine took {name} for other bytes than it was given")
    return layer.diff_id


def seek_image(engine: Engine, name: str, progress: Progress) -> str:
    """See to it that the engine has an image, and give its id. Raises `OutsideError`."""
    return engine.image_id(name) or _pulled(engine, name, progress)


def import_root(engine: Engine, archive: Iterable[bytes], name: str) -> None:
    """Import a root file system, an uncompressed tar archive, as the image of that name."""
    from builder.backends.docker.sdk import translated  # an engine that has the base needs no SDK

    repository, _, tag = name.partition(":")
    with translated(engine.address.host):
        said = engine.client.api.import_image_from_data(archive, repository=repository, tag=tag)
        if engine.image_id(name) is None:  # podman 4 calls it `latest` whatever it is told
            known = json.loads(said.strip().splitlines()[-1])["status"]
            engine.client.images.get(known).tag(repository, tag)


def _pulled(engine: Engine, name: str, progress: Progress) -> str:
    from builder.backends.docker.sdk import BROKEN

    progress.step(f"pull {name}")
    try:
        engine.client.images.pull(name)
    except BROKEN as error:
        raise OutsideError(
            f"the base image {name} is not in the engine and cannot be pulled: {_why(error)}",
            hint="correct its name, `docker pull` or `docker load` it; or give [base] a debian suite, which "
            "needs no registry",
        ) from error
    if (known := engine.image_id(name)) is None:
        raise OutsideError(f"the engine does not have {name} although it just pulled it")
    return known


def _python_told(engine: Engine, name: str) -> str:
    """The full version of Python that an image's own variables tell; empty where they do not."""
    lines = (engine.image(name) or {}).get("Config", {}).get("Env") or []
    told = (str(line) for line in lines if line.startswith("PYTHON_VERSION="))
    return next(told, "").partition("=")[2]


def _why(error: Exception) -> str:
    explanation = getattr(error, "explanation", None)
    return str(explanation or error).strip()


def registry_digest(engine: Engine, name: str) -> str | None:
    """Digest by which a registry knows the image, for the lock; None when the engine cannot tell it."""
    if (found := engine.image(name)) is None:
        return None
    known = found.get("RepoDigests") or []
    digests = sorted(entry.partition("@")[2] for entry in known)
    return digests[0] if digests else None
