"""The project that builds are measured on: an example with a payload of its own, locked in several states."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
import sys
from collections.abc import Mapping
from types import MappingProxyType

import service
from bench.steps import said
from builder.values.plan import Plan, make_plan
from envspec.lockfile import lock
from envspec.spec import load
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.home import tool_home

SERVER = "gunicorn==23.0.0"

TOOL = pathlib.Path(sys.executable).parent

SHARED = ("wheelhouse", "facts", "metadata", "debian", "proof", "code")
"""Parts of the tool's home that every way may find filled: downloads, and what was found out about them.

Not uv's cache: each home notes how it left that, and throws away what another has changed.
"""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """What is built, and how it changes."""

    example: pathlib.Path
    """Folder of its spec."""
    base: str
    """The spec's line that names the base."""
    late: tuple[str, ...]
    """Requirements of one small package of the last stage: what the spec has, then the bumps."""
    early: tuple[str, ...]
    """Requirements of one package of the first stage, likewise."""


def text(stack: Stack, base: str, late: str, early: str, *, compiled: bool = True) -> str:
    """The example's spec on another base, with these two requirements and a payload that can be edited."""
    body = editable((stack.example / "envspec.toml").read_text(encoding="utf-8"))
    changes = {stack.base: base, f'"{stack.late[0]}"': f'"{late}"', f'"{stack.early[0]}"': f'"{early}"'}
    changes["[base]\n"] = f"compile = {str(compiled).lower()}\n\n[base]\n"
    for old, new in changes.items():
        if old not in body:
            raise ValueError(f"{stack.example} has no {old.strip()}")
        body = body.replace(old, new, 1)
    return body


def editable(spec: str) -> str:
    """An example's spec with a payload of its own, in `app`, and what serves one that is no longer ours."""
    changes = {"[service]\n": '[service]\nsource = "app"\n', '"flask==': f'"{SERVER}", "flask=='}
    for old, new in changes.items():
        if old not in spec:
            raise ValueError(f"the example has no {old.strip()}")
        spec = spec.replace(old, new, 1)
    return spec


class Project:
    """A folder with a spec, its lock and a payload, which one way to build has for itself."""

    def __init__(
        self, place: pathlib.Path, stack: Stack, base: str, states: pathlib.Path, *, compiled: bool = True
    ) -> None:
        """`states` is where projects on the same base share the locks of states."""
        self.folder = place / "project"
        self.home = place / "home"
        self._stack = stack
        self._base = base
        self._states = states
        self._compiled = compiled
        self._edits = 0
        self.home.mkdir(parents=True)
        for part in SHARED:
            (tool_home() / part).mkdir(parents=True, exist_ok=True)
            (self.home / part).symlink_to(tool_home() / part)
        shutil.copytree(
            pathlib.Path(service.__file__).parent,
            self.folder / "app" / "service",
            ignore=shutil.ignore_patterns("__pycache__"),
        )

    @property
    def env(self) -> dict[str, str]:
        """Environment of this project's own tool."""
        return {**os.environ, "ENVSPEC_HOME": str(self.home)}

    def state(self, late: int, early: int) -> None:
        """Write the spec and the lock of a state; one met for the first time is locked and proved."""
        kept = self._states / f"{late}-{early}.lock"
        stack = self._stack
        (self.folder / "envspec.toml").write_text(
            text(stack, self._base, stack.late[late], stack.early[early], compiled=self._compiled),
            encoding="utf-8",
        )
        if not kept.is_file():
            (self.folder / "envspec.lock").unlink(missing_ok=True)
            self.tool("build-image", "--stop-after", "plan", "--quiet")
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.folder / "envspec.lock", kept)
        shutil.copy(kept, self.folder / "envspec.lock")

    def edit(self) -> None:
        """Change one file of the payload."""
        self._edits += 1
        (self.folder / "app" / "service" / "edited.py").write_text(f"NUMBER = {self._edits}\n")

    def tool(self, program: str, *words: str, variables: Mapping[str, str] = MappingProxyType({})) -> str:
        """Run one of the tool's programs on the project, with more variables; what it said."""
        return said([str(TOOL / program), str(self.folder), *words], env=self.env | dict(variables))

    @property
    def plan(self) -> Plan:
        """The plan of the present state."""
        file = self.folder / "envspec.toml"
        held = lock.read_lock(lock.lock_file(file, None))
        if held is None:
            raise ValueError(f"{file} is not locked")
        return make_plan(load.load_spec(file), held)

    @property
    def store(self) -> Wheelhouse:
        """The wheels of all states."""
        return Wheelhouse(self.home / "wheelhouse")
