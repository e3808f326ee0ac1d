"""What stays at home of the folders that a plan copies, as a finding."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator

from builder.values.models import plan_model_folders, read_model
from builder.values.plan import Plan
from builder.values.secret_names import is_history
from envspec.system import rules
from envspec.system.finding import Finding, Severity

_SHOWN = 12
"""Names that the finding tells."""


def judge_left_out(plan: Plan, folder: pathlib.Path) -> Iterator[Finding]:
    """One finding with all that was left out, by its names alone (EV310); `folder` is the spec's.

    Raises as `model_folder`.
    """
    ours = plan.payload.left_out if plan.payload else ()
    theirs = [
        f"{name}/{path}"
        for name, model in plan_model_folders(plan, folder).items()
        for path in read_model(model).left_out
    ]
    if not (left_out := [*ours, *theirs]):
        return
    secrets = [path for path in left_out if not is_history(path.rstrip("/"))]
    shown = [*secrets, *(path for path in left_out if path not in secrets)][:_SHOWN]
    more = f" and {len(left_out) - len(shown)} more" if len(left_out) > len(shown) else ""
    names = f"{', '.join(shown)}{more}"
    source = plan.service is not None and plan.service.source is not None
    where = "service.source" if ours and source else "service.models"
    if not secrets:
        yield rules.SECRETS_LEFT_OUT.finding(
            f"the history of the code was not copied: {names}", where=where, severity=Severity.INFO
        )
        return
    example = next((path for path in secrets if path in ours and not path.endswith("/")), ".env")
    yield rules.SECRETS_LEFT_OUT.finding(
        f"these seem to hold secrets and were not copied: {names}",
        hint=f"keep them elsewhere; if the service needs one, `[service] include = {json.dumps([example])}`"
        if ours
        else "keep them in another folder",
        where=where,
    )
