"""What a user asked for on the command line, as one value."""

from __future__ import annotations

import dataclasses
import pathlib

from builder.values.shipping import Shipping


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One run of the builder."""

    spec: pathlib.Path | None = None
    """The spec, or its folder; None is the current folder."""
    variant: str | None = None
    backend: str = "auto"
    resolver: str = "uv"
    strict: bool = False
    """Whether warnings count as errors."""
    locked: bool = False
    """Whether a missing or stale lock is an error rather than made anew."""
    upgrade: bool = False
    """Whether to resolve anew even though the lock fits."""
    upgrade_packages: tuple[str, ...] = ()
    """Packages that may move although the lock fits, as `NAME` or `NAME==VERSION`."""
    offline: bool = False
    """Whether to touch no network."""
    rehearse: bool = False
    """Whether to try the imports of what is locked, where this machine can, before anything is built."""
    fast: bool = False
    """Whether to verify only the static part and the top-level imports."""
    fresh: bool = False
    """Whether to verify again what was verified before."""
    stop_after: str | None = None
    """The last phase to do, one of `builder.report.model.PHASES`; None does all."""
    shipping: Shipping = dataclasses.field(default_factory=Shipping)
    report: pathlib.Path | None = None
    """Folder for the report and what goes with it."""
