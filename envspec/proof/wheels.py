"""What the wheels of a lock hold, judged before anything is installed: sizes, compiled files, imports."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Mapping

from packaging.utils import canonicalize_name

from envspec.lockfile.lock import Lock
from envspec.proof import size
from envspec.proof.abi.base import BaseFolder, LoaderBase, RootBase
from envspec.proof.abi.judge import judge_compiled, unread_findings
from envspec.proof.abi.packages import NO_SUITE
from envspec.proof.commands import command_findings
from envspec.proof.gpu.findings import target_findings
from envspec.proof.gpu.linking import linking_findings, may_have_cuda
from envspec.proof.imports import process
from envspec.proof.imports.findings import link_findings
from envspec.proof.imports.link import LinkReport
from envspec.proof.imports.process import Job, Member
from envspec.proof.imports.source import LARGEST
from envspec.proof.places import place_findings
from envspec.proof.reading import Shelf
from envspec.resolve.graph import needed
from envspec.spec.model import Spec
from envspec.spec.target import GLIBC
from envspec.supply.core_metadata import WheelMetadata
from envspec.supply.wheel import Wheel
from envspec.system import rules
from envspec.system.finding import Finding
from envspec.system.pattern import matcher
from envspec.system.quoting import shown, shown_path

FROZEN = 0.5
"""Share of the packages of a list of all that is installed that others at least require."""


def prove_wheels(
    spec: Spec, lock: Lock, known: Mapping[str, WheelMetadata], shelf: Shelf, base: BaseFolder
) -> Iterator[Finding]:
    """EV12x and EV13x of compiled files, held against the base, EV14x of imports, EV15x of sizes.

    All wheels of the lock must be on the shelf. Raises `WheelError` for a wheel that must not be installed.
    """
    suite = _suite(lock)
    job = _job(lock, base)
    with contextlib.ExitStack() as stack:
        wheels = {entry.name: stack.enter_context(shelf.open(entry)) for entry in lock.artifact}
        yield from size.size_findings(spec, size.added(spec, lock, wheels))
        yield from place_findings(wheels, matcher(spec.remove.files))
        yield from command_findings(spec, wheels)
        members = tuple(_members(spec, lock, known, wheels, shelf))
        job = dataclasses.replace(job, members=members, wanted=spec.smoke.imports)
        job = dataclasses.replace(job, variables=tuple(spec.variables))
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(1))
        # Hardly a set has a compiled module that cannot be loaded: a large one is linked as if it had none.
        linking = pool.submit(process.linked, job) if process.is_large(job) else None
        read = {entry.name: shelf.compiled(entry, wheels[entry.name]) for entry in lock.artifact}
        compiled = {name: binaries for name, (binaries, _) in read.items()}
        cards = {name: files for name, (_, files) in read.items()}
        yield from target_findings(spec, lock, wheels, compiled, cards)
        loader = job.base
        judgement = judge_compiled(compiled, lock.pins, loader, machine=lock.machine, suite=suite)
        yield from _other_libc(lock, loader)
        yield from judgement.findings
        requires = {member.name: member.requires for member in members}
        yield from linking_findings(spec, lock, compiled, known, wheels, loader, requires=requires)
        if any(compiled.values()):
            yield from unread_findings(compiled, loader, base, suite, cuda=may_have_cuda(spec))
        report = _linked(job, linking, judgement.broken)
        own = {source.name for source in lock.source}  # of which nobody is mistaken for another
        for found in link_findings(report, lock.pins, python=lock.python, suite=suite, hints=judgement.hints):
            if found.rule != rules.LINK_PLACEHOLDER.id or found.where not in own:
                yield found
        yield from _unread(wheels)


def _unread(wheels: Mapping[str, Wheel]) -> Iterator[Finding]:
    """EV143: modules that are taken as they are."""
    for name, wheel in wheels.items():
        large = [entry.name for entry in wheel.entries if entry.name.endswith(".py") and entry.size > LARGEST]
        if large:
            more = f" and {len(large) - 1} more" if len(large) > 1 else ""
            yield rules.LINK_UNREAD.finding(
                f"{name}: {shown_path(large[0])}{more} is larger than {shown(LARGEST)} and was not "
                "read: only verification imports it",
                where=name,
            )


def _linked(
    job: Job, linking: concurrent.futures.Future[LinkReport] | None, broken: Mapping[str, str]
) -> LinkReport:
    told = dataclasses.replace(job, broken=broken)
    if linking is None:
        return told.report()
    report = linking.result()
    return process.linked(told) if report.compiled & broken.keys() else report


def _members(
    spec: Spec,
    lock: Lock,
    known: Mapping[str, WheelMetadata],
    wheels: Mapping[str, Wheel],
    shelf: Shelf,
) -> Iterator[Member]:
    """The packages in install order, each with what it requires as it is taken here."""
    extras: dict[str, frozenset[str]] = {}
    named = [requirement for stage in spec.stage for requirement in stage.requirements]
    for requirement in (*named, *lock.asked(spec).values()):
        name = canonicalize_name(requirement.name)
        extras[name] = extras.get(name, frozenset()) | requirement.extras
    requires: dict[str, frozenset[str]] = {}
    for entry in lock.artifact:
        wanted = needed((entry.name, extras.get(entry.name, frozenset())), known, lock.target)
        requires[entry.name] = frozenset(canonicalize_name(requirement.name) for requirement in wanted)
    asked = _wanted_for_itself(spec, lock, requires)
    for entry in lock.artifact:
        wheel = wheels[entry.name]
        yield Member(
            wheel=shelf.place(entry),
            excerpt=entry.name in shelf.parts,
            name=entry.name,
            size=wheel.python_bytes,
            requires=tuple(sorted(requires[entry.name])),
            requested=entry.name in asked,
        )


def _wanted_for_itself(spec: Spec, lock: Lock, requires: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The packages that somebody wants for themselves: those that the spec names.

    A list of all that is installed somewhere names all of them: there it is those that no other requires.
    """
    named = {name for stage in spec.stage for name in stage.names}
    own = {each.name for each in lock.source}
    brought = frozenset(other for name, others in requires.items() for other in others if other != name)
    listed = requires.keys() <= named | own and len(brought & requires.keys()) > FROZEN * len(requires)
    return frozenset((named - brought if listed else named) | own)


