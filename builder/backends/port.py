"""The port that every backend fills."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import Protocol

from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.shipping import Shipped, Shipping
from builder.values.verdict import Verdict
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.process import Completed
from envspec.system.progress import Progress


class Backend(Protocol):
    """Carries out plans."""

    name: str

    def available(self) -> str | None:
        """None when it can work here; otherwise why it cannot, in one sentence."""

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
    ) -> Completed:
        """Run a command in the environment, with the payload's code importable."""

    def ship(
        self, environment: Environment, verdict: Verdict, wanted: Shipping, progress: Progress
    ) -> Shipped:
        """Name, write and push what was verified, as far as it was asked for.

        Raises `UsageError` for what this backend cannot do, `OutsideError` when a registry or disk refuses.
        """
