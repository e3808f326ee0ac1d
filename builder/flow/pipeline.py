"""The whole flow, phase by phase, each taking what the one before gave: the tool's table of contents.

    load -> lint -> lock -> prove -> plan -> build -> verify -> ship

`run_pipeline` always gives a report, also of a run that failed; only a spec that means nothing raises.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from builder.backends.choose import choose_backend
from builder.backends.port import Backend
from builder.flow.base import read_base
from builder.flow.in_place import with_trees_in_place
from builder.flow.kept import kept_proofs, kept_trials, kept_verdicts, proof_depends, trial_depends
from builder.flow.locking import lock_phase
from builder.flow.project import Project, open_project
from builder.flow.remade import Heard, build_key, built_of, kept_builds, remade
from builder.flow.run import Run, already_made
from builder.flow.serving import find_server
from builder.image.placing import check_places
from builder.report.model import Report, copies_of, stages_of
from builder.report.source import Source
from builder.values.copying import collect_copies
from builder.values.environment import Environment
from builder.values.gpu import planned_gpu
from builder.values.left_out import judge_left_out, judge_unplaced
from builder.values.payload import collect_payload
from builder.values.plan import Plan, make_plan
from builder.values.request import Request
from builder.values.tool import result_key
from builder.values.verdict import Verdict
from envspec.lockfile.lock import Lock
from envspec.spec.lint import lint_spec
from envspec.spec.load import LIMIT, find_spec, parse_spec
from envspec.supply.facts import FactStore
from envspec.system import rules
from envspec.system.disk import DiskError
from envspec.system.errors import BuildError, EnvspecError, FindingsError, OutsideError, SpoiledError
from envspec.system.finding import Finding, Severity, must_fix
from envspec.system.home import refused, tool_home
from envspec.system.kept import Kept
from envspec.system.progress import SILENT, Progress
from envspec.system.quoting import listed
from envspec.system.reading import read_text
from envspec.system.runs import under_way
from envspec.system.sweeping import sweep_home

if TYPE_CHECKING:
    from envspec.proof.gpu.served import GpuProof

_Value = TypeVar("_Value")


def run_pipeline(request: Request, progress: Progress = SILENT) -> Report:
    """Do what the request asks and report it. Raises `SpecError` when the spec means nothing."""
    return run_request(request, progress).report


def run_request(request: Request, progress: Progress = SILENT) -> Run:
    """As `run_pipeline`, with all that came of the run."""
    return _carry_out(_begin(request, progress))


def build_environment(request: Request, progress: Progress = SILENT) -> tuple[Report, Plan | None]:
    """Build what the request asks for; the report, and the plan where the run came to one."""
    run = _carry_out(_begin(dataclasses.replace(request, stop_after="build"), progress))
    return run.report, run.plan


def plan_spec(request: Request, progress: Progress = SILENT) -> Plan:
    """The plan of a spec, locked and proved. Raises what stands in the way."""
    run = _carry_out(_begin(dataclasses.replace(request, stop_after="plan"), progress))
    if run.report.failure is not None:
        raise run.report.failure
    return already_made(run.plan)


def prove_proposal(request: Request, text: str, before: Lock | None, progress: Progress = SILENT) -> Run:
    """The run of a text that the spec could have, with the versions of a lock kept: it writes nothing.

    Raises `SpecError` when it means nothing.
    """
    file = find_spec(request.spec)
    spec = parse_spec(text, name=str(file), variant=request.variant)
    proposed = Project(
        file=file,
        spec=spec,
        variant=request.variant,
        offline=request.offline,
        text=text,
        proposed=True,
        before=before,
    )
    return _carry_out(_of(proposed, request, progress))


def _begin(request: Request, progress: Progress) -> Run:
    return _of(open_project(request.spec, request.variant, offline=request.offline), request, progress)


def _of(project: Project, request: Request, progress: Progress) -> Run:
    for note in project.draft.notes if project.draft is not None else ():
        progress.note(note)
    text = read_text(project.file, LIMIT) if project.text is None else project.text
    source = Source(file=os.path.relpath(project.file), text=text, described=project.described_lines)
    report = Report(name=project.spec.name, variant=request.variant, source=source)
    return Run(request=request, project=project, progress=progress, report=report)


def _carry_out(run: Run) -> Run:
    """The phases in order, until one fails, finds what must be fixed, or is the last one wanted.

    Where only its use shows that something kept is damaged, it is gone by then, and the phase that makes it
    comes once more: the build for itself and all that stand on it.
    """
    sweep_home()
    with under_way():
        return _phase_by_phase(run)


def _phase_by_phase(run: Run) -> Run:
    before: list[Run] = []
    spoiled: set[str] = set()
    while len(before) < len(FLOW):
        name, phase = FLOW[len(before)]
        before.append(run)
        began = time.monotonic()
        run = run.reporting(phase=name)
        try:
            with run.project.placing():
                run = phase(run)
        except SpoiledError as error:
            if error.what not in spoiled:
                spoiled.add(error.what)
                again = min(len(before) - 1, [name for name, _ in FLOW].index("build"))
                run = before[again]
                del before[again:]
                continue
            run = run.reporting(failure=error)
        except FindingsError as error:
            run = run.reporting(*error.findings, failure=error)
        except EnvspecError as error:
            run = run.reporting(failure=error)
        except (OSError, MemoryError, RuntimeError, ImportError) as error:
            if (failure := refused(error)) is None:
                raise
            run = run.reporting(failure=failure)
        seconds = {**run.report.seconds, name: round(time.monotonic() - began, 3)}
        run = run.reporting(seconds=seconds)
        if not run.report.sound or run.request.stop_after == name:
            break
    return run


def lint_phase(run: Run) -> Run:
    """What is wrong with the spec itself."""
    return _refused(run.reporting(*lint_spec(run.project.spec)), "the spec has errors")


def prove_phase(run: Run) -> Run:
    """What can be proved of the lock without installing it; a proof that was made before is found again."""
    anew = run.request.fresh or _cards_unknown(run)
    findings = None if anew else kept_proofs().get(_proof_key(run, base_read=True))
    found = _proved(run, anew=anew) if findings is None else findings
    serving = find_server(run.project, already_made(run.lock))
    run = dataclasses.replace(run, served=serving.words)
    run = _rehearsed(run.reporting(gpu=_gpu_proof(run)), (*found, *serving.findings))
    return _refused(run, "the proof found errors")


def _rehearsed(run: Run, found: tuple[Finding, ...]) -> Run:
    """The run with what the proof has found, and with what trying shows where that was asked for.

    An error of the proof that trying would decide is tried in any case: it may stop a build only if it is so.
    """
    errors = [each for each in found if each.severity is Severity.ERROR]
    decisive = bool(errors) and all(each.module for each in errors)
    if not decisive and (errors or not run.request.rehearse):
        return run.reporting(*found)
    from builder.flow.rehearsal import hindrance, rehearse

    lock = already_made(run.lock)
    if (why := hindrance(lock, cards=bool(run.report.gpu and run.report.gpu.rows))) is not None:
        return run.reporting(*found, *_not_tried(run, why))
    try:
        tried = rehearse(run.project, lock, found, run.progress)
    except DiskError:
        raise
    except OutsideError as error:  # what was proved before may have been fetched before, and be gone
        return run.reporting(*found, *_not_tried(run, error.message))
    except BuildError as error:
        return run.reporting(*found, *_not_tried(run, error.message, severity=Severity.WARNING))
    return run.reporting(*tried.findings, said=(*run.report.said, tried.said))


def _not_tried(run: Run, why: str, *, severity: Severity = Severity.INFO) -> list[Finding]:
    """That trying was asked for and could not be, with the reason."""
    message = f"the imports were read, and not tried: {why}"
    said = rules.NOT_TRIED.finding(message, severity=severity)
    return [said] if run.request.rehearse else []


def _gpu_proof(run: Run) -> GpuProof | None:
    """What of the lock serves which card, by facts that a proof has left."""
    from envspec.proof.gpu.served import known_gpu_proof

    return known_gpu_proof(run.project.spec, already_made(run.lock), FactStore(tool_home() / "facts"))


def _cards_unknown(run: Run) -> bool:
    """Whether cards are meant, and what serves them was forgotten since the proof: an image says it."""
    return bool(run.project.spec.target.gpu) and _gpu_proof(run) is None


def _proved(run: Run, *, anew: bool) -> tuple[Finding, ...]:
    """The proof, made now. One that went without the base serves until that is here, or is asked for anew."""
    project, lock, kept = run.project, already_made(run.lock), kept_proofs()
    without = None if anew else kept.get(_proof_key(run, base_read=False))
    if without is not None and read_base(dataclasses.replace(project, offline=True), lock).root is None:
        return without  # a registry that does not answer is waited for once
    from envspec.proof.prove import prove_lock  # it takes a second to load

    with concurrent.futures.ThreadPoolExecutor(1) as pool:  # it is fetched while wheels are
        reading = pool.submit(read_base, project, lock, run.progress)
        found = prove_lock(
            project.spec, lock, project.sources(), project.store, run.progress, base=reading.result
        )
        key = _proof_key(run, base_read=reading.result().root is not None)
    _keep("proof", kept, key, found, run.progress)
    return found


def _proof_key(run: Run, *, base_read: bool) -> str:
    return result_key(proof_depends(run.project.spec, already_made(run.lock), base_read=base_read))


def _refused(run: Run, what: str) -> Run:
    """The run, failed where its findings keep it from being built, with the rules that say so."""
    if not must_fix(run.report.findings):
        return run
    found = Counter(each.rule for each in run.report.findings if must_fix((each,)))
    rules = [f"{rule} ({count}×)" if count > 1 else rule for rule, count in found.items()]
    hint = "nothing was installed; fix the errors first"
    return run.reporting(failure=FindingsError(f"{what}: {listed(rules)}", (), hint=hint))


def plan_phase(run: Run) -> Run:
    """What a backend has to do."""
    project = run.project
    payload = collect_payload(project.spec.service, project.folder) if project.spec.service else None
    copies = collect_copies(project.spec.copies, project.folder)
    gpu = planned_gpu(run.report.gpu)
    plan = make_plan(project.spec, already_made(run.lock), payload, gpu, run.served, copies)
    check_places(plan.copies, plan.payload, [model.name for model in plan.models])
    left_out = judge_left_out(plan, project.folder)
    made = {"plan": plan.digest, "stages": stages_of(plan), "copies": copies_of(plan)}
    run = dataclasses.replace(run.reporting(*left_out, **made), plan=plan)
    if run.request.report is None:
        return run
    from builder.image.bill import bill_of, bill_text

    return run.reporting(attachments={"sbom.cdx.json": bill_text(bill_of(plan))})


def build_phase(run: Run) -> Run:
    """The environment, built or found by the backend that was asked for."""
    plan = already_made(run.plan)
    backend = choose_backend(run.request, plan.base)
    if backend.name == "virtualenv":
        run = run.reporting(*judge_unplaced(plan))
    _fetch(run)
    if backend.name == "virtualenv":
        plan = with_trees_in_place(run)
    heard = Heard(run.progress)
    environment = backend.build(plan, run.project.folder, run.project.store, heard)
    run = run.reporting(
        environment=environment, said=(*run.report.said, *_remade(run, plan, backend, environment, heard))
    )
    return dataclasses.replace(run, backend=backend, environment=environment)


def _remade(
    run: Run, plan: Plan, backend: Backend, environment: Environment, heard: Heard
) -> tuple[str, ...]:
    """What the build says of what it made anew, where something of that spec was built before."""
    kept, key = kept_builds(), build_key(run.project.file, run.project.variant, backend.name)
    before, now = kept.get(key), built_of(plan)
    if before != now:
        _keep("build", kept, key, now, run.progress)
    if before is None or before == now or environment.reused:
        return ()
    return (remade(before, now, heard.titles),)


def _fetch(run: Run) -> None:
    """Bring what is missing of the lock into the wheelhouse."""
    lock, store = already_made(run.lock), run.project.store
    if all(store.has(artifact.installed) for artifact in lock.artifact):
        return
    from envspec.source.fetch import fetch_locked

    fetch_locked(lock, run.project.sources(progress=run.progress), store, run.progress)


def verify_phase(run: Run) -> Run:
    """The judge's verdict on the environment, and the trial of its programs."""
    verdict = _judged(run, already_made(run.plan), already_made(run.backend), already_made(run.environment))
    findings, facts = _tried(
        run, already_made(run.plan), already_made(run.backend), already_made(run.environment)
    )
    run = run.reporting(*verdict.findings, *findings, verdict=verdict, trials=facts)
    return dataclasses.replace(run, verdict=verdict)


