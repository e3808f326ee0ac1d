"""The programs that a project's own code brings: which of them an image of it starts."""

from __future__ import annotations

from collections.abc import Sequence

import pydantic
from packaging.utils import canonicalize_name

from envspec.ingest.drafting import Drafting
from envspec.ingest.entries import Entries
from envspec.spec.program import Program
from envspec.system.quoting import listed

_TABLES = (("project", "scripts"), ("tool", "poetry", "scripts"))

_NOT_INSTALLED = "is a program of the project's own code, which is not installed"


def propose(entries: Entries, drafting: Drafting) -> None:
    """Start what `[project.scripts]` names, where the project itself is installed. Raises `SpecError`."""
    installed = any(step.name == "project" and step.requirements for step in drafting.installs)
    names: list[str] = []
    for path in _TABLES:
        for name in entries.table(*path):
            entries.take(*path, name)
            line, size = entries.line(*path, name), entries.size(*path, name)
            if installed:
                drafting.carry(f"script {name}", line, size=size)
                names.append(name)
            else:
                drafting.leave(f"script {name}", line, _NOT_INSTALLED, size=size)
    start(drafting, names, "[project.scripts]")


def start(drafting: Drafting, names: Sequence[str], where: str) -> None:
    """Propose the likeliest of a project's programs as the one that its image starts."""
    if not names:
        return
    main = min(names, key=lambda name: _distance(canonicalize_name(name), canonicalize_name(drafting.name)))
    try:
        Program.model_validate({"command": [main]})
    except pydantic.ValidationError:
        return
    drafting.run["command"] = [main]
    others = [name for name in dict.fromkeys(names) if name != main]
    said = f"[run] starts `{main}`, which {where} names: its arguments, port and health are yours to add"
    more = f"; the image has these programs too: {listed(others)}" if others else ""
    drafting.proposed = said + more


def _distance(name: str, project: str) -> int:
    """How little the name of a program says that it is the project's main one."""
    if name == project:
        return 0
    return 1 if name in project.split("-") else 2 if name.startswith(project) else 3
