"""Which backend carries out a plan: the one asked for, or the best that works here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from builder.backends.port import Backend
from builder.backends.virtualenv import VirtualenvBackend
from builder.plan import Plan
from builder.request import Request
from envspec.errors import OutsideError, UsageError


def _docker() -> Backend:
    from builder.backends.docker.backend import DockerBackend

    return DockerBackend()


BACKENDS: Mapping[str, Callable[[], Backend]] = {"docker": _docker, "virtualenv": VirtualenvBackend}
"""By the name that `--backend` takes, best first: `auto` takes the first that is available."""


def choose(request: Request, plan: Plan) -> Backend:
    """The backend of a request.

    Raises `UsageError` when it cannot build that plan, `OutsideError` when what it needs is missing.
    """
    if request.backend == "auto":
        candidates = ["virtualenv"] if plan.base.host else list(BACKENDS)
        for name in candidates:
            backend = BACKENDS[name]()
            if backend.available() is None:
                return backend
        raise OutsideError("no backend works on this machine")
    if plan.base.host and request.backend != "virtualenv":
        raise UsageError(
            f"the spec's base is this machine: the {request.backend} backend cannot build on it",
            hint="use --backend virtualenv, or give [base] an image or a debian suite",
        )
    backend = BACKENDS[request.backend]()
    if (missing := backend.available()) is not None:
        raise OutsideError(missing, hint="use --backend virtualenv, which needs nothing but Python")
    return backend
