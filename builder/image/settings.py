"""How containers of an image start: variables, labels, and what the image stands on."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import re
import shlex

from builder.debian.base import base_image_name
from builder.debian.request import apt_packages
from builder.image.cards import card_labels, toolkit_variables
from builder.inside import places
from builder.values import models
from builder.values.plan import Plan
from builder.values.variables import expanded
from builder.values.verdict import Verdict
from envspec.system.errors import THE_SPEC, Problem, SpecError

IMAGE = re.compile(r"[a-z0-9]([A-Za-z0-9._/:-]*[A-Za-z0-9])?(@sha256:[0-9a-f]{64})?")


VERSION = re.compile(r"3\.\d{1,2}t?")


VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def base_reference(plan: Plan) -> str:
    """What the image starts from, as `FROM` has it."""
    if plan.base.debian:
        return base_image_name(plan)
    name = checked_text(IMAGE, plan.base.image or "", "base.image")
    return f"{name.partition('@')[0]}@{plan.base.digest}" if plan.base.digest else name


def apt_command(plan: Plan) -> str:
    """The shell command that installs the Debian packages of an image base; empty when there are none.

    A base made of Debian packages has its own already.
    """
    if plan.base.debian or not plan.base.apt:
        return ""
    packages = " ".join(map(shlex.quote, apt_packages(plan)))
    return (
        f"apt-get update && apt-get install --yes --no-install-recommends {packages}"
        " && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log"
    )


def image_variables(plan: Plan) -> dict[str, str]:
    """Environment variables of the image; the spec's own win, those of its main program over `[env]`."""
    path = f"{places.ENVIRONMENT}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    fixed = {
        "PATH": path,
        "VIRTUAL_ENV": places.ENVIRONMENT,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        **({"PYTHONPATH": places.PAYLOAD} if plan.payload else {}),
        **models.model_variables(plan, places.MODELS),
        **toolkit_variables(plan.gpu),
    }
    table = "service.env" if plan.service else "run.env"
    own = {
        "env": expanded(plan.env, places.ENVIRONMENT, plan.python),
        table: plan.main.variables(places.ENVIRONMENT, plan.python) if plan.main else {},
    }
    named = {checked_text(VARIABLE, name, key): each[name] for key, each in own.items() for name in each}
    return {**fixed, **named}


def image_labels(plan: Plan) -> dict[str, str]:
    """Labels that say what the image is made of; `verdict_labels` has the rest."""
    return {
        "org.opencontainers.image.title": plan.name,
        "org.opencontainers.image.base.name": base_reference(plan).partition("@")[0],
        **({"org.opencontainers.image.base.digest": plan.base.digest} if plan.base.digest else {}),
        f"{places.LABEL}.lock": plan.lock,
        f"{places.LABEL}.plan": plan.digest,
        f"{places.LABEL}.python": f"{places.ENVIRONMENT}/bin/python",
        f"{places.LABEL}.sbom": places.SBOM,
        f"{places.LABEL}.variant": plan.variant or "",
        f"{places.LABEL}.version": importlib.metadata.version("envspec"),
        f"{places.LABEL}.packages": " ".join(f"{name}=={plan.pins[name]}" for name in plan.named),
        **({f"{places.LABEL}.writes": " ".join(plan.main.writes)} if plan.main and plan.main.writes else {}),
        **card_labels(plan.gpu),
    }


def checked_text(pattern: re.Pattern[str], text: str, path: str) -> str:
    """The text, which must match the pattern as a whole. Raises `SpecError`."""
    if not pattern.fullmatch(text):
        raise SpecError(THE_SPEC, (Problem(path=path, message=f"{text!r} cannot stand in a Dockerfile"),))
    return text


def verdict_labels(verdict: Verdict | None) -> dict[str, str]:
    """Labels that say what the judge found in the image; without a verdict, that nobody judged it."""
    if verdict is None:
        return {f"{places.LABEL}.verdict": "not verified"}
    return {
        f"{places.LABEL}.verdict": "ships" if verdict.ships else "must not ship",
        f"{places.LABEL}.findings": str(len(verdict.findings)),
        f"{places.LABEL}.python-version": verdict.python,
        f"{places.LABEL}.platform": verdict.platform,
    }
