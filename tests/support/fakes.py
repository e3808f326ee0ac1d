"""Stand-ins that do in memory what the real ones do outside."""

import pathlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from builder.backends.port import RemoteSubject
from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.program import PlannedProgram
from builder.values.shipping import Shipped, Shipping
from builder.values.verdict import Verdict
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.process import Completed
from envspec.system.progress import Progress


class Recorder(Progress):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def step(self, title: str) -> None:
        self.said.append(title)

    def note(self, text: str) -> None:
        self.said.append(text)


class FakeBackend:
    """A backend that builds nothing and answers every command with the same words."""

    name = "fake"
    reaches = False

    def __init__(self, *, says: str = "", code: int = 0, missing: str | None = None) -> None:
        self.says = says
        self.code = code
        self.missing = missing
        self.ran: list[tuple[str, ...]] = []

    def available(self) -> str | None:
        return self.missing

    def seek(self, image: str, machine: str, progress: Progress) -> None:
        """Whatever it is, it is there."""

    def build(self, plan: Plan, folder: pathlib.Path, store: Wheelhouse, progress: Progress) -> Environment:
        return environment(digest=plan.digest)

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
        self.ran.append(tuple(command))
        return Completed(command=tuple(command), code=self.code, stdout=self.says, stderr="")

    def subject(self, environment: Environment) -> RemoteSubject:
        return RemoteSubject(backend=self, environment=environment)

    def ship(
        self, environment: Environment, verdict: Verdict, wanted: Shipping, progress: Progress
    ) -> Shipped:
        return Shipped(reference=environment.reference)


def environment(
    digest: str = "sha256:" + "0" * 64, variables: Mapping[str, str] = MappingProxyType({})
) -> Environment:
    """An environment that stands nowhere."""
    return Environment(
        backend="fake",
        reference="nowhere",
        digest=digest,
        python="python",
        payload=None,
        reused=False,
        variables=variables,
    )
