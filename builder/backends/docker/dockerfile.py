"""Renders a plan as a Dockerfile. Every value of a spec or lock is checked or quoted on its way in.

The template decides only the layout; what goes into an instruction comes from here, as values.
"""

from __future__ import annotations

import functools
import json
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import jinja2

import builder
from builder.image.settings import (
    VERSION,
    apt_command,
    base_reference,
    checked_text,
    image_labels,
    image_variables,
)
from builder.image.starting import image_folders, image_start
from builder.inside import places
from builder.oci.store.tar import archive_epoch
from builder.values.copies import PlannedCopy
from builder.values.plan import Plan
from envspec.system.errors import THE_SPEC, Problem, SpecError

TEMPLATE = "Dockerfile.template"

_PACKAGES = "packages"
"""Build stage with all that comes from indexes, where there are trees of the spec's besides."""

_ADDED = "/added"
"""Where the build stage of a tree has what it adds, for a layer that is the same for the same files."""

_PAYLOAD_PROGRAM = (
    f"import sys; sys.path.insert(0, '{places.MOUNT}/tools'); "
    "from builder.inside.entrypoint import payload; sys.exit(payload.main(sys.argv[1:]))"
)


def render_dockerfile(plan: Plan, *, mounts: bool = True) -> str:
    """The Dockerfile of a plan: with `mounts` for BuildKit, without for a classic builder.

    Both give the same files in the image. Raises `SpecError` for a value that no Dockerfile can hold, which
    a checked spec and lock never have.
    """
    return _template().render(_values(plan, mounts=mounts))


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(  # noqa: S701 - a Dockerfile is no HTML; the filters below quote
        undefined=jinja2.StrictUndefined, trim_blocks=False, keep_trailing_newline=True
    )
    environment.filters.update(comment=comment, quoted=quoted, exec=exec_form, steps=steps, literal=literal)
    return environment.from_string(template_file().read_text(encoding="utf-8"))


def template_file() -> pathlib.Path:
    """The template: beside the packages in a checkout, among their resources where it was installed."""
    shipped = pathlib.Path(builder.__path__[0], "resources", TEMPLATE)
    return shipped if shipped.is_file() else shipped.parents[2] / TEMPLATE


def _values(plan: Plan, *, mounts: bool) -> dict[str, Any]:
    version = checked_text(VERSION, plan.python, "python")
    python = f"{places.ENVIRONMENT}/bin/python"
    return {
        "plan": plan,
        "mounts": mounts,
        "base": base_reference(plan),
        "apt": apt_command(plan),
        "prepare": _step([f"python{version}"], "prepare", [], mounts=mounts),
        "stages": list(_stages(plan, python, mounts=mounts)),
        "trees": any(stage.trees for stage in plan.stages),
        "lay_out_payload": _payload_step([f"python{version}"]),
        "payload": plan.payload is not None,
        "compiled": plan.compiled,
        "models": places.MODELS,
        "copies": [
            {"what": f"{copy.source} to {copy.to}", "file": copy_name(number, copy)}
            for number, copy in enumerate(plan.copies, 1)
        ],
        "variables": sorted(image_variables(plan).items()),
        "labels": sorted(image_labels(plan).items()),
        "start": image_start(plan),
        "folders": image_folders(plan),
        "entrypoint": places.entrypoint(),
    }


def copy_name(number: int, copy: PlannedCopy) -> str:
    """The file of a copy's layer in the context; its name changes with the contents, which builders see."""
    return f"copies/{number}-{copy.digest.removeprefix('sha256:')[:16]}.tar.gz"


def _stages(plan: Plan, python: str, *, mounts: bool) -> Iterator[dict[str, Any]]:
    before = _PACKAGES if mounts else "prepare"
    for number, stage in enumerate(plan.stages, 1):
        folder = places.stage(number, stage.name)
        yield {
            "name": stage.name,
            "why": stage.why,
            "wheels": stage.wheels,
            "folder": folder,
            "before": before,
            "tree": bool(stage.trees),
            "command": [
                *_step([python], "install", [f"{places.MOUNT}/{folder}"], mounts=mounts),
                *((["--copy-to", _ADDED] if mounts else []) if stage.trees else []),
                *(["--date", str(archive_epoch())] if stage.trees else []),
                *(["--cache", f"{places.MOUNT}/compiled"] if mounts and plan.compiled else []),
            ],
        }
        before = folder if stage.trees or not mounts else before


def _step(python: list[str], step: str, words: list[str], *, mounts: bool) -> list[str]:
    command = [*python, "-I", "-B", f"{places.MOUNT}/tools", step, *words, "--into", places.ENVIRONMENT]
    if not mounts:
        return [*command, "--copy-to", f"{places.MOUNT}/added"]
    return command


def _payload_step(python: list[str]) -> list[str]:
    """Puts the payload where it belongs, and compiles what of it was not compiled before."""
    code, cache = (f"{places.MOUNT}/{name}" for name in ("payload", "cache"))
    return [*python, "-I", "-B", "-c", _PAYLOAD_PROGRAM, code, places.PAYLOAD, cache]


def comment(text: object) -> str:
    """The text on one line, whatever it holds: a comment ends only where its line does."""
    return "".join(character if character.isprintable() else " " for character in str(text))


def quoted(text: str) -> str:
    """The text as one double-quoted word of `ENV` or `LABEL`, in which nothing is expanded."""
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        problem = Problem(path="", message=f"{text!r} holds a line break or control character")
        raise SpecError(THE_SPEC, (problem,))
    return '"' + re.sub(r'([\\"$])', r"\\\1", text) + '"'


def literal(text: str) -> str:
    """The text for an instruction that puts variables into its words: nothing of it is one."""
    return re.sub(r"([\\$])", r"\\\1", text)


def exec_form(command: Sequence[str]) -> str:
    """The command as a JSON array, which no shell reads."""
    return json.dumps(list(command))


def steps(command: str) -> str:
    """The shell command with each of its steps on a line."""
    return command.replace(" && ", " \\\n    && ")
