"""The port that every backend fills, and how the judge looks into what one built."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Protocol

from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.program import PlannedProgram
from builder.values.shipping import Shipped, Shipping
from builder.values.subject import Subject
from builder.values.verdict import Verdict
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.process import Completed
from envspec.system.progress import Progress


class Backend(Protocol):
    """What carries out plans, and runs commands in what it built."""

    name: str
    reaches: bool
    """Whether commands can be given a network."""

    def available(self) -> str | None:
        """None when the backend can work here; otherwise why it cannot, in one sentence."""

    def seek(self, image: str, machine: str, progress: Progress) -> None:
        """Ask for the image that a plan for that processor would stand on, before anything that takes long.

        Raises `OutsideError` where it cannot be had.
        """

    def build(self, plan: Plan, folder: pathlib.Path, store: Wheelhouse, progress: Progress) -> Environment:
        """The environment of that plan; `folder` is the spec's, `store` holds all wheels of the plan.

        Raises `BuildError` naming the stage that failed, `OutsideError` when something outside is missing.
        """

    def run(
        self,
        environment: Environment,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        program: PlannedProgram | None = None,
        network: bool = False,
    ) -> Completed:
        """Run a command in the environment, with the payload's code importable.

        For a `program` it runs as that would, as far as the backend can: as its user, in its folder, with its
        volumes. `network` lets it reach others than itself, where `reaches` says that this can be.
        """

    def subject(self, environment: Environment) -> Subject:
        """The environment as the judge sees it: without the payload's code on its path."""

    def ship(
        self, environment: Environment, verdict: Verdict, wanted: Shipping, progress: Progress
    ) -> Shipped:
        """Name, write and push what was verified, as far as it was asked for.

        Raises `UsageError` for what this backend cannot do, `OutsideError` when a registry or disk refuses.
        """


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RemoteSubject:
    """An environment whose files cannot be read from here: everything is learned by commands inside."""

    backend: Backend
    environment: Environment

    @property
    def label(self) -> str:
        """The environment's reference."""
        return self.environment.reference

    @property
    def python(self) -> str:
        """The interpreter's path, as seen inside."""
        return self.environment.python

    @property
    def root(self) -> None:
        """Its files lie in an engine, or in layers."""

    def run(self, command: Sequence[str], *, stdin: str | None, timeout: float | None) -> Completed:
        """Run a command inside, without the payload's code."""
        bare = dataclasses.replace(self.environment, payload=None)
        return self.backend.run(bare, command, stdin=stdin, timeout=timeout)
