"""Reads a Procfile: what a platform starts, one process a line.

Source: https://devcenter.heroku.com/articles/procfile.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shlex
from typing import Any

import pydantic

from envspec.ingest.docker.image import OWN
from envspec.ingest.draft import Draft, Item, Wish
from envspec.ingest.drafting import is_file
from envspec.spec.program import Run
from envspec.system.reading import read_text

LIMIT = 64 << 10
"""Largest Procfile in bytes."""

PORT = 8000
"""Where a process listens that is told its port by the platform."""

PLACE = "/srv/app"
"""Where the folder is copied to: a place of its own, to which its programs may write."""

_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)")
_ASKS = re.compile(r"\$(?:PORT\b|\{PORT(?::-\d+)?\})")


def completed(folder: pathlib.Path, wish: Wish, draft: Draft) -> Draft:
    """The draft, with what its folder's Procfile starts where it starts nothing. Raises `SpecError`.

    A platform starts that in a copy of the folder: so does the spec.
    """
    file = folder / "Procfile"
    if draft.starts or not is_file(file):
        return draft
    found: dict[str, Any] = {}
    items = list(draft.items)
    for number, line in enumerate(read_text(file, LIMIT).splitlines(), 1):
        said = _LINE.fullmatch(line.strip())
        if said is None:
            continue
        title, program = said[1], program_of(said[2])
        wanted = {**found, **program} if title == "web" else {**found, title.lower(): program}
        why = _refused(wanted)
        if title != "web" and not found.get("command"):
            why = why or "stands beside a process `web`, of which there is none before it"
        items.append(Item(text=line.strip(), line=number, file="Procfile", why=why))
        found = found if why else wanted
    if not found:
        return dataclasses.replace(draft, items=tuple(items))
    place = os.path.relpath(folder.absolute(), wish.folder.absolute())
    within = not draft.copies and not place.startswith("..")
    return dataclasses.replace(
        draft,
        run={**found, "workdir": PLACE} if within else found,
        copies=({"from": place, "to": PLACE, "owner": OWN},) if within else draft.copies,
        proposed="",
        items=tuple(items),
    )


def program_of(command: str) -> dict[str, Any]:
    """A program of `[run]`, which a shell starts where one has to read its command."""
    asks = _ASKS.search(command) is not None
    text = _ASKS.sub("{port}", command)
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    plain = not re.search(r"[;&|<>$`()*?]", text) and words and "=" not in words[0]
    return {"command": words if plain else ["sh", "-c", text], **({"port": PORT} if asks else {})}


def _refused(run: dict[str, Any]) -> str:
    try:
        Run.model_validate(run)
    except pydantic.ValidationError:
        return "is none that a program of a spec can be"
    return ""
