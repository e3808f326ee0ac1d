"""The plan: what a backend has to do, step by step. It knows no engine, no path and no host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import Field

from builder.values.copies import PlannedCopy
from builder.values.gpu import PlannedGpu, meant_cards
from builder.values.payload import Payload
from builder.values.program import PlannedProgram, planned_programs, service_program
from builder.values.stages import InstallStage, planned_stages
from builder.values.variables import expanded
from envspec.lockfile.lock import Lock, LockedBase, LockedModel
from envspec.spec.model import Service, Spec, digest_of
from envspec.spec.part import Part
from envspec.spec.program import MAIN, START_TIMEOUT


class Plan(Part):
    """Everything that decides what an environment will be."""

    name: str
    variant: str | None
    python: str
    """Its line: `3.11`, or `3.14t` for a free-threaded build."""
    patch: int | None = None
    """The one release of that line that is wanted; None where every one will do."""
    machine: str
    glibc: tuple[int, int] | None = None
    musl: tuple[int, int] | None = None
    """Of the two C libraries the base has one, and this is its version."""
    base: LockedBase
    stages: tuple[InstallStage, ...]
    payload: Payload | None
    service: Service | None
    """What the payload's files and models are."""
    lock: str
    """Digest of the lock that the plan was made from."""
    named: tuple[str, ...] = ()
    """Canonical names of the packages that the spec names itself; the doctor has a line for each."""
    sources: tuple[str, ...] = ()
    """Names of the packages that are words of the spec's, or members of their workspaces: no index's."""
    loads: tuple[str, ...] = ()
    """Modules that the service is known to import."""
    compiled: bool = True
    """Whether an image carries what those and small packages load, and the payload, as compiled files."""
    models: tuple[LockedModel, ...] = ()
    """Models that travel with the payload."""
    copies: tuple[PlannedCopy, ...] = ()
    """Files of the spec's folder that travel along, in the spec's order."""
    env: Mapping[str, str] = Field(default_factory=dict)
    """Variables of all that runs in the environment, with `{site}` and `{prefix}` for its places."""
    gpu: PlannedGpu | None = None
    """The cards that it is meant for; None for machines without, and where the spec leaves it open."""
    programs: tuple[PlannedProgram, ...] = ()
    """What is started in it; the main one is what an image starts."""

    @property
    def main(self) -> PlannedProgram | None:
        """The program that an image starts; None where there is none."""
        return self.program(MAIN)

    def program(self, name: str) -> PlannedProgram | None:
        """The program of that name."""
        return next((program for program in self.programs if program.name == name), None)

    @property
    def pins(self) -> dict[str, str]:
        """Version of every package by canonical name."""
        return {wheel.name: wheel.version for stage in self.stages for wheel in stage.wheels}

    @property
    def packages_digest(self) -> str:
        """Digest of everything but the payload: an edit of the payload rebuilds nothing else."""
        return list(self._digests(self.stages))[-1]

    @property
    def lasting_digest(self) -> str:
        """The same without what was built of the spec's own trees, which are edited all day."""
        return list(self._digests([stage for stage in self.stages if not stage.trees]))[-1]

    @property
    def digest(self) -> str:
        """Digest of the whole plan; which files a service includes, its payload tells."""
        payload = self.payload.digest if self.payload else None
        service = self.service.model_dump(mode="json", exclude={"include"}) if self.service else None
        if service and service[START_TIMEOUT] is None:
            service.pop(START_TIMEOUT)
        parts = {"packages": self.packages_digest, "payload": payload, "service": service}
        models = [model.model_dump(mode="json") for model in self.models]
        implied = service_program(self.service) if self.service else None
        programs = [
            program.model_dump(mode="json", exclude_defaults=True)
            for program in self.programs
            if program != implied  # it follows from the service
        ]
        # What most plans do not have is left out, so that theirs keep the digests that they had before.
        more = {
            **({"models": models} if models else {}),
            **({"copies": [copy.digest for copy in self.copies]} if self.copies else {}),
            **({} if self.compiled else {"compiled": False}),
            **({"env": dict(self.env)} if self.env else {}),
            **({"gpu": self.gpu.model_dump(mode="json")} if self.gpu else {}),
            **({"programs": programs} if programs else {}),
        }
        return digest_of({**parts, **more})

    def stage_digests(self) -> Sequence[str]:
        """For each stage the digest of it and all before it: equal digests mean equal environments so far."""
        return list(self._digests(self.stages))[1:]

    def _digests(self, stages: Iterable[InstallStage]) -> Iterator[str]:
        """Of the base, then for each stage of it and all before it."""
        without = {"archive"} if self.base.archive is None else None  # locks older than the key mean the same
        base = self.base.model_dump(mode="json", exclude=without)
        start = {"python": self.python, "machine": self.machine, "base": base}
        digest = digest_of(start if self.patch is None else {**start, "patch": self.patch})
        yield digest
        for stage in stages:
            digest = digest_of({"before": digest, "stage": stage.content})
            yield digest

    def variables(self, prefix: str, program: PlannedProgram | None = None) -> dict[str, str]:
        """What a program, the main one if left out, finds in an environment in the folder `prefix`.

        They are those of `[env]`, and its own over them.
        """
        started = program or self.main
        own = started.variables(prefix, self.python) if started else {}
        return {**expanded(self.env, prefix, self.python), **own}

    def pins_until(self, stage: str) -> Mapping[str, str]:
        """What must be installed once `stage` is done."""
        names = [part.name for part in self.stages]
        done = self.stages[: names.index(stage) + 1]
        return {wheel.name: wheel.version for part in done for wheel in part.wheels}


def make_plan(
    spec: Spec,
    lock: Lock,
    payload: Payload | None = None,
    gpu: PlannedGpu | None = None,
    served: tuple[str, ...] | None = None,
    copies: tuple[PlannedCopy, ...] = (),
) -> Plan:
    """The plan of a locked spec.

    `gpu` is what was proved of the cards that the spec names; left out, the plan knows the cards alone.
    `served` are the words that serve what `[service]` names; left out, they are gunicorn's.
    """
    return Plan(
        name=spec.name,
        variant=lock.variant,
        python=lock.python,
        patch=lock.patch,
        machine=lock.machine,
        glibc=lock.glibc,
        musl=lock.musl,
        base=lock.base,
        stages=planned_stages(spec, lock),
        payload=payload,
        service=spec.service,
        lock=lock.digest,
        named=tuple(sorted(_named(spec, lock) & lock.pins.keys())),
        sources=tuple(source.name for source in lock.source),
        loads=spec.smoke.imports,
        compiled=spec.compile,
        models=lock.models,
        copies=copies,
        env=spec.env,
        gpu=(gpu or meant_cards(spec.target)) if spec.target.gpu else None,
        programs=planned_programs(spec, served),
    )


def _named(spec: Spec, lock: Lock) -> set[str]:
    return {name for stage in spec.stage for name in stage.names} | {source.name for source in lock.source}
