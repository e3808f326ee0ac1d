"""How containers of an image start and are stopped, as far as its programs decide it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from builder.inside import places
from builder.values.plan import Plan
from builder.values.program import PlannedProgram

_DEFAULT_USER = f"{places.USER_ID}:{places.USER_ID}"
_SERVE, _PYTHON = "serve", "python"
"""What the entrypoint is told: start the main program; or Python, where the spec names none."""
_QUICK, _PATIENT = 5, 30
"""Seconds that a health check gets: to be answered, and to run a command."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Starting:
    """What an image's configuration says of its start: every backend writes the same."""

    user: str
    folder: str
    command: tuple[str, ...]
    """What the entrypoint is told where nobody says otherwise."""
    ports: tuple[int, ...]
    """Of all its programs."""
    volumes: tuple[str, ...]
    """Of its main program: another's are mounted where that is started."""
    stop_signal: str
    health: tuple[str, ...]
    """Command of the health check; empty for none."""
    health_timeout: int
    """Seconds."""
    start_timeout: int
    """Seconds in which a health check that fails does not count yet."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Folder:
    """An empty folder that an image has for a program."""

    path: str
    owner: str
    """Name or number of the user and, where it has one, number of the group."""


def image_start(plan: Plan) -> Starting:
    """How containers of the plan's image start."""
    main = plan.main
    asked = [program.health for program in plan.programs if program.health]
    commands = any(wish.command for wish in asked)
    return Starting(
        user=image_user(plan),
        folder=(main.workdir if main else None) or places.PAYLOAD,
        command=(_SERVE,) if main else (_PYTHON,),
        ports=tuple(sorted({port for program in plan.programs for port in program.all_ports})),
        volumes=main.volumes if main else (),
        stop_signal=(main.stop_signal if main else None) or "SIGTERM",
        health=(*places.entrypoint(), "health") if asked else (),
        health_timeout=_PATIENT if commands else _QUICK,
        start_timeout=max((program.start_period for program in plan.programs if program.health), default=0),
    )


def start_line(name: str, config: Mapping[str, Any], *, host: bool = False) -> str:
    """The line with the command that starts an image, from its configuration (`Cmd`, `ExposedPorts`).

    An image whose program may write to its own files is not started read-only.
    `host` is for engines whose containers reach nobody but by the machine's own network.
    """
    numbers = sorted({int(entry.partition("/")[0]) for entry in config.get("ExposedPorts") or {}})
    published = " ".join(f"--publish {port}:{port}" for port in numbers)
    reached = "--network host" if host else published
    writes = f"{places.LABEL}.writes" in (config.get("Labels") or {})
    words = ["docker run --rm"]
    if numbers:
        words += [reached] if writes else ["--read-only", reached]
    if list(config.get("Cmd") or ()) != [_PYTHON]:
        return f"{'serve' if numbers else 'start'} it: {' '.join([*words, name])}"
    words += ["--interactive --tty", name]
    return f"start it: {' '.join(words)} (it is Python alone: [run] in the spec says what to start)"


def image_user(plan: Plan) -> str:
    """The user of the image: its main program's."""
    return owner_of(plan.main) if plan.main else _DEFAULT_USER


def owner_of(program: PlannedProgram) -> str:
    """The user that a program runs as, as engines have it; root and ours by their numbers."""
    return program.owner(places.USER, places.USER_ID)


def image_folders(plan: Plan) -> tuple[Folder, ...]:
    """The folders that programs want in an image: they start in them, or have something mounted there.

    A volume belongs to who writes to it: an engine gives a new volume the owner of the folder below it.
    """
    found = {
        program.workdir: Folder(path=program.workdir, owner="0:0")
        for program in plan.programs
        if program.workdir and program.workdir != places.PAYLOAD
    }
    copied = {copy.to for copy in plan.copies if any(file.path != copy.to for file in copy.files)}
    for program in plan.programs:
        mine = copied & set(program.writes) & found.keys()
        found |= {path: Folder(path=path, owner=owner_of(program)) for path in (*mine, *program.volumes)}
    return tuple(sorted(found.values()))


def named_users(plan: Plan) -> tuple[str, ...]:
    """Users that programs name and that only the base can know."""
    names = {owner_of(program).partition(":")[0] for program in plan.programs}
    return tuple(sorted(name for name in names if not name.isdigit()))
