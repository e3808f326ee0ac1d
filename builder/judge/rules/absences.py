"""Whose fault it is that a module is not there: the four answers, and what to do about each."""

from __future__ import annotations

import re

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from builder.judge.facts import Distribution, Facts, ImportFault
from builder.judge.rules.roles import Role
from builder.judge.rules.surroundings import SPARE
from builder.judge.rules.symptoms import Cause, FailedImport
from envspec.proof.departed import departed
from envspec.proof.stdlib import Stdlib, was_ever_standard
from envspec.proof.stdlib.continued import continued_in
from envspec.system import rules
from envspec.system.finding import Severity

LEFT_OUT = SPARE | {"curses", "idlelib", "tkinter", "turtle", "turtledemo"}
"""Standard modules that builds of Python for servers come without."""

_ABSENT = re.compile(r"No module named '?(?P<name>[\w.]+)")

_OF_NAMESPACE = re.compile(
    r"cannot import name '(?P<name>\w+)' from '(?P<package>[\w.]+)' \(unknown location\)"
)
"""How Python tells of a module that is not there in a package without a file, to which anybody may add."""

_DEMAND = re.compile(
    r"(?:requires?|needs?) (?:the )?[`'\"]?(?P<name>[A-Za-z0-9][\w.-]*)[`'\"]? (?:package|module|library)\b"
)

_EXTRA = re.compile(r"pip install [`'\"]?(?P<name>[A-Za-z0-9][\w.-]*)\[(?P<extra>[A-Za-z0-9][\w.-]*)\]")
_MARKED = re.compile(r"extra == [\"']([^\"']+)[\"']")


def missing_module(failed: FailedImport) -> ImportFault | None:
    """The exception that says that a module is not there, where one of the chain does."""
    for each in failed.faults:
        if each.isa("ModuleNotFoundError") or (each.isa("ImportError") and _absent(each)):
            return each
    return None


def _absent(fault: ImportFault) -> str:
    """The dotted name of the module that is not there; empty where the exception tells none."""
    if found := _ABSENT.search(fault.message):
        return found["name"]
    found = _OF_NAMESPACE.search(fault.message)
    return f"{found['package']}.{found['name']}" if found else ""


def cause_of_demand(failed: FailedImport) -> Cause | None:
    """That a module refuses by itself to be imported until some package is installed, and tells how."""
    if not failed.role.is_inner or "pip install" not in failed.text:
        return None
    found = _DEMAND.search(failed.text)
    if found is not None and canonicalize_name(found["name"]) not in failed.facts.by_name():
        asked = f"the optional package {found['name']}"
    elif extra := _extra_asked_for(failed):
        asked = f"what the extra {extra} of its package brings"
    else:
        return None
    return Cause(
        rule=rules.OPTIONAL, severity=Severity.INFO, place=failed.place,
        what=f"needs {asked}",
        hint="install it if that part is used",
    )  # fmt: skip


def _extra_asked_for(failed: FailedImport) -> str:
    """The extra of its own distribution that a module asks for in words, where some of that is not there."""
    owner, found = failed.facts.owner(failed.outcome.module), _EXTRA.search(failed.text)
    if owner is None or found is None or canonicalize_name(found["name"]) != owner.key:
        return ""
    here = failed.facts.by_name()
    for each in owner.optional:
        extras = {canonicalize_name(name) for name in _MARKED.findall(str(each.marker))}
        if canonicalize_name(found["extra"]) in extras and _key(each) not in here:
            return found["extra"]
    return ""


def cause_of_absence(failed: FailedImport, fault: ImportFault) -> Cause:
    """Why a module is not there: never declared, lost, taken from the standard library, or not required."""
    facts = failed.facts
    name = _absent(fault) or fault.name
    top = name.partition(".")[0]
    weight = Severity.ERROR if failed.role.is_wanted else Severity.WARNING
    if failed.role is Role.DECLARED and name == failed.outcome.module:
        return Cause(
            rule=rules.DECLARED_IMPORT, severity=Severity.ERROR, what="there is no such module",
            hint="install what provides it, or correct the declaration",
        )  # fmt: skip
    if failed.outcome.unnamed and failed.role.is_inner:
        return Cause(
            rule=rules.OPTIONAL, severity=Severity.INFO, place=fault.place,
            what=f"has no module {name}, and no Python file of its package imports it",
            hint="nothing, unless that part is used",
        )  # fmt: skip
    culprit = _culprit(failed.outcome.module, fault, facts)
    if owner := _provider(name, facts):
        return Cause(
            rule=rules.IMPORT_FAILS, severity=weight, place=fault.place,
            what=f"module {name} does not exist in {owner.name} {owner.version}",
            hint=f"take a version of {owner.name} that has it, or reinstall it"
            + (f"; {culprit.name} {culprit.version} needs it" if culprit and culprit != owner else ""),
        )  # fmt: skip
    if top in LEFT_OUT and Stdlib(_minor(facts)).has(top):
        return Cause(
            rule=rules.STDLIB_GONE, place=fault.place,
            severity=Severity.INFO if failed.role.is_inner else weight,
            what=f"module {top} was left out of this Python {facts.python['version']}",
            hint="take a Python that has it, or the system's package for it, if that part is used",
        )  # fmt: skip
    if was_ever_standard(top):
        heir = continued_in(top)
        return Cause(
            rule=rules.STDLIB_GONE, severity=weight, place=fault.place,
            what=f"module {top} is not in the standard library of Python {facts.python['version']}",
            hint="take a newer version of the package, or a Python that has the module"
            + (f"; {heir} brings it to newer ones" if heir else ""),
            lacks=heir,
        )  # fmt: skip
    wanted = name if top in facts.owners() else top  # a namespace is there; what is asked for in it is not
    return _cause_of_undeclared(failed, culprit, wanted, weight)


