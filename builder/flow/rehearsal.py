"""The rehearsal: the imports of a lock made in an environment that is thrown away, before anything is built.

What reading alone says of imports it says of all Pythons and machines. Where the target can be run on this
machine, trying is surer: what really imports is no error, and what only fails when it runs is found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from builder.backends.virtualenv import BUILDING, VirtualenvBackend
from builder.flow.check import judge_environment
from builder.flow.kept import kept_verdicts
from builder.flow.project import Project
from builder.flow.serving import find_server
from builder.values.copying import collect_copies
from builder.values.payload import collect_payload
from builder.values.plan import Plan, make_plan
from builder.values.tool import result_key
from builder.values.verdict import Verdict
from envspec.lockfile.lock import Lock
from envspec.source.fetch import fetch_locked
from envspec.spec.target import host_target
from envspec.system import rules
from envspec.system.disk import DiskError
from envspec.system.finding import Finding, Severity, must_fix, order_findings
from envspec.system.home import tool_home
from envspec.system.interpreter import known_interpreter
from envspec.system.machine import needs_linux
from envspec.system.progress import Progress
from envspec.system.sandbox import NONE, best_sandbox
from envspec.system.scratch import scratch_folder

_OF_IMPORTS = frozenset(
    rule.id
    for rule in (
        rules.IMPORT_FAILS, rules.CRASH, rules.HANG, rules.HARM, rules.REQUIREMENT_ABSENT,
        rules.DECLARED_IMPORT, rules.DECLARED_ATTRIBUTE, rules.STDLIB_GONE,
        rules.OLD_FINDER, rules.NUMPY_ABI, rules.SYMBOL, rules.NUMPY_LATENT,
        rules.UNLOADABLE, rules.PLACEHOLDER, rules.NAME_GONE, rules.ARGUMENT,
        rules.EXCHANGE_WRONG, rules.EXCHANGE_FAILS, rules.PLUGIN_BREAKS_HOST,
    )
)  # fmt: skip
"""Rules of the judge that speak of what is locked, whatever machine it is tried on."""
_OF_BASES = frozenset(rule.id for rule in (rules.LIBRARY_MISSING, rules.LIBC, rules.PROCESSOR, rules.PROGRAM))
"""Rules that speak of the machine as well: they count where the base is this machine."""


_LABEL = "what is locked"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsal:
    """What trying has shown."""

    findings: tuple[Finding, ...]
    """All that counts, of the proof and of trying."""
    said: str
    """One line: what was tried."""


def hindrance(lock: Lock, *, cards: bool) -> str | None:
    """Why the imports of a lock cannot be tried on this machine, in a few words; None where they can.

    `cards` says that packages of it compute on cards: such gigabytes are read without being fetched whole.
    """
    if cards:
        return "it has packages for cards"
    if (elsewhere := needs_linux("environments are tried on Linux")) is not None:
        return elsewhere
    if best_sandbox().kind == NONE:
        return f"this machine has no sandbox to try them in ({best_sandbox().why})"
    if known_interpreter(lock.python) is None:
        return f"this machine has no Python {lock.python}"
    here = host_target(lock.python)
    foreign = next((each for each in lock.artifact if here.rank(each.installed.file) is None), None)
    if foreign is not None:
        return f"{foreign.installed.file} cannot run on this machine ({here.platform})"
    return None


def rehearse(project: Project, lock: Lock, proof: tuple[Finding, ...], progress: Progress) -> Rehearsal:
    """Try the imports of a lock that nothing hinders; `proof` is what reading has found.

    Raises `OutsideError` and `BuildError` where the environment cannot be made.
    """
    progress.step("try imports")
    doubted = tuple(dict.fromkeys(each.module for each in proof if each.module))
    verdict = _verdict(project, lock, doubted, progress)
    counted = _OF_IMPORTS | (_OF_BASES if lock.base.host else frozenset())
    tried = [
        each
        for each in verdict.findings
        if each.rule in counted and each.severity is not Severity.INFO and _is_new(each, proof)
    ]
    kept = [each for each in proof if not _settled(each, verdict.asked, tried)]
    covered = {each.module for each in kept if each.severity is Severity.ERROR and each.module}
    tried = [each for each in tried if each.where not in covered]
    imports = verdict.counts.get("imports", 0)
    distributions = verdict.counts.get("distributions", 0)
    return Rehearsal(
        findings=order_findings([*kept, *tried]),
        said=f"tried {imports} imports of {distributions} distributions in an environment that is gone again",
    )


def _is_new(found: Finding, proof: Iterable[Finding]) -> bool:
    """Whether reading has told no error of the same kind: that one is mended first, and names both sides."""
    same = {rules.NUMPY_ABI.id: rules.WHEEL_NUMPY.id, rules.PLACEHOLDER.id: rules.LINK_PLACEHOLDER.id}
    return not any(each.rule == same.get(found.rule) and each.severity is Severity.ERROR for each in proof)


def _settled(found: Finding, asked: Mapping[str, bool], tried: Iterable[Finding]) -> bool:
    """Whether nobody needs what reading says of an import: it goes well, or its failure is told."""
    went = asked.get(found.module)
    if went is None:
        return False
    certain = found.severity is Severity.ERROR  # it names both sides, better than the exception does
    return went or (not certain and any(each.where == found.module for each in tried))


def _verdict(project: Project, lock: Lock, doubted: tuple[str, ...], progress: Progress) -> Verdict:
    """The judge's verdict on the environment, made now or known from before."""
    spec = project.spec
    cargo = collect_payload(spec.service, project.folder) if spec.service else None
    copies = collect_copies(spec.copies, project.folder)
    plan = make_plan(spec, lock, cargo, served=find_server(project, lock).words, copies=copies)
    kept, key = kept_verdicts(), _key(project, plan, doubted)
    if (known := kept.get(key)) is not None:
        return known
    fetch_locked(lock, project.sources(progress=progress), project.store, progress)
    with scratch_folder("rehearsal", tool_home() / "environments" / BUILDING) as folder:
        backend = VirtualenvBackend(folder)
        environment = backend.build(plan, project.folder, project.store, progress)
        verdict = judge_environment(
            spec,
            plan,
            backend,
            environment,
            fast=False,
            label=_LABEL,
            besides=doubted,
            progress=progress,
        )
    if not must_fix(verdict.findings):  # a bad one may have a passing cause
        try:
            kept.put(key, verdict)
        except DiskError as error:
            progress.note(f"what was tried is not kept for the next run: {error.message}")
    return verdict


def _key(project: Project, plan: Plan, doubted: tuple[str, ...]) -> str:
    return result_key(
        {
            "rehearsal": plan.packages_digest,
            "python": str(known_interpreter(plan.python)),
            "variables": dict(plan.env),
            "smoke": project.spec.smoke.model_dump(mode="json"),
            "payload": plan.payload.digest if plan.payload else None,
            "copies": [copy.digest for copy in plan.copies],
            "besides": doubted,
        }
    )
