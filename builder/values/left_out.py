"""What stays at home of the folders that a plan copies, and what to know of the copies, as findings."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator, Sequence

from builder.values.copies import LARGE, PlannedCopy
from builder.values.models import plan_model_folders, read_model
from builder.values.plan import Plan
from builder.values.secret_names import is_history
from envspec.system import rules
from envspec.system.finding import Finding, Severity

_SHOWN = 12
"""Names that the finding tells."""


def judge_left_out(plan: Plan, folder: pathlib.Path) -> Iterator[Finding]:
    """What was left out, by its names alone, and what large copies bring; `folder` is the spec's.

    What holds secrets is one finding for the service and one for each `[[copy]]` (EV310). Raises as
    `model_folder`.
    """
    source = plan.service is not None and plan.service.source is not None
    ours = plan.payload.left_out if plan.payload else ()
    theirs = [
        f"{name}/{path}"
        for name, model in plan_model_folders(plan, folder).items()
        for path in read_model(model).left_out
    ]
    where = "service.source" if ours and source else "service.models"
    hint = (
        f"keep them elsewhere; if the service needs one, `[service] include = {_example(ours)}`"
        if ours
        else "keep them in another folder"
    )
    yield from _secrets((*ours, *theirs), where, hint)
    if plan.payload:
        yield from _lost(plan.payload.lost)
        yield from _outputs(plan.payload.outputs, "service.source")
    for number, copy in enumerate(plan.copies):
        where = f"copy[{number}].from"
        include = f"`include = {_example(copy.left_out)}` in this [[copy]]"
        yield from _secrets(copy.left_out, where, f"keep them elsewhere; if one is needed, {include}")
        yield from _outputs(copy.outputs, where)
        yield from _large(copy, where)


def _secrets(left_out: Sequence[str], where: str, hint: str) -> Iterator[Finding]:
    if not left_out:
        return
    secrets = [path for path in left_out if not is_history(path.rstrip("/"))]
    names = _few([*secrets, *(path for path in left_out if path not in secrets)])
    if not secrets:
        yield rules.SECRETS_LEFT_OUT.finding(
            f"the history of the code was not copied: {names}", where=where, severity=Severity.INFO
        )
        return
    yield rules.SECRETS_LEFT_OUT.finding(
        f"these seem to hold secrets and were not copied: {names}", hint=hint, where=where
    )


def _example(left_out: Sequence[str]) -> str:
    """A list with one file of those left out, as a spec has it."""
    files = (path for path in left_out if not path.endswith("/") and not is_history(path))
    return json.dumps([next(files, ".env")])


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _lost(paths: Sequence[str]) -> Iterator[Finding]:
    if paths:
        yield rules.LINK_LOST.finding(
            f"these lead to no file of the service's own code, or are no files, and were not copied: "
            f"{_few(paths)}",
            hint="copy what a link leads to into the folder; leave out with .dockerignore what is not needed",
            where="service.source",
        )


def _outputs(paths: Sequence[str], where: str) -> Iterator[Finding]:
    if paths:
        yield rules.OUTPUT_LEFT_OUT.finding(
            f"this tool wrote these, so they were not copied: {_few(paths)}", where=where
        )


def _large(copy: PlannedCopy, where: str) -> Iterator[Finding]:
    if copy.size >= LARGE:
        largest = sorted(copy.files, key=lambda file: -file.size)[:3]
        names = ", ".join(f"{file.source} {file.size / 1e6:,.0f} MB" for file in largest)
        yield rules.COPY_LARGE.finding(
            f"{copy.source} brings {copy.size / 1e6:,.0f} MB in {len(copy.files):,} files: {names}",
            where=where,
        )


def judge_unplaced(plan: Plan) -> Iterator[Finding]:
    """What of the copies a virtual environment does not have: places of the whole system, and owners."""
    for number, copy in enumerate(plan.copies):
        if copy.absolute:
            yield rules.COPY_NOT_PLACED.finding(
                f"{copy.to} is a place of the whole system, which an image has and a virtual environment has "
                f"not: {copy.source} is not there",
                hint="build an image (--backend oci); or give it a relative `to`, below the folder that "
                "programs start in",
                where=f"copy[{number}].to",
            )
            continue
        if out := [file.path for file in copy.files if file.link.startswith("/")]:
            yield rules.COPY_NOT_PLACED.finding(
                f"links to places of the whole system are not in a virtual environment: {_few(out)}",
                hint="build an image (--backend oci); or give what they lead to a relative `to` as well",
                where=f"copy[{number}].from",
            )
        if copy.owner is not None:
            yield rules.COPY_NOT_PLACED.finding(
                f"in a virtual environment {copy.to} belongs to who builds it, not to {copy.owner}",
                where=f"copy[{number}].owner",
            )