def unread_base(lock: Lock) -> BaseFolder:
    """The base of a lock as far as it is known without asking for it: this machine, or nothing."""
    if lock.base.host:
        return BaseFolder(root=pathlib.Path("/"))
    return BaseFolder(why="nobody looked at it")


def _job(lock: Lock, base: BaseFolder) -> Job:
    """Against what is linked: the base's libraries, or its release's C library alone."""
    if base.root is not None:
        return Job(members=(), python=lock.python, root=str(base.root), complete=base.complete)
    if lock.glibc is None:
        return Job(members=(), python=lock.python, musl=True)
    return Job(members=(), python=lock.python, versions={"GLIBC": ".".join(map(str, lock.glibc))})


def _other_libc(lock: Lock, loader: LoaderBase) -> Iterator[Finding]:
    """EV135: the base was read, and its C library is another than the one that wheels were chosen for."""
    musl = loader.musl if isinstance(loader, RootBase) else None
    if musl is None or musl == (lock.musl is not None):
        return
    has = "musl" if musl else "glibc"
    yield rules.BASE_OTHER_LIBC.finding(
        f"the base stands on {has}, and the lock's wheels are for {lock.target.libc}",
        hint=f'say so, as [base] libc = "{has}", and lock again',
        where="base",
    )


def _suite(lock: Lock) -> str:
    """The Debian suite whose packages hints name: the base's, or the one of the same C library."""
    if lock.glibc is None:
        return NO_SUITE
    same = (suite for suite, glibc in GLIBC.items() if glibc == lock.glibc and suite.isalpha())
    return lock.base.debian or next(same, "bookworm")
