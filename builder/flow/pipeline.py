"""The whole flow, phase by phase, each taking what the one before gave: the tool's table of contents.

    load -> lint -> lock -> prove -> plan -> build -> verify -> ship

`run` always gives a report, also of a run that failed; only a spec that means nothing raises.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.metadata
import json
import os
import pathlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from builder.backends.choose import choose
from builder.backends.port import Backend
from builder.report.model import Report, stages_of
from builder.report.source import Source
from builder.values import models, payload
from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.plan import plan as make_plan
from builder.values.request import Request
from builder.values.verdict import Verdict
from envspec.lockfile import lock
from envspec.lockfile.lock import Lock, LockedArchive
from envspec.spec import load
from envspec.spec.lint import lint
from envspec.spec.model import Spec, digest_of
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system import finding
from envspec.system.errors import EnvspecError, FindingsError, OutsideError
from envspec.system.finding import Finding
from envspec.system.home import home, write_atomic
from envspec.system.progress import SILENT, Progress


def run(request: Request, progress: Progress = SILENT) -> Report:
    """Do what the request asks and report it. Raises `SpecError` when the spec means nothing."""
    file = load.find(request.spec)
    spec = load.load(file, request.variant)
    job = Job(request=request, file=file, spec=spec, progress=progress)
    return job.run()


def planned(request: Request, progress: Progress = SILENT) -> Plan:
    """The plan of a spec, locked and proved. Raises what stands in the way."""
    file = load.find(request.spec)
    job = Job(request=request, file=file, spec=load.load(file, request.variant), progress=progress)
    report = job.run()
    if report.failure is not None:
        raise report.failure
    if job.plan is None:
        raise FindingsError("the spec has errors: `envspec check` shows them", report.findings)
    return job.plan


class Job:
    """One run under way: the report grows phase by phase."""

    def __init__(self, *, request: Request, file: pathlib.Path, spec: Spec, progress: Progress) -> None:
        self.request = request
        self.file = file
        self.spec = spec
        self.progress = progress
        self.store = Wheelhouse(home() / "wheelhouse")
        source = Source(file=os.path.relpath(file), text=file.read_text(encoding="utf-8-sig"))
        self.report = Report(name=spec.name, variant=request.variant, source=source)
        self.plan: Plan | None = None

    def run(self) -> Report:
        """The phases in order, until one fails or the last one wanted is done."""
        try:
            self._phases()
        except FindingsError as error:
            self.report = self._add(error.findings, failure=error)
        except EnvspecError as error:
            self.report = self._add((), failure=error)
        return self.report

    def _phases(self) -> None:
        with self._phase("lint"):
            self._lint()
        if self._done("lint"):
            return
        with self._phase("lock"):
            held = self._lock()
        if self._done("lock"):
            return
        with self._phase("prove"):
            self._prove(held)
        if self._done("prove"):
            return
        with self._phase("plan"):
            plan = self.plan = self._plan(held)
        if self._done("plan"):
            return
        with self._phase("build"):
            backend, environment = self._build(plan, held)
        if self._done("build"):
            return
        with self._phase("verify"):
            verdict = self._verify(plan, backend, environment)
        if self._done("verify") or finding.must_fix(self.report.findings):
            return
        with self._phase("ship"):
            self._ship(backend, environment, verdict)

    @contextlib.contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        self.report = dataclasses.replace(self.report, phase=name)
        try:
            yield
        finally:
            seconds = {**self.report.seconds, name: round(time.monotonic() - began, 3)}
            self.report = dataclasses.replace(self.report, seconds=seconds)

    def _done(self, phase: str) -> bool:
        return self.request.stop_after == phase

    def _add(self, found: tuple[Finding, ...], **changes: Any) -> Report:
        return self.report.having(*(finding.strict(found) if self.request.strict else found), **changes)

    def _stop_if_must_fix(self, what: str) -> None:
        if finding.must_fix(self.report.findings):
            raise FindingsError(what, (), hint="nothing was installed; fix the errors above first")

    def _lint(self) -> None:
        self.report = self._add(lint(self.spec))
        self._stop_if_must_fix("the spec has errors")

    def _lock(self) -> Lock:
        place = lock.lock_file(self.file, self.request.variant)
        held = there = lock.read(place)
        fresh = held is None or not held.fits(self.spec) or self.request.upgrade
        if held is None or fresh:
            if self.request.locked:
                state = "is missing" if held is None else "was made from another spec"
                raise FindingsError(
                    f"the lock {place.name} {state}", (), hint="run `envspec lock` and commit what it writes"
                )
            held = self._with_archive(self._with_debian(self._resolve()))
        held = models.settled(
            held, self.spec.service, self.file.parent, fresh=fresh, may_add=not self.request.locked
        )
        if fresh or held != there:
            lock.write(place, held)
            self.report = dataclasses.replace(self.report, files=(*self.report.files, str(place)))
        self.report = dataclasses.replace(self.report, lock=held.digest)
        return held

    def _resolve(self) -> Lock:
        from envspec.resolve.resolver import resolve

        return resolve(
            self.spec,
            self._sources(),
            self.store,
            resolver=self.request.resolver,
            variant=self.request.variant,
            image_digest=self._image_digest(),
            progress=self.progress,
        )

    def _with_debian(self, held: Lock) -> Lock:
        """The lock with the packages of its Debian base, where an archive can tell them."""
        if held.base.debian is None:
            return held
        from builder.debian.locked import resolve_packages
        from builder.debian.mirrors import archive_pockets
        from builder.debian.request import debian_request
        from builder.oci.store.network import Network
        from envspec.supply.pip_settings import machine

        wanted = debian_request(held)
        try:
            network = Network(machine(), offline=self.request.offline)
            packages = resolve_packages(wanted, archive_pockets(wanted.suite), network)
        except OutsideError as error:
            self.progress.note(f"the Debian base is not locked: {error.message}")
            return held
        return held.model_copy(update={"base": held.base.model_copy(update={"packages": packages})})

    def _with_archive(self, held: Lock) -> Lock:
        """The lock with the digest of the image on disk, where the spec names one."""
        if self.spec.base.archive is None:
            return held
        from builder.oci.image import saved

        path = self.spec.base.archive
        archive = LockedArchive(path=path, sha256=saved.sha256(self.file.parent / path))
        return held.model_copy(update={"base": held.base.model_copy(update={"archive": archive})})

    def _image_digest(self) -> str | None:
        """Digest of the base image, where an engine knows it."""
        if self.spec.image is None:
            return None
        from builder.backends.docker.base import registry_digest
        from builder.backends.docker.engine import Engine

        with contextlib.suppress(EnvspecError):
            return registry_digest(Engine(), self.spec.image)
        return None

    def _sources(self) -> Any:
        from envspec.supply.pip_settings import machine
        from envspec.supply.sources import Sources

        return Sources(self.spec, machine(), offline=self.request.offline).within(self.file.parent)

    def _prove(self, held: Lock) -> None:
        kept = Kept("proof", proof_depends(self.spec, held))
        facts = None if self.request.fresh else kept.read()
        if facts is None:
            from envspec.proof.prove import prove

            found = prove(self.spec, held, self._sources(), self.store, self.progress)
            kept.write({"findings": [each.as_dict() for each in found]})
        else:
            found = tuple(map(Finding.from_dict, facts["findings"]))
        self.report = self._add(found)
        self._stop_if_must_fix("the proof found errors")

    def _plan(self, held: Lock) -> Plan:
        cargo = payload.collect(self.spec.service, self.file.parent) if self.spec.service else None
        plan = make_plan(self.spec, held, cargo)
        self.report = dataclasses.replace(self.report, plan=plan.digest, stages=stages_of(plan))
        if self.request.report is not None:
            from builder.image.sbom import sbom

            self.report = dataclasses.replace(self.report, attachments={"sbom.cdx.json": sbom(plan)})
        return plan

    def _build(self, plan: Plan, held: Lock) -> tuple[Backend, Environment]:
        backend = choose(self.request, plan)
        self._fetch(held)
        environment = backend.build(plan, self.file.parent, self.store, self.progress)
        self.report = dataclasses.replace(self.report, environment=environment)
        return backend, environment

    def _fetch(self, held: Lock) -> None:
        if all(self.store.has(artifact.installed) for artifact in held.artifact):
            return
        from envspec.supply.fetch import fetch

        fetch(held, self._sources(), self.store, self.progress)

    def _verify(self, plan: Plan, backend: Backend, environment: Environment) -> Verdict:
        verdict = self._judged(plan, backend, environment)
        tried, facts = self._tried(plan, backend, environment)
        self.report = self._add((*verdict.findings, *tried), verdict=verdict, trial=facts)
        return verdict

    def _judged(self, plan: Plan, backend: Backend, environment: Environment) -> Verdict:
        """The judge's verdict: it never sees the payload, so that an edit of that asks for no new one."""
        kept = Kept(
            "verdict",
            {
                "contents": environment.contents or [plan.digest, environment.reference],
                "backend": environment.backend,
                "variables": dict(environment.variables),
                "smoke": self.spec.smoke.model_dump(mode="json"),
                "fast": self.request.fast,
            },
        )
        known = bool(environment.contents) or environment.reused
        facts = kept.read() if known and not self.request.fresh else None
        if facts is not None:
            return dataclasses.replace(Verdict.from_dict(facts), target=environment.reference)
        from builder.flow.check import judged

        verdict = judged(
            self.spec, plan, backend, environment, fast=self.request.fast, progress=self.progress
        )
        if not finding.must_fix(verdict.findings):  # a bad verdict may have a passing cause: never reused
            kept.write(verdict.as_dict())
        return verdict

    def _tried(
        self, plan: Plan, backend: Backend, environment: Environment
    ) -> tuple[tuple[Finding, ...], Mapping[str, Any] | None]:
        """The findings and the facts of the payload's trial."""
        kept = Kept(
            "trial",
            {"plan": plan.digest, "backend": environment.backend, "reference": environment.reference},
        )
        facts = kept.read() if environment.reused and not self.request.fresh else None
        if facts is not None:
            return tuple(map(Finding.from_dict, facts["findings"])), facts["trial"]
        from builder.flow.check import tried

        trial = tried(self.spec, backend, environment, self.progress)
        if not finding.must_fix(trial.findings):
            kept.write({"findings": [each.as_dict() for each in trial.findings], "trial": trial.facts})
        return trial.findings, trial.facts

    def _ship(self, backend: Backend, environment: Environment, verdict: Verdict) -> None:
        done = backend.ship(environment, verdict, self.request.shipping, self.progress)
        self.report = dataclasses.replace(
            self.report,
            environment=dataclasses.replace(environment, reference=done.reference),
            files=(*self.report.files, *done.files),
            said=(*self.report.said, *done.said),
        )


