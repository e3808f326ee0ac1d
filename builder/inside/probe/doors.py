"""The modules in which what distributions register begins: commands, and plugins of others."""

from __future__ import annotations

import re

from ..names import canonical_name
from .distributions import needed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .report import Door, FoundDistribution

COMMANDS = ("console_scripts", "gui_scripts")
"""Groups of entry points that become programs."""


def doors(dists: list[FoundDistribution]) -> dict[str, Door]:
    """By module, what begins in it of distributions that are there for themselves."""
    inner = needed(dists)
    found = {}  # type: dict[str, Door]
    for dist in dists:
        if dist.get("requested") or canonical_name(dist["name"]) not in inner:
            for group, name, module in entry_points(dist.get("entry_points", "")):
                command = name if group in COMMANDS else ""
                if command or module not in found:
                    found[module] = {"dist": dist["name"], "command": command}
    return found


def commands(dist: FoundDistribution) -> dict[str, str]:
    """Module to the command that begins in it."""
    found = {}  # type: dict[str, str]
    for group, name, module in entry_points(dist.get("entry_points", "")):
        if group in COMMANDS:
            found.setdefault(module, name)
    return found


def programs(dist: FoundDistribution) -> list[list[str]]:
    """Its commands as [name, module, what is called there]."""
    found = []
    for group, line, module in entry_points(dist.get("entry_points", "")):
        if group == COMMANDS[0]:
            called = re.search(
                r"^\s*%s\s*=[^:#\n]*:\s*([\w.]+)" % re.escape(line), dist["entry_points"], re.MULTILINE
            )
            if called:
                found.append([line, module, called.group(1)])
    return found


def entry_points(text: str) -> list[tuple[str, str, str]]:
    """Group, name and module of each entry point of a file.

    Source: the entry points specification of the Python Packaging User Guide.
    """
    found = []
    group = ""
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            group = line.strip(" []\t")
        elif group and "=" in line and line.lstrip()[0] not in "#;":
            name, _, value = line.partition("=")
            module = re.split(r"[:\[]", value)[0].strip()
            if all(part.isidentifier() for part in module.split(".")):
                found.append((group, name.strip(), module))
    return found