def _judged(run: Run, plan: Plan, backend: Backend, environment: Environment) -> Verdict:
    """The judge's verdict: it never sees the payload, so that an edit of that asks for no new one."""
    spec, fast = run.project.spec, run.request.fast
    kept = kept_verdicts()
    key = result_key(
        {
            "contents": environment.contents or [plan.digest, environment.reference],
            "backend": environment.backend,
            "variables": dict(environment.variables),
            "smoke": spec.smoke.model_dump(mode="json"),
            "fast": fast,
            **({} if plan.patch is None else {"patch": plan.patch}),
            **({"copies": [copy.digest for copy in plan.copies]} if plan.copies else {}),
        }
    )
    known = bool(environment.contents) or environment.reused
    found = kept.get(key) if known and not run.request.fresh else None
    if found is not None:
        return dataclasses.replace(found, target=environment.reference)
    from builder.flow.check import judge_environment

    verdict = judge_environment(spec, plan, backend, environment, fast=fast, progress=run.progress)
    if not must_fix(verdict.findings):  # a bad verdict may have a passing cause: never reused
        _keep("verdict", kept, key, verdict, run.progress)
    return verdict


def _tried(
    run: Run, plan: Plan, backend: Backend, environment: Environment
) -> tuple[tuple[Finding, ...], dict[str, dict[str, Any]]]:
    """The findings and the facts of the trial of each program."""
    kept = kept_trials()
    key = result_key(trial_depends(run.project.spec, plan, environment, offline=run.request.offline))
    found = kept.get(key) if environment.reused and not run.request.fresh else None
    if found is not None:
        return found
    from builder.flow.check import try_environment

    online = not run.request.offline
    trial = try_environment(run.project.spec, plan, backend, environment, run.progress, online=online)
    found = trial.findings, {name: dict(facts) for name, facts in trial.facts.items()}
    if not must_fix(trial.findings):
        _keep("trial", kept, key, found, run.progress)
    return found


