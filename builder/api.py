"""What other programs may call: a spec planned, built and judged. See docs/api.md."""

from __future__ import annotations

import pathlib

from builder.flow.pipeline import plan_spec, run_pipeline
from builder.judge import InterpreterSubject, judge_subject
from builder.report.model import Report
from builder.values.plan import Plan
from builder.values.request import Request
from builder.values.shipping import Shipping
from builder.values.verdict import Verdict
from envspec.lockfile.lock import Lock
from envspec.spec.model import Smoke
from envspec.system.progress import SILENT, Progress

NO_SMOKE = Smoke()

AnyPath = pathlib.Path | str


def plan(
    place: AnyPath | None = None,
    *,
    variant: str | None = None,
    locked: bool = False,
    offline: bool = False,
    progress: Progress = SILENT,
) -> Plan:
    """What a backend has to do for a spec, which is linted, locked and proved on the way.

    `place` is a spec, or the folder that holds one; None is the current folder. A lock that is missing or
    stale is made and written beside the spec, or with `locked` refused. `offline` touches no network.

    Raises `SpecError` for a spec that means nothing, `FindingsError` for one that must be fixed first,
    `BuildError` and `OutsideError`.
    """
    request = Request(spec=_path(place), variant=variant, locked=locked, offline=offline)
    return plan_spec(request, progress)


def build(
    place: AnyPath | None = None,
    *,
    variant: str | None = None,
    backend: str = "auto",
    tag: str | None = None,
    output: AnyPath | None = None,
    push: bool = False,
    locked: bool = False,
    offline: bool = False,
    strict: bool = False,
    fast: bool = False,
    stop_after: str | None = None,
    progress: Progress = SILENT,
) -> Report:
    """Build and judge the environment of a spec, as `build-image` does with the options of these names.

    Everything that goes wrong stands in the report, whose `ships` says whether the environment may be used
    and whose `exit_code` is that of the program. Raises `SpecError` for a spec that means nothing.
    """
    request = Request(
        spec=_path(place),
        variant=variant,
        backend=backend,
        shipping=Shipping(tag=tag, output=_path(output), push=push),
        locked=locked,
        offline=offline,
        strict=strict,
        fast=fast,
        stop_after=stop_after,
    )
    return run_pipeline(request, progress)


def verify(
    python: AnyPath,
    *,
    lock: Lock | None = None,
    smoke: Smoke = NO_SMOKE,
    fast: bool = False,
    strict: bool = False,
    progress: Progress = SILENT,
) -> Verdict:
    """Judge the environment of an interpreter, wherever it comes from; nothing in it is changed.

    `lock` says what should be installed, `smoke` what must work besides (`Spec.smoke`). `fast` leaves out
    compiled modules, hashes, use and exchange; `strict` counts warnings as errors.

    Raises `OutsideError` when the interpreter cannot be run.
    """
    pins = lock.pins if lock is not None else None
    return judge_subject(
        InterpreterSubject(python), lock=pins, smoke=smoke, fast=fast, strict=strict, progress=progress
    )


def _path(place: AnyPath | None) -> pathlib.Path | None:
    return None if place is None else pathlib.Path(place)
