"""What limits versions besides the stages: constraints, pip's own constraint files, and wishes to move."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

from envspec.ingest.draft import Wish
from envspec.ingest.drafting import Drafting
from envspec.ingest.requirements import Requirements
from envspec.resolve.prefer import Preferences
from envspec.spec.model import Spec
from envspec.spec.target import Target
from envspec.supply.pip_settings import PipSettings, local_path, scrub_addresses
from envspec.system.errors import OutsideError, SpecError

_HINT = "mend it, or the setting `constraint` of pip that names it: PIP_CONSTRAINT, or its configuration"


def all_limits(spec: Spec, target: Target, machine: PipSettings, prefer: Preferences) -> tuple[str, ...]:
    """Every limit, as constraints. Raises `OutsideError` where pip's own cannot be read."""
    return (*spec.constraints, *machine_limits(machine, target), *map(str, prefer.demands))


def machine_limits(machine: PipSettings, target: Target) -> tuple[str, ...]:
    """What the constraint files of pip's settings say. Raises `OutsideError` where they cannot be read."""
    return tuple(dict.fromkeys(_said(machine, target)))


def _said(machine: PipSettings, target: Target) -> Iterator[str]:
    for place in machine.others.get("constraint", "").split():
        path = local_path(place)
        if path is None:
            raise OutsideError(
                f"pip's constraint file {scrub_addresses(place)} is on the network", hint=_HINT
            )
        yield from _read(path.absolute(), target)


def _read(file: pathlib.Path, target: Target) -> tuple[str, ...]:
    drafting = Drafting(file, Wish(python=target.python, folder=file.parent))
    try:
        Requirements(drafting, drafting.step("packages")).read(file, limits="constraint")
    except SpecError as error:
        raise OutsideError(f"pip's constraint file cannot be read: {error}", hint=_HINT) from error
    return tuple(drafting.constraints)
