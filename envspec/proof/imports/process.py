"""Linking in a process of its own, while the compiled files of the set are read: its job and its answer."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

from envspec.proof.abi.base import LoaderBase, NamedBase, RootBase
from envspec.proof.imports.link import DEFAULT_INNER_BYTES, Failure, LinkReport, link
from envspec.proof.imports.source import Package
from envspec.proof.imports.values import Fault, SourceLine
from envspec.supply.excerpt import open_excerpt
from envspec.supply.wheel import Wheel
from envspec.system.errors import OutsideError
from envspec.system.process import run_process

LARGE = 8 << 20
"""Bytes of Python from which starting a process is worth its time, about a second of reading."""
PATIENCE = 1800.0
"""Seconds for the process; the largest sets take one minute."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One wheel of the set."""

    wheel: pathlib.Path
    name: str
    """Canonical."""
    size: int = 0
    """Bytes of its Python."""
    requires: tuple[str, ...] = ()
    """Canonical names of what it needs in this environment."""
    requested: bool = False
    excerpt: bool = False
    """Whether there is an excerpt of the wheel in its place."""

    def opened(self) -> Wheel:
        """The wheel, open. Raises `WheelError`."""
        return open_excerpt(self.wheel) if self.excerpt else Wheel(self.wheel)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What is to be linked, and against what."""

    members: tuple[Member, ...]
    """In install order."""
    python: str
    root: str = ""
    """Root folder of the base; empty where only versions are known."""
    complete: bool = True
    """Whether that folder has all of it."""
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Newest version by prefix, such as `{"GLIBC": "2.36"}`."""
    musl: bool = False
    """Whether its C library is musl."""
    broken: Mapping[str, str] = dataclasses.field(default_factory=dict)
    wanted: tuple[str, ...] = ()
    """Modules that must import besides."""
    variables: tuple[str, ...] = ()
    """Variables of the environment that are set besides the usual ones."""
    inner_bytes: int = DEFAULT_INNER_BYTES

    @property
    def base(self) -> LoaderBase:
        """What stands below the wheels."""
        if not self.root:
            return NamedBase(versions=self.versions, musl=self.musl)
        return RootBase(pathlib.Path(self.root), complete=self.complete)

    def report(self) -> LinkReport:
        """Do the work in this process."""
        with contextlib.ExitStack() as stack:
            packages = [
                Package.of_wheel(
                    stack.enter_context(member.opened()),
                    requires=member.requires,
                    requested=member.requested,
                )
                for member in self.members
            ]
            return link(
                packages,
                python=self.python,
                base=self.base,
                broken=self.broken,
                wanted=self.wanted,
                variables=self.variables,
                inner_bytes=self.inner_bytes,
            )


def is_large(job: Job) -> bool:
    """Whether a process of its own is worth it."""
    return sum(member.size for member in job.members) >= LARGE


def linked(job: Job) -> LinkReport:
    """The report, made by another process. Raises `OutsideError` when that dies."""
    done = run_process(
        [sys.executable, "-P", "-m", "envspec.proof.imports.process"],
        input_text=json.dumps(dataclasses.asdict(job), default=str),
        timeout=PATIENCE,
    )
    if not done.ok:
        said = (done.tail or f"the process ended with {done.code}").splitlines()[-1]
        raise done.refusal or OutsideError(
            f"the imports could not be linked: {said}",
            hint="is there memory enough? two gigabytes do for the largest sets",
        )
    return _report(json.loads(done.stdout))


def _job(body: Mapping[str, Any]) -> Job:
    members = tuple(
        Member(**{**member, "wheel": pathlib.Path(member["wheel"]), "requires": tuple(member["requires"])})
        for member in body["members"]
    )
    return Job(
        **{**body, "members": members, "wanted": tuple(body["wanted"]), "variables": tuple(body["variables"])}
    )


def _report(body: Mapping[str, Any]) -> LinkReport:
    failures = tuple(
        Failure(
            **{
                **row,
                "fault": Fault(**{**row["fault"], "where": SourceLine(**row["fault"]["where"])}),
                "chain": tuple(SourceLine(**line) for line in row["chain"]),
            }
        )
        for row in body["failures"]
    )
    return LinkReport(**{**body, "failures": failures, "compiled": frozenset(body["compiled"])})


def main() -> None:
    """Read a job on standard input, write its report on standard output."""
    report = _job(json.load(sys.stdin)).report()
    json.dump(dataclasses.asdict(report) | {"compiled": sorted(report.compiled)}, sys.stdout)


if __name__ == "__main__":
    main()
