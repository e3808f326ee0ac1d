"""Which backend carries out a plan: the one asked for, or the best that works here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from builder.backends.port import Backend
from builder.values.request import Request
from envspec.lockfile.lock import LockedBase
from envspec.system.errors import OutsideError, UsageError
from envspec.system.machine import runs_linux

if TYPE_CHECKING:
    from builder.oci.image.documents import Image
    from builder.oci.store.blobs import Blobs
    from envspec.system.progress import Progress


def _docker(request: Request) -> Backend:
    from builder.backends.docker.backend import DockerBackend

    return DockerBackend(offline=request.offline)


def _virtualenv() -> Backend:
    from builder.backends.virtualenv import VirtualenvBackend

    return VirtualenvBackend()


def _oci(request: Request) -> Backend:
    from builder.backends.oci.backend import OciBackend

    def load(image: Image, tag: str, blobs: Blobs, progress: Progress) -> str:
        from builder.backends.docker.load import into_engine  # the engine's SDK: loaded once one is wanted

        return into_engine(image, tag, blobs, progress)

    return OciBackend(offline=request.offline, load=load)


BACKENDS: Mapping[str, Callable[[Request], Backend]] = {
    "docker": _docker,
    "oci": _oci,
    "virtualenv": lambda _: _virtualenv(),
}
"""By the name that `--backend` takes, best first: `auto` takes the first that is available."""


def _can(name: str, base: LockedBase, request: Request) -> bool:
    """Whether a backend could do it at all: images stand on images, and only images are named or written."""
    match name:
        case "virtualenv":
            return not request.shipping
        case "oci":
            return base.debian is not None or base.archive is not None
        case _:
            return not base.host


def choose_backend(request: Request, base: LockedBase) -> Backend:
    """The backend of a request for what stands on that base.

    Raises `UsageError` when it cannot build on it, `OutsideError` when what it needs is missing.
    """
    if request.shipping and request.backend == "virtualenv":
        raise UsageError(
            "--tag, --output and --push are for images; a virtual environment stays where it is",
            hint="use --backend docker or oci",
        )
    if request.backend == "auto":
        candidates = [name for name in BACKENDS if _can(name, base, request)]
        for name in candidates:
            backend = BACKENDS[name](request)
            if backend.available() is None:
                return backend
        could = ", ".join(candidates) or "no backend could, wherever it runs"
        raise OutsideError(
            f"no backend that could build this plan works on this machine: {could}",
            hint="`make engine` starts a private Docker engine on a Debian machine",
        )
    if base.host and request.backend != "virtualenv":
        raise UsageError(
            f"the spec's base is this machine: the {request.backend} backend cannot build on it",
            hint="use --backend virtualenv, or give [base] an image or a debian suite",
        )
    backend = BACKENDS[request.backend](request)
    if (missing := backend.available()) is not None:
        needless = "virtualenv, which needs nothing but Python"
        other = "docker or oci" if request.backend == "virtualenv" or not runs_linux() else needless
        raise OutsideError(missing, hint=f"use --backend {other}")
    return backend