def _keep(what: str, kept: Kept[_Value], key: str, value: _Value, progress: Progress) -> None:
    """Keep for the next run what a phase found, if that can be: without it that one only takes longer."""
    try:
        kept.put(key, value)
    except DiskError as error:
        progress.note(f"the {what} is not kept for the next run: {error.message}")


def ship_phase(run: Run) -> Run:
    """The verified environment named, written and pushed, as far as that was asked for."""
    environment = already_made(run.environment)
    shipped = already_made(run.backend).ship(
        environment, already_made(run.verdict), run.request.shipping, run.progress
    )
    run = run.reporting(
        environment=dataclasses.replace(environment, reference=shipped.reference),
        files=(*run.report.files, *shipped.files),
        said=(*run.report.said, *shipped.said),
    )
    return dataclasses.replace(run, shipped=shipped)


Phase = Callable[[Run], Run]
"""Takes the run on by one step. Raises `EnvspecError` where that cannot be."""

FLOW: tuple[tuple[str, Phase], ...] = (
    ("lint", lint_phase),
    ("lock", lock_phase),
    ("prove", prove_phase),
    ("plan", plan_phase),
    ("build", build_phase),
    ("verify", verify_phase),
    ("ship", ship_phase),
)
"""The phases in order, by the names that `builder.report.model.PHASES` gives them."""
