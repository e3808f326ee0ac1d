"""Judges imports: one finding a root cause, with the modules it takes down counted."""

from __future__ import annotations

import dataclasses
import re
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from builder.judge.facts import Distribution, Facts, Fault, Outcome
from builder.judge.rules import catalogue
from builder.judge.rules.catalogue import Rule
from builder.judge.smoke import SmokeChecks
from envspec.proof.stdlib import was_ever_standard
from envspec.system.finding import Finding, Severity

INNER = ("inside", "surface")
"""Roles of modules that may fail without their package being useless."""
MISTAKES = ("AttributeError", "NameError", "TypeError", "ValueError")
"""What code raises when it does not fit what it calls, as opposed to what it lacks or refuses."""
SHOWN = 6
"""Modules that a finding names; the rest is counted."""

NUMPY_ABI = re.compile(
    r"size changed, may indicate binary incompat|numpy\.core\.multiarray failed to import"
    r"|_ARRAY_API not found|numpy\._?core\._?multiarray_umath failed|compiled using NumPy 1\.x"
    r"|compiled against (?:NumPy )?API version"
    r"|compiled against ABI version|module compiled against"
)
LIBRARY = re.compile(r"(?P<name>[\w.+-]+\.so[\w.]*): cannot open shared object file")
SYMBOL = re.compile(r"undefined symbol: (?P<name>\w+)")
LIBC = re.compile(r"version `(?P<name>(?:GLIBC|GLIBCXX|CXXABI|GCC)_[\w.]+)' not found")
BUNDLED = re.compile(r"-[0-9a-f]{8}(?:[.-][\w.-]*)?\.so")
"""Names of libraries that wheels carry along: `auditwheel` puts part of the content's digest into them."""
REFUSED = re.compile(
    r"invalid ELF header|file too short|wrong ELF class|ELF load command|ELF file's \w+"
    r"|ELF file (?:version|OS)|failed to map segment|cannot enable executable stack|static TLS block"
    r"|only ET_DYN and ET_EXEC"
)
"""What the loader says of a file that it does not take for a library of this machine."""
PROCESSOR = re.compile(r"CPU ISA level is lower than required|built with baseline optimizations")
"""How glibc and NumPy refuse a build that is for newer processors."""
SEARCHED = re.compile(
    r"(?:could ?n[o']t|could not|cannot|unable to|failed to) (?:find|locate|load)\b.*\blibrary"
    r"|\blibrary (?:was |is |could )?(?:not|n't) (?:be )?(?:found|loaded|installed|available)"
    r"|\blibrary not found|no library called",
    re.IGNORECASE,
)
"""How bindings that look for a library themselves say that it is not there."""
CIRCULAR = re.compile(r"partially initialized module|circular import")
ABSENT = re.compile(r"No module named '?(?P<name>[\w.]+)")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Why one import failed."""

    rule: Rule
    severity: Severity
    what: str
    """The heart of the message; equal causes have equal ones."""
    hint: str = ""
    place: str = ""
    """File and line, where there is one."""


def judge(facts: Facts, smoke: SmokeChecks) -> Iterator[Finding]:
    """Findings about every import that failed or did more than it should."""
    role = roles(facts, smoke)
    causes: dict[tuple[str, str, str], list[tuple[Cause, Outcome]]] = {}
    for outcome in facts.imports:
        if outcome.late:
            continue
        cause = _cause(outcome, facts, role(outcome.module))
        if cause is not None:
            # Wherever it is looked for, a module that is gone is one cause.
            place = "" if cause.rule is catalogue.STDLIB_GONE else cause.place
            key = (cause.rule.id, cause.what, place)
            causes.setdefault(key, []).append((cause, outcome))
    for group in causes.values():
        yield _finding(group, facts)
    yield from _unfinished(facts)
    for outcome in facts.imports:
        yield from _manners(outcome, facts)
    yield from _noises(facts)


def roles(facts: Facts, smoke: SmokeChecks) -> Callable[[str], str]:
    """Tells of a module what its failure means.

    `declared` by the user; `root` of a distribution that somebody wants for itself; `transitive`, a root that
    is there for others, which may well work without it; `surface`, a direct module of a wanted package whose
    `__init__` is empty; or `inside` a package.
    """
    declared = {*smoke.imports, *smoke.attributes_by_module()}
    wanted = {each["name"] for each in facts.raw["loose"]}
    transitive: set[str] = set()
    for each in facts.distributions:
        (wanted if facts.is_wanted(each) else transitive).update(each.roots)

    surface = {
        module for root, modules in facts.raw["surface"].items() if root in wanted for module in modules
    }

    def role(module: str) -> str:
        if module in declared:
            return "declared"
        if module in surface:
            return "surface"
        return "root" if module in wanted else "transitive" if module in transitive else "inside"

    return role


def _finding(group: list[tuple[Cause, Outcome]], facts: Facts) -> Finding:
    cause, first = min(group, key=lambda pair: _nearness(pair, facts))
    severity = min((each.severity for each, _ in group), key=lambda each: each.rank)
    if severity is Severity.WARNING and _takes_surface(cause, {each.module for _, each in group}, facts):
        severity = Severity.ERROR
    others = sorted({outcome.module for _, outcome in group} - {first.module})
    message = f"{first.module}: {cause.what}"
    if cause.place:
        message += f" ({short(cause.place, facts)})"
    if others:
        named = ", ".join(others[:SHOWN]) + (", ..." if len(others) > SHOWN else "")
        message += f"; takes down {len(others)} more: {named}"
    return cause.rule.finding(message, hint=cause.hint, where=first.module, severity=severity)


def _takes_surface(cause: Cause, modules: set[str], facts: Facts) -> bool:
    """Whether these are what a package with an empty `__init__` is installed for.

    That is the module that bears its name, or half of its modules; of what surely fails, a quarter.
    """
    share = 0.25 if cause.rule in (catalogue.LIBRARY_MISSING, catalogue.STDLIB_GONE) else 0.5
    for root, surface in facts.raw["surface"].items():
        owner = facts.owner(root)
        if owner is None or not facts.is_wanted(owner):
            continue
        taken = modules.intersection(surface)
        named = cause.rule is not catalogue.OPTIONAL and f"{root}.{root.rpartition('.')[2]}" in taken
        if named or len(taken) >= share * len(surface):
            return True
    return False


def _nearness(pair: tuple[Cause, Outcome], facts: Facts) -> tuple[bool, int, str]:
    """The module whose own distribution holds the faulty place comes first, then the shortest name."""
    cause, outcome = pair
    owner = facts.owner_of_file(cause.place.rpartition(":")[0])
    own = facts.owner(outcome.module)
    return (owner is None or own is None or owner.key != own.key, outcome.module.count("."), outcome.module)


def short(place: str, facts: Facts) -> str:
    """A file without the folder that everything lies in."""
    for folder in sorted({*(each.folder for each in facts.distributions), facts.python["stdlib"]}, key=len)[
        ::-1
    ]:
        if place.startswith(folder + "/"):
            return place[len(folder) + 1 :]
    return place


def _cause(outcome: Outcome, facts: Facts, role: str) -> Cause | None:
    if outcome.error is not None:
        return _of_error(outcome, outcome.error, outcome.root or outcome.error, role, facts)
    if outcome.failed:
        return _of_end(outcome, role)
    return None


def _of_end(outcome: Outcome, role: str) -> Cause:
    """Causes that no exception told of."""
    error = Severity.ERROR
    last = _last_place(outcome.output)
    if outcome.signal == signal.SIGXCPU or outcome.timeout:
        return Cause(
            rule=catalogue.HANG, severity=error, what="the import does not come to an end", place=last,
            hint="see where it waits; a module should not connect, wait or compute while it is imported",
        )  # fmt: skip
    if outcome.signal == signal.SIGILL:
        return Cause(
            rule=catalogue.PROCESSOR, severity=error, place=last,
            what="the import dies of SIGILL: it has an instruction that this processor does not know",
            hint="take a build for older processors, or run it on a newer one",
        )  # fmt: skip
    if outcome.signal:
        name = _signal(outcome.signal)
        return Cause(
            rule=catalogue.CRASH, severity=error, what=f"the import dies of {name}", place=last,
            hint="a compiled module is damaged or does not fit what it was loaded with: reinstall it, "
            "or take a version built for these neighbours",
        )  # fmt: skip
    if outcome.flood:
        return _harm("the import prints without end")
    if outcome.bomb:
        return _harm(f"the import starts processes without end (more than {outcome.bomb})")
    if outcome.murder:
        return _harm("the import kills the processes around it")
    if outcome.unstarted:
        said = outcome.output.strip().splitlines()
        return Cause(
            rule=catalogue.START, severity=error,
            what="the interpreter does not start" + (f": {said[-1]}" if said else ""),
            hint="run the interpreter by hand and repair what its start prints",
        )  # fmt: skip
    return Cause(
        rule=catalogue.IMPORT_FAILS, severity=error if role not in INNER else Severity.WARNING,
        what=f"the import ends the process with exit code {outcome.exit}",
        hint="a module must not exit while it is imported",
    )  # fmt: skip


def _harm(what: str) -> Cause:
    return Cause(
        rule=catalogue.HARM,
        severity=Severity.ERROR,
        what=what,
        hint="do not install what does this to its users",
    )


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_place(output: str) -> str:
    """The innermost Python line of a `faulthandler` report."""
    for file, line in re.findall(r'^  File "([^"]+)", line (\d+)', output, re.MULTILINE):
        if not file.startswith("<"):
            return f"{file}:{line}"
    return ""


def _of_error(outcome: Outcome, error: Fault, root: Fault, role: str, facts: Facts) -> Cause | None:
    weight = Severity.ERROR if role in ("declared", "root") else Severity.WARNING
    library = Severity.WARNING if role in INNER else Severity.ERROR
    text = f"{root.message}\n{error.message}"
    said = _said(error) if _said(error) == _said(root) else f"{_said(error)}, because of {_said(root)}"
    kept = root.isa("PermissionError") and bool(outcome.changed)
    if kept or ("Read-only file system" in text and error.isa("OSError")):
        return Cause(
            rule=catalogue.WRITES, severity=Severity.WARNING, what="the import writes into the environment",
            place=root.place, hint="the judge keeps the environment read-only; in an image it may be as well",
        )  # fmt: skip
    if NUMPY_ABI.search(text):
        return Cause(
            rule=catalogue.NUMPY_ABI, severity=Severity.ERROR, what=said, place=root.place,
            hint="install a build made for this NumPy, or pin the NumPy that it was made for",
        )  # fmt: skip
    if found := LIBC.search(text):
        return Cause(
            rule=catalogue.LIBC,
            severity=Severity.ERROR,
            what=f"needs {found['name']}, which this system lacks",
            hint="use a newer base image, or a wheel with an older manylinux tag",
        )  # fmt: skip
    if found := SYMBOL.search(text):
        return Cause(
            rule=catalogue.SYMBOL, severity=Severity.ERROR, what=f"undefined symbol {found['name']}",
            hint="it was built against another version of a library: install what was built together",
        )  # fmt: skip
    if PROCESSOR.search(text):
        return Cause(
            rule=catalogue.PROCESSOR, severity=Severity.ERROR, what=said, place=root.place,
            hint="take a build for older processors, or run it on a newer one",
        )  # fmt: skip
    if REFUSED.search(text):
        return Cause(
            rule=catalogue.UNLOADABLE, severity=Severity.ERROR, what=said,
            hint="the file is damaged or made for another machine: reinstall what it belongs to",
        )  # fmt: skip
    if (found := LIBRARY.search(text)) and BUNDLED.search(found["name"]):
        return Cause(
            rule=catalogue.LIBRARY_MISSING, severity=Severity.ERROR,
            what=f"needs {found['name']}, which its wheel carries along and which is not there",
            hint="files of two builds were mixed, or some were removed: reinstall the package",
        )  # fmt: skip
    if found := LIBRARY.search(text):
        return Cause(
            rule=catalogue.LIBRARY_MISSING, severity=library,
            what=f"needs {found['name']}, which is not installed",
            hint=f"install the system package that provides {found['name']}",
        )  # fmt: skip
    if SEARCHED.search(text):
        return Cause(
            rule=catalogue.LIBRARY_MISSING, severity=library, what=said, place=root.place,
            hint="install the system package that provides the library",
        )  # fmt: skip
    for fault in (root, error):
        if fault.isa("ModuleNotFoundError") or (fault.isa("ImportError") and ABSENT.search(fault.message)):
            return _of_absence(outcome, fault, role, facts)
    if CIRCULAR.search(text) and role in INNER:
        return None
    if role == "surface" and (root.type in MISTAKES or _torn(outcome, root, facts)):
        weight = Severity.ERROR
    return Cause(
        rule=catalogue.IMPORT_FAILS, severity=weight, what=said, place=root.place, hint=_versions(root, facts)
    )


def _torn(outcome: Outcome, fault: Fault, facts: Facts) -> bool:
    """Whether a distribution whose files are not its own any more misses a name of itself."""
    owner = facts.owner(outcome.module)
    files = facts.raw["files"]
    altered = {name for entry in [*files["shared"], *files["changed"]] for name in entry["differs"]}
    within = fault.name and facts.owner(fault.name)
    return (
        fault.isa("ImportError")
        and owner is not None
        and within == owner
        and bool(altered & {each.name for each in facts.owners().get(outcome.module.partition(".")[0], ())})
    )


def _said(fault: Fault) -> str:
    lines = [line.strip() for line in fault.message.splitlines() if line.strip()]
    text = " ".join(lines)
    return f"{fault.type}: {text[:300]}" if text else fault.type


def _versions(fault: Fault, facts: Facts) -> str:
    """Which distributions met where it failed: the pair to look at."""
    met: dict[str, Distribution] = {}
    for file, _, _ in fault.frames:
        owner = facts.owner_of_file(file)
        if owner is not None:
            met[owner.key] = owner
    named = facts.owner(fault.name) if fault.name else None
    mentioned = re.search(r"module '([\w.]+)'", fault.message)
    named = named or (facts.owner(mentioned[1]) if mentioned else None)
    if named is not None:
        met[named.key] = named
    if len(met) < 2:
        return "reinstall it, or take a version that suits this environment"
    pair = list(met.values())[-2:]
    return f"{pair[0].name} {pair[0].version} and {pair[1].name} {pair[1].version} do not go together"


def _of_absence(outcome: Outcome, fault: Fault, role: str, facts: Facts) -> Cause | None:
    """A module is not there: whose fault is that?"""
    found = ABSENT.search(fault.message)
    name = found["name"] if found else fault.name
    top = name.partition(".")[0]
    weight = Severity.ERROR if role in ("declared", "root") else Severity.WARNING
    if role == "declared" and name == outcome.module:
        return Cause(
            rule=catalogue.DECLARED_IMPORT, severity=Severity.ERROR, what="there is no such module",
            hint="install what provides it, or correct the declaration",
        )  # fmt: skip
    culprit = _culprit(outcome, fault, facts)
    if owner := _provider(name, facts):
        return Cause(
            rule=catalogue.IMPORT_FAILS, severity=weight, place=fault.place,
            what=f"module {name} does not exist in {owner.name} {owner.version}",
            hint=f"take a version of {owner.name} that has it, or reinstall it"
            + (f"; {culprit.name} {culprit.version} needs it" if culprit and culprit != owner else ""),
        )  # fmt: skip
    if was_ever_standard(top):
        return Cause(
            rule=catalogue.STDLIB_GONE, severity=weight, place=fault.place,
            what=f"module {top} is not in the standard library of Python {facts.python['version']}",
            hint="take a newer version of the package, or a Python that has the module",
        )  # fmt: skip
    wanted = name if top in facts.owners() else top  # a namespace is there; what is asked for in it is not
    return _of_undeclared(outcome, culprit, wanted, role, weight, facts)


def _provider(name: str, facts: Facts) -> Distribution | None:
    """The distribution that should hold a module; several may share a namespace and hold none of it."""
    for each in facts.owners().get(name.partition(".")[0], ()):
        if any(f"{name}.".startswith(f"{root}.") or root.startswith(f"{name}.") for root in each.roots):
            return each
    return None


def _of_undeclared(
    outcome: Outcome, culprit: Distribution | None, top: str, role: str, weight: Severity, facts: Facts
) -> Cause:
    by_name = facts.by_name()
    unmet = [each for each in (culprit.requires if culprit else ()) if _key(each) not in by_name]
    named = next((each for each in unmet if _resembles(each.name, top)), unmet[0] if unmet else None)
    who = f"{culprit.name} {culprit.version}" if culprit else "it"
    if named is not None:
        return Cause(
            rule=catalogue.REQUIREMENT_ABSENT, severity=weight,
            what=f"{who} requires {named.name}, which is not installed (no module {top})",
            hint=f"install {_requirement(named)}",
        )  # fmt: skip
    namesake = by_name.get(canonicalize_name(top)) or next(
        (
            by_name[_key(each)]
            for each in (culprit.requires if culprit else ())
            if _resembles(each.name, top) and _key(each) in by_name
        ),
        None,
    )
    if namesake is not None and namesake != culprit:
        return Cause(
            rule=catalogue.REQUIREMENT_ABSENT, severity=weight,
            what=f"{who} needs the module {top}, which {namesake.name} {namesake.version} does not have",
            hint=f"another project bears the name {namesake.name}: install the one that has the module",
        )  # fmt: skip
    # What is only there for others may need a host that declares it, as plugins do.
    if role == "declared" or (role == "root" and _principal(outcome.module, facts)):
        return Cause(
            rule=catalogue.REQUIREMENT_ABSENT, severity=Severity.ERROR,
            what=f"{who} needs the module {top} and declares no package for it",
            hint=f"install the package that provides {top}",
        )  # fmt: skip
    return Cause(
        rule=catalogue.OPTIONAL, severity=Severity.INFO,
        what=f"needs the optional module {top}", hint="install it if that part is used",
    )  # fmt: skip


def _culprit(outcome: Outcome, fault: Fault, facts: Facts) -> Distribution | None:
    """The distribution whose code asked for the module."""
    for file, _, _ in reversed(fault.frames):
        if owner := facts.owner_of_file(file):
            return owner
    return facts.owner(outcome.module)


def _key(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)


def _requirement(requirement: Requirement) -> str:
    return f"{requirement.name}{requirement.specifier}"


def _resembles(name: str, module: str) -> bool:
    left, right = canonicalize_name(name), canonicalize_name(module)
    return left == right or left.removeprefix("python-") == right.removeprefix("py")


def _principal(module: str, facts: Facts) -> bool:
    """Whether a root is what its distribution is installed for."""
    owner = facts.owner(module)
    if owner is None:
        return False
    public = [root for root in owner.roots if not any(part.startswith("_") for part in root.split("."))]
    return module in public and (len(public) == 1 or canonicalize_name(module) == owner.key)


def _unfinished(facts: Facts) -> Iterator[Finding]:
    late = sorted(each.module for each in facts.imports if each.late)
    if late:
        yield catalogue.UNFINISHED.finding(
            f"{len(late)} families of modules were not imported for lack of time: {_some(late)}",
            hint="give more time, or look for the module that takes it",
        )


def _manners(outcome: Outcome, facts: Facts) -> Iterator[Finding]:
    """What an import did besides importing."""
    module = outcome.module
    for attribute, reason in outcome.lacks:
        yield catalogue.DECLARED_ATTRIBUTE.finding(
            f"{module} has no {attribute}, which is declared ({reason})",
            hint="a placeholder or another version is installed: take the one that has it",
            where=f"{module}:{attribute}",
        )
    if outcome.network:
        yield catalogue.NETWORK.finding(
            f"{module}: the import tries to {', to '.join(outcome.network[:2])}",
            hint="without a network it may hang or fail; look for a variable that turns it off",
            where=module,
        )
    if outcome.changed and not outcome.error:
        yield catalogue.WRITES.finding(
            f"{module}: the import changes {_some(short(path, facts) for path in outcome.changed)}",
            hint="the judge kept it from doing so where it could; in use it will",
            where=module,
        )
    if outcome.finders and _ignores_old_finders(facts):
        yield catalogue.OLD_FINDER.finding(
            f"{module}: {outcome.finders[0]} has no find_spec, so that this Python does not ask it and "
            "the modules that it stands for cannot be imported",
            hint="take a newer version of the package",
            where=module,
        )
    for warning in outcome.warnings:
        yield from _warned(module, warning)


def _warned(module: str, warning: Any) -> Iterator[Finding]:
    if "size changed" in warning["message"]:
        yield catalogue.SIZE_CHANGED.finding(
            f"{module}: {warning['message']}",
            hint="usually harmless where a struct has only grown; a rebuild against this version is certain",
            where=module,
        )


def _noises(facts: Facts) -> Iterator[Finding]:
    """What imports print and warn, each text once."""
    heard: dict[str, list[str]] = {}
    for outcome in facts.imports:
        if outcome.bytes and not outcome.failed and outcome.output.strip():
            first = outcome.output.strip().splitlines()[0][:160]
            heard.setdefault(f"prints {first!r}", []).append(outcome.module)
        owner = facts.owner(outcome.module)
        for warning in outcome.warnings:
            own = owner is None or facts.owner_of_file(warning["file"]) in (owner, None)
            if own and "size changed" not in warning["message"]:
                text = " ".join(warning["message"].split())[:200]
                heard.setdefault(f"warns {text!r}", []).append(outcome.module)
    for said, modules in heard.items():
        more = len(set(modules)) - 1
        yield catalogue.NOISE.finding(
            f"{modules[0]}: the import {said}" + (f"; so do {more} more" if more else ""), where=modules[0]
        )


def _ignores_old_finders(facts: Facts) -> bool:
    major, minor = (int(part) for part in facts.python["version"].split(".")[:2])
    return (major, minor) >= (3, 12)


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
