"""Judges imports: one finding a root cause, with the modules it takes down counted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from packaging.utils import canonicalize_name

from builder.inside.probe import report
from builder.judge.facts import Distribution, Facts, ImportFault, Outcome
from builder.judge.rules import threads
from builder.judge.rules.absences import cause_of_absence, cause_of_demand, missing_module
from builder.judge.rules.paths import shortened
from builder.judge.rules.roles import Role, roles
from builder.judge.rules.symptoms import ENDS, SYMPTOMS, Cause, FailedImport, first_cause
from builder.judge.rules.together import together
from envspec.spec.model import Smoke
from envspec.system import rules
from envspec.system.finding import Finding, Severity
from envspec.system.quoting import listed, quoted_output

MISTAKES = ("AttributeError", "NameError", "TypeError", "ValueError")
"""Exceptions of code that does not fit what it calls, as opposed to code that lacks something or refuses."""
SHOWN = 6
"""How many modules a finding names; the others are counted."""
NO_DOOR: report.Door = {"dist": "", "command": ""}
CIRCULAR = re.compile(r"partially initialized module|circular import")


def judge_imports(facts: Facts, smoke: Smoke) -> Iterator[Finding]:
    """Findings about every import that failed or did more than it should."""
    role_of = roles(facts, smoke)
    causes: dict[tuple[str, str, str], list[tuple[Cause, Outcome]]] = {}
    tried = [(each, role_of(each.module)) for each in facts.imports]
    tried += [(each, role_of(root)) for root, each in facts.lazy() if _is_mistake(each)]
    for outcome, role in tried:
        if outcome.late or not outcome.failed:
            continue
        cause = _cause(FailedImport(outcome=outcome, role=role, facts=facts))
        if cause is not None:
            # Wherever it is looked for, a module that is gone is one cause.
            place = "" if cause.rule is rules.STDLIB_GONE else cause.place
            key = (cause.rule.id, cause.what, place)
            causes.setdefault(key, []).append((cause, outcome))
    for group in causes.values():
        yield _finding(group, facts)
    yield from _unfinished(facts)
    for outcome in facts.imports:
        yield from _manners(outcome, role_of(outcome.module), facts)
    yield from _noises(facts)


def _is_mistake(outcome: Outcome) -> bool:
    """Whether what fails behind a public name does not fit; others say what they lack."""
    root = outcome.root
    if root is None or not root.frames or root.frames[-1][2] == "__getattr__":
        return False  # the package promises a name that it does not have: nobody else's fault
    missing = root is not None and root.type == "ImportError" and "cannot import name" in root.message
    return missing or (root is not None and root.isa(*MISTAKES) and not root.isa("ImportError"))


def _finding(group: list[tuple[Cause, Outcome]], facts: Facts) -> Finding:
    cause, first = min(group, key=lambda pair: _nearness(pair, facts))
    severity = min((each.severity for each, _ in group), key=lambda each: each.rank)
    taken = {each.module for _, each in group}
    if severity is Severity.WARNING and (_takes_surface(cause, taken, facts) or _spreads(group, facts)):
        severity = Severity.ERROR
    others = sorted({outcome.module for _, outcome in group} - {first.module})
    message = f"{first.module}: {cause.what}"
    if cause.place:
        message += f" ({quoted_output(shortened(cause.place, facts))})"
    if others:
        named = ", ".join(others[:SHOWN]) + (", ..." if len(others) > SHOWN else "")
        message += f"; takes down {len(others)} more: {named}"
    doors = facts.raw["doors"]
    commands = sorted(command for module in taken if (command := doors.get(module, NO_DOOR)["command"]))
    if commands and cause.rule is not rules.OPTIONAL:
        message += f"; {listed([f'`{command}`' for command in commands[:SHOWN]])} cannot start"
    between = [each.key for each in met(first, facts)]
    if cause.rule in (rules.NUMPY_ABI, rules.NUMPY_LATENT) and "numpy" in facts.by_name():
        between = [*(each for each in between if each != "numpy"), "numpy"]
    between += [cause.lacks] if cause.lacks else []
    return cause.rule.finding(
        message,
        hint=cause.hint,
        where=first.module,
        module=first.module,
        between=between,
        lacks=_lacks(first.root) if first.root is not None and _is_last(first.root, between, facts) else "",
        also=others,
        severity=severity,
    )


def met(outcome: Outcome, facts: Facts) -> tuple[Distribution, ...]:
    """The distributions that met where an import failed: the last is the one that something is missed in."""
    owners = [facts.owner(outcome.module)]
    for file, _, _ in outcome.error.frames if outcome.error is not None else ():
        owners.append(facts.owner_of_file(file))
    return _each_once([*owners, *(_met_at(outcome.root, facts) if outcome.root is not None else ())])


def _met_at(fault: ImportFault, facts: Facts) -> tuple[Distribution, ...]:
    """Those whose code was running, and the one that was named."""
    owners = [facts.owner_of_file(file) for file, _, _ in fault.frames]
    return _each_once([*owners, _missed_in(fault, facts)])


_LACKS = (
    re.compile(r"cannot import name '(?P<name>\w+)' from (?:[\w ]+ )?'(?P<module>[\w.]+)'"),
    re.compile(r"module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'"),
    re.compile(r"No module named '(?P<module>[\w.]+)'(?P<name>)"),
)
"""How Python tells what is not there."""


def _lacks(fault: ImportFault) -> str:
    """The dotted name that is missed; empty where the exception tells none."""
    found = next(filter(None, (pattern.search(fault.message) for pattern in _LACKS)), None)
    return ".".join(filter(None, (found["module"], found["name"]))) if found is not None else ""


def _is_last(fault: ImportFault, between: Sequence[str], facts: Facts) -> bool:
    """Whether the distribution that the fault names is the last of some."""
    named = _missed_in(fault, facts)
    return named is not None and len(between) > 1 and named.key == between[-1]


def _each_once(owners: Iterable[Distribution | None]) -> tuple[Distribution, ...]:
    """Each where it stands last."""
    found: dict[str, Distribution] = {}
    for owner in owners:
        if owner is not None:
            found.pop(owner.key, None)
            found[owner.key] = owner
    return tuple(found.values())


def _missed_in(fault: ImportFault, facts: Facts) -> Distribution | None:
    """The distribution that a failing import or attribute names as the one that does not have it."""
    mentioned = re.search(r"module '([\w.]+)'", fault.message)
    named = [fault.holder, fault.name if fault.isa("ImportError") else "", mentioned[1] if mentioned else ""]
    return next((owner for each in named if each and (owner := facts.owner(each)) is not None), None)


def _takes_surface(cause: Cause, modules: set[str], facts: Facts) -> bool:
    """Whether these modules are what a package with an empty `__init__` is installed for.

    That is the module that bears its name, or half of its modules; of what surely fails, a quarter.
    """
    share = 0.25 if cause.rule in (rules.LIBRARY_MISSING, rules.STDLIB_GONE) else 0.5
    for root, surface in facts.raw["surface"].items():
        owner = facts.owner(root)
        if owner is None or not facts.is_wanted(owner):
            continue
        taken = modules.intersection(surface)
        named = cause.rule is not rules.OPTIONAL and f"{root}.{root.rpartition('.')[2]}" in taken
        if named or len(taken) >= share * len(surface):
            return True
    return False


def _spreads(group: list[tuple[Cause, Outcome]], facts: Facts) -> bool:
    """Whether a name that one distribution misses in another takes down a third, which requires the first."""
    if not any(_misses_name(outcome) for _, outcome in group):
        return False
    met = [owner for _, each in group if (owner := facts.owner(each.module)) and each.module in owner.roots]
    keys = {owner.key for owner in met}
    return any(canonicalize_name(each.name) in keys - {owner.key} for owner in met for each in owner.requires)


def _misses_name(outcome: Outcome) -> bool:
    """Whether an import ended because a module that is there lacks a name."""
    fault = outcome.root
    if fault is None or fault.isa("ModuleNotFoundError"):
        return False
    return fault.isa("ImportError", "AttributeError")


def _nearness(pair: tuple[Cause, Outcome], facts: Facts) -> tuple[bool, int, str]:
    """The module whose own distribution holds the faulty place comes first, then the shortest name."""
    cause, outcome = pair
    owner = facts.owner_of_file(cause.place.rpartition(":")[0])
    own = facts.owner(outcome.module)
    return (owner is None or own is None or owner.key != own.key, outcome.module.count("."), outcome.module)


def _cause(failed: FailedImport) -> Cause | None:
    """Why an import failed; None where it does no harm."""
    if (stopped := _stopped_command(failed)) is not None:
        return stopped
    if not failed.faults:
        return first_cause(ENDS, failed)
    if (known := first_cause(SYMPTOMS, failed)) is not None:
        return known
    if (fault := missing_module(failed)) is not None:
        return cause_of_absence(failed, fault)
    if (asks := cause_of_demand(failed)) is not None:
        return asks
    if CIRCULAR.search(failed.text) and failed.role.is_inner:
        return None
    root = failed.faults[0]
    mistaken = failed.role is Role.SURFACE and (root.type in MISTAKES or _is_torn(failed))
    return Cause(
        rule=rules.IMPORT_FAILS,
        severity=Severity.ERROR if failed.role.is_wanted or mistaken else Severity.WARNING,
        what=failed.said,
        place=root.place,
        hint=_versions(root, failed.facts),
    )


def _stopped_command(failed: FailedImport) -> Cause | None:
    """Why a command ends where it is only imported: it says what it lacks, or it runs at once."""
    outcome = failed.outcome
    left = bool(failed.faults) and failed.faults[1].isa("SystemExit")
    if failed.role is not Role.COMMAND or not (left or outcome.exit is not None or outcome.timeout):
        return None
    words = failed.faults[1].message if left else outcome.output
    said = quoted_output(words).strip().splitlines()
    return Cause(
        rule=rules.OPTIONAL,
        severity=Severity.INFO,
        what="the command ends as soon as its module is imported" + (f": {said[-1]}" if said else ""),
        hint="start it once, if it is used",
    )


def _is_torn(failed: FailedImport) -> bool:
    """Whether a distribution whose files are not its own any more misses a name of itself."""
    facts, fault, module = failed.facts, failed.faults[0], failed.outcome.module
    owner = facts.owner(module)
    files = facts.raw["files"]
    altered = {name for entry in [*files["shared"], *files["changed"]] for name in entry["differs"]}
    within = fault.name and facts.owner(fault.name)
    return (
        fault.isa("ImportError")
        and owner is not None
        and within == owner
        and bool(altered & {each.name for each in facts.owners().get(module.partition(".")[0], ())})
    )


def _versions(fault: ImportFault, facts: Facts) -> str:
    """Advice that names the two distributions which met where an import failed."""
    pair = _met_at(fault, facts)[-2:]
    if len(pair) < 2:
        return "reinstall it, or take a version that suits this environment"
    return together(pair[0], pair[1])


def _unfinished(facts: Facts) -> Iterator[Finding]:
    late = sorted(each.module for each in facts.imports if each.late)
    if late:
        yield rules.UNFINISHED.finding(
            f"for lack of time these families of modules were not imported: {_some(late)}",
            hint="give more time, or look for the module that takes it",
        )
    unread = sorted(job["module"] for job in facts.raw["usage"] if job.get("late"))
    if unread:
        yield rules.UNFINISHED.finding(
            f"for lack of time it was not read what these use of other packages: {_some(unread)}",
            hint="give more time, or judge it on a machine with less to do",
        )


def _manners(outcome: Outcome, role: Role, facts: Facts) -> Iterator[Finding]:
    """Findings about what an import did besides importing."""
    module = outcome.module
    for attribute, reason in outcome.lacks:
        yield rules.DECLARED_ATTRIBUTE.finding(
            f"{module} has no {attribute}, which is declared ({quoted_output(reason)})",
            hint="a placeholder or another version is installed: take the one that has it",
            where=f"{module}:{attribute}",
        )
    if outcome.network:
        yield rules.NETWORK.finding(
            f"{module}: the import tries to {', to '.join(outcome.network[:2])}",
            hint="without a network it may hang or fail; look for a variable that turns it off",
            where=module,
            # A command is free to ask the network when it is started, and nothing else imports it.
            severity=Severity.INFO if role is Role.COMMAND else None,
        )
    if outcome.changed and not outcome.error:
        yield rules.WRITES.finding(
            f"{module}: the import changes {_some(shortened(path, facts) for path in outcome.changed)}",
            hint="the judge kept it from doing so where it could; in use it will",
            where=module,
        )
    if outcome.finders and _ignores_old_finders(facts):
        yield rules.OLD_FINDER.finding(
            f"{module}: {outcome.finders[0]} has no find_spec, so that this Python does not ask it and "
            "the modules that it stands for cannot be imported",
            hint="take a newer version of the package",
            where=module,
        )
    for warning in outcome.warnings:
        yield from _warned(module, warning)


def _warned(module: str, warning: report.Warned) -> Iterator[Finding]:
    if "size changed" in warning["message"]:
        yield rules.SIZE_CHANGED.finding(
            f"{module}: {quoted_output(warning['message'])}",
            hint="usually harmless where a struct has only grown; a rebuild against this version is certain",
            where=module,
        )


def _noises(facts: Facts) -> Iterator[Finding]:
    """Findings about what imports print and warn, each text once."""
    heard: dict[str, list[str]] = {}
    for outcome in facts.imports:
        if outcome.bytes and not outcome.failed and outcome.output.strip():
            first = quoted_output(outcome.output.strip().splitlines()[0])[:160]
            heard.setdefault(f"prints {first!r}", []).append(outcome.module)
        owner = facts.owner(outcome.module)
        for warning in outcome.warnings:
            own = owner is None or facts.owner_of_file(warning["file"]) in (owner, None)
            told = "size changed" in warning["message"] or threads.SIGN.search(warning["message"])
            if own and not told:
                text = " ".join(quoted_output(warning["message"]).split())[:200]
                heard.setdefault(f"warns {text!r}", []).append(outcome.module)
    for said, modules in heard.items():
        more = len(set(modules)) - 1
        yield rules.NOISE.finding(
            f"{modules[0]}: the import {said}" + (f"; so do {more} more" if more else ""), where=modules[0]
        )


def _ignores_old_finders(facts: Facts) -> bool:
    major, minor = (int(part) for part in facts.python["version"].split(".")[:2])
    return (major, minor) >= (3, 12)


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
