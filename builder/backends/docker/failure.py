"""What a failed build means: read from what was said, and from whether the engine is still there."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from builder.backends.docker.engine import Engine
from builder.backends.docker.refusals import refusal
from builder.inside.places import FAILURE
from envspec.system.errors import BuildError, EnvspecError, OutsideError

_PREFIX = re.compile(r"^#\d+ +[\d.]+ +")
"""What BuildKit's plain progress puts before the words of a step."""

_NO_PYTHON = re.compile(
    r"exec: \"?(python3\.\d+)\"?: (executable file )?not found|stat (python3\.\d+): no such"
)
_NO_IMAGE = re.compile(
    r"pull access denied|manifest unknown|not found: manifest|failed to resolve|no such host"
)
_NO_DEBIAN = re.compile(r"Unable to locate package (\S+)|Package '?([^' ]+)'? has no installation candidate")


def build_failure(engine: Engine, lines: Sequence[str]) -> EnvspecError:
    """The error for a build that failed after saying `lines`."""
    said = [_PREFIX.sub("", line).rstrip() for line in lines]
    text = "\n".join(said)
    if not engine.answers():
        return OutsideError(
            "the engine stopped answering during the build; nothing was tagged",
            hint=f"start the engine at {engine.address.host} again, then run again: finished steps are kept",
        )
    if "no space left on device" in text.lower():
        return refusal("no space left on device")
    if stated := [line for line in said if line.startswith(FAILURE)]:
        return _stage_error(json.loads(stated[-1].removeprefix(FAILURE)))
    if missing := _NO_PYTHON.search(text):
        name = missing[1] or missing[3]
        return BuildError(f"the base image has no {name}", hint="name a base of the spec's Python version")
    if missing := _NO_DEBIAN.search(text):
        return BuildError(
            f"the base's release has no Debian package {missing[1] or missing[2]}",
            hint="correct its name in [base] apt",
        )
    if _NO_IMAGE.search(text):
        return OutsideError(f"the base image cannot be had\n{_tail(said)}", hint="see `docker pull`")
    return BuildError(f"the engine could not build the image\n{_tail(said)}", hint="")


def _stage_error(facts: dict[str, str]) -> BuildError:
    requirement = f" ({facts['requirement']})" if facts["requirement"] else ""
    name = re.sub(r"^stage-\d+-", "", facts["stage"])
    return BuildError(f"stage {name}{requirement}: {facts['message']}", hint=facts["hint"])


def _tail(said: Sequence[str]) -> str:
    return "\n".join([line for line in said if line.strip()][-12:])
