"""Where the steps of a build are run, and who knows what brings what a failed one missed."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
from collections.abc import Mapping
from typing import Literal, Protocol

from envspec.system.process import Completed, Words
from envspec.system.sandbox import run_sandboxed


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """What a build looked for and did not find."""

    kind: Literal["header", "library", "pkg-config file", "program"]
    name: str
    """`libpq-fe.h`, `pq`, `libffi`, `pg_config`."""
    sure: bool = True
    """Whether the words can hardly mean anything else: a file that is not found need not be a program."""

    @property
    def words(self) -> str:
        """For people."""
        return f"the {self.kind} {self.name}"


class BuildRoot(Protocol):
    """A root file system that builds are run in, with a compiler or without."""

    @property
    def key(self) -> str:
        """Name of all that is in it; empty for this machine, of which that is not known."""

    @property
    def path(self) -> str:
        """Folders of its programs, as PATH has them."""

    @property
    def compiles(self) -> bool:
        """Whether it has a compiler that builds may use."""

    def run(
        self, command: Words, *, env: Mapping[str, str], folder: pathlib.Path, timeout: float, keep: int
    ) -> Completed:
        """Run a step in `folder`, the one place that it may write to, without a network.

        `keep` is how many bytes of each stream are kept. Raises `OutsideError` where that cannot be.
        """

    def advise(self, missing: Missing) -> str:
        """What to do for a build to find what it missed, as a hint; empty where nobody knows."""


class ThisMachine:
    """The machine itself, with whatever compiler and headers it has, in a sandbox."""

    key = ""

    @property
    def path(self) -> str:
        """See `BuildRoot`."""
        return os.environ.get("PATH", os.defpath)

    @property
    def compiles(self) -> bool:
        """See `BuildRoot`."""
        return shutil.which("cc") is not None

    def run(
        self, command: Words, *, env: Mapping[str, str], folder: pathlib.Path, timeout: float, keep: int
    ) -> Completed:
        """See `BuildRoot`."""
        return run_sandboxed(command, env=env, writable=[folder], cwd=folder, timeout=timeout, keep=keep)

    def advise(self, missing: Missing) -> str:  # noqa: ARG002 - the port's
        """See `BuildRoot`."""
        return ""


THIS_MACHINE = ThisMachine()