def proof_depends(spec: Spec, held: Lock) -> dict[str, Any]:
    """All that a proof depends on; on a base that is this machine also the libraries that it has."""
    libraries = pathlib.Path("/etc/ld.so.cache")
    return {
        "lock": held.digest,
        "spec": spec.digest,
        "budget": spec.base.budget,
        "trim": spec.remove.files,
        "smoke": spec.smoke.imports,
        "variables": sorted(spec.service.env) if spec.service else [],
        "libraries": libraries.stat().st_mtime_ns if held.base.host and libraries.exists() else None,
    }


@functools.cache
def _tool() -> tuple[str, int]:
    """The tool's version, and when its code last changed (ns): what an earlier one found out may be wrong."""
    folders = [pathlib.Path(__file__).parents[1], pathlib.Path(load.__file__).parents[1]]
    edited = max(file.stat().st_mtime_ns for folder in folders for file in folder.rglob("*.py"))
    return importlib.metadata.version("envspec"), edited


class Kept:
    """Facts found before, below the tool's home, by all that they depend on and by the tool itself."""

    def __init__(self, kind: str, depends: Mapping[str, Any]) -> None:
        key = digest_of({**depends, "tool": _tool()}).removeprefix("sha256:")
        self._file = home() / kind / f"{key}.json"

    def read(self) -> dict[str, Any] | None:
        """The facts; None when there are none, or when what is there cannot be read."""
        try:
            facts: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return facts if isinstance(facts, dict) else None

    def write(self, facts: Mapping[str, Any]) -> None:
        """Keep them."""
        write_atomic(self._file, json.dumps(facts))