def _minor(facts: Facts) -> str:
    return ".".join(facts.python["version"].split(".")[:2])


def _provider(name: str, facts: Facts) -> Distribution | None:
    """The distribution that should hold a module; several may share a namespace and hold none of it."""
    for each in facts.owners().get(name.partition(".")[0], ()):
        if any(f"{name}.".startswith(f"{root}.") or root.startswith(f"{name}.") for root in each.roots):
            return each
    return None


def _cause_of_undeclared(
    failed: FailedImport, culprit: Distribution | None, top: str, weight: Severity
) -> Cause:
    by_name = failed.facts.by_name()
    if (left := _cause_of_departure(failed, culprit, top, weight)) is not None:
        return left
    unmet = [each for each in (culprit.requires if culprit else ()) if _key(each) not in by_name]
    named = next((each for each in unmet if _resembles(each.name, top)), unmet[0] if unmet else None)
    who = f"{culprit.name} {culprit.version}" if culprit else "it"
    if named is not None:
        return Cause(
            rule=rules.REQUIREMENT_ABSENT, severity=weight,
            what=f"{who} requires {named.name}, which is not installed (no module {top})",
            hint=f"install {_requirement(named)}", lacks=_key(named),
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
            rule=rules.REQUIREMENT_ABSENT, severity=weight,
            what=f"{who} needs the module {top}, which {namesake.name} {namesake.version} does not have",
            hint=f"another project bears the name {namesake.name}: install the one that has the module",
        )  # fmt: skip
    # What is only there for others may need a host that declares it, as plugins do.
    if failed.role is Role.DECLARED or (
        failed.role is Role.ROOT and _is_principal(failed.outcome.module, failed.facts)
    ):
        return Cause(
            rule=rules.REQUIREMENT_ABSENT, severity=Severity.ERROR,
            what=f"{who} needs the module {top} and declares no package for it",
            hint=f"install the package that provides {top}",
        )  # fmt: skip
    return Cause(
        rule=rules.OPTIONAL, severity=Severity.INFO,
        what=f"needs the optional module {top}", hint="install it if that part is used",
    )  # fmt: skip


def _cause_of_departure(
    failed: FailedImport, culprit: Distribution | None, top: str, weight: Severity
) -> Cause | None:
    """That a module has left the distribution that had it; deep in a package where that one is required."""
    left = departed(top)
    if left is None or culprit is None:
        return None
    required = left.package in map(_key, culprit.requires)
    held = failed.facts.by_name().get(left.package)
    if (failed.role.is_inner and not required) or (held is None and required):
        return None
    without = f"{held.name} {held.version} does not have any more" if held else "no package here has"
    return Cause(
        rule=rules.REQUIREMENT_ABSENT, severity=weight,
        what=f"{culprit.name} {culprit.version} needs the module {top}, which {without}",
        hint=f"pin {left.package} below {left.below}, or take a newer {culprit.name}", lacks=left.package,
    )  # fmt: skip


def _culprit(module: str, fault: ImportFault, facts: Facts) -> Distribution | None:
    """The distribution whose code asked for the module."""
    for file, _, _ in reversed(fault.frames):
        if owner := facts.owner_of_file(file):
            return owner
    return facts.owner(module)


def _key(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)


def _requirement(requirement: Requirement) -> str:
    return f"{requirement.name}{requirement.specifier}"


def _resembles(name: str, module: str) -> bool:
    left, right = canonicalize_name(name), canonicalize_name(module)
    return left == right or left.removeprefix("python-") == right.removeprefix("py")


def _is_principal(module: str, facts: Facts) -> bool:
    """Whether a root is what its distribution is installed for."""
    owner = facts.owner(module)
    if owner is None:
        return False
    public = [root for root in owner.roots if not any(part.startswith("_") for part in root.split("."))]
    return module in public and (len(public) == 1 or canonicalize_name(module) == owner.key)
