"""The verdict on compiled files: what they say of themselves, held against the set and the base."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Iterator, Mapping, Sequence

from envspec.proof.abi import closure, numpy
from envspec.proof.abi.base import BaseFolder, LoaderBase
from envspec.proof.abi.binary import Binary
from envspec.proof.abi.closure import MissingLibrary, TooOld, UndefinedSymbol, Unloadable
from envspec.proof.abi.libraries import lacks, missing_libraries, what_brings
from envspec.proof.abi.packages import DEFAULT_SUITE, providers
from envspec.proof.nvidia.libraries import cuda_library, is_optional
from envspec.supply.wheel import module_name
from envspec.system import rules
from envspec.system.finding import Finding, Severity
from envspec.system.quoting import with_version

# Sizes of the interpreter's own types differ between builds, and Cython only warns about them.
_INTERPRETER = ("builtins", "cython_runtime")

_EVERYWHERE = frozenset({"libgcc_s.so.1", "libstdc++.so.6", "libz.so.1"})
"""Libraries that images with a Python have, besides those of glibc: no reason to warn of."""
_NAMED = 5
"""Libraries, and packages, that one finding names."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """Findings, and the modules that surely cannot be loaded."""

    findings: tuple[Finding, ...]
    broken: Mapping[str, str]
    """Dotted module to the reason, as the end of a sentence; the import linker takes it from here."""
    hints: Mapping[str, str]
    """What to do about reasons, where that is known."""


def judge_compiled(
    binaries: Mapping[str, Sequence[Binary]],
    versions: Mapping[str, str],
    base: LoaderBase,
    *,
    machine: str = "x86_64",
    suite: str = DEFAULT_SUITE,
) -> Judgement:
    """Judge the compiled files of all packages together.

    `binaries` by normalised package name; `versions` of all packages of the set; `suite` is the Debian
    suite whose packages a hint names.
    """
    reasons: dict[str, dict[str, Finding]] = {}
    broken: dict[str, str] = {}
    provided: dict[str, int] = {}
    for files in binaries.values():
        for binary in files:
            provided |= binary.provides
    for package, files in binaries.items():
        for path, found in _misfits(package, files, versions, provided):
            reasons.setdefault(package, {}).setdefault(found.message, found)
            if module := module_name(path):
                broken[module] = found.message
    owners = {binary.path: package for package, files in binaries.items() for binary in files}
    everything = [binary for files in binaries.values() for binary in files]
    problems = closure.check_closure(everything, base, machine=machine)
    findings = [found for by_message in reasons.values() for found in by_message.values()]
    hints: dict[str, str] = {}
    lacking: dict[str, list[str]] = {}
    for problem in problems:
        if isinstance(problem, MissingLibrary):
            lacking.setdefault(problem.file, []).append(problem.library)
        else:
            found = _closure_finding(problem, owners, versions)
            findings.append(found)
            if module := module_name(problem.file):
                broken.setdefault(module, found.message)
    findings += missing_libraries(lacking, binaries, versions, suite)
    for path, libraries in lacking.items():
        if module := module_name(path):
            reason = lacks(owners.get(path, ""), versions, libraries)
            broken.setdefault(module, reason)
            hints[reason] = what_brings(libraries, suite)
    return Judgement(findings=tuple(_first_of_each(findings)), broken=broken, hints=hints)


def unread_findings(
    binaries: Mapping[str, Sequence[Binary]],
    base: LoaderBase,
    folder: BaseFolder,
    suite: str,
    *,
    cuda: bool = True,
) -> Iterator[Finding]:
    """EV134: what could not be held against the base, because that, or a part of it, could not be read.

    `cuda` is whether the base may hold CUDA's libraries.
    """
    if folder.root is not None and folder.complete:
        return
    why = (
        f"the base could not be read ({folder.why})"
        if folder.root is None
        else "what [base] apt adds to the image could not be read"
    )
    again = "once it can be had, `--fresh` reads it" if folder.root is None else ""
    doubtful = {
        soname: package
        for package, soname in closure.unanswered(binaries, base)
        if soname not in _EVERYWHERE and not is_optional(soname) and (cuda or not cuda_library(soname))
    }
    if not doubtful:
        yield rules.BASE_UNREAD.finding(
            f"{why}: symbols that compiled files want of its libraries were not proved", hint=again
        )
        return
    named = [f"{soname} ({package})" for soname, package in sorted(doubtful.items())]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    packages = ", ".join(providers(sorted(doubtful), suite=suite)[:_NAMED])
    brought = f"in Debian {packages} would bring them" if packages else ""
    yield rules.BASE_UNREAD.finding(
        f"{why}: whether it has {', '.join(named[:_NAMED])}{more} is not known",
        hint="; ".join(filter(None, (brought, again))),
        severity=Severity.WARNING,
    )


def _misfits(
    package: str, files: Sequence[Binary], versions: Mapping[str, str], provided: Mapping[str, int]
) -> Iterator[tuple[str, Finding]]:
    named = with_version(package, versions)
    installed = versions.get("numpy")
    if installed and package != "numpy":
        for path, facts in numpy_facts(files).items():
            verdict = numpy.fit(facts, installed, sizes=provided)
            if not verdict:
                yield (
                    path,
                    rules.WHEEL_NUMPY.finding(
                        f"{named} {verdict.why}; numpy {installed} is locked",
                        hint=f"pin numpy{verdict.wants}, or a {package} that was built for this numpy",
                        where=path,
                        between=(package, "numpy"),
                    ),
                )
    for binary in files:
        for need in binary.needs:
            top = need.module.partition(".")[0]
            actual = provided.get(f"{need.module}.{need.name}")
            if top in ("numpy", *_INTERPRETER) or actual is None or actual >= need.size:
                continue
            yield (
                binary.path,
                rules.WHEEL_STRUCT.finding(
                    f"{named} was compiled for a {need.module}.{need.name} of {need.size} bytes; "
                    f"{top} {versions.get(top, '')} has one of {actual}",
                    hint=f"pin the {top} that {package} was built with, or another {package}",
                    where=binary.path,
                    between=(package, *([top] if top in versions else [])),
                ),
            )


def numpy_facts(files: Sequence[Binary]) -> dict[str, numpy.NumpyFacts]:
    """NumPy facts of every file of a wheel, those of its libraries included."""
    sonames: dict[str, str] = {}
    for binary in files:
        if binary.elf:
            sonames.setdefault(binary.elf.soname or posixpath.basename(binary.path), binary.path)
            sonames.setdefault(posixpath.basename(binary.path), binary.path)
    needed = {binary.path: binary.elf.needed for binary in files if binary.elf}
    return numpy.inherited({binary.path: binary.numpy for binary in files}, needed, sonames)


def _closure_finding(
    problem: TooOld | UndefinedSymbol | Unloadable,
    owners: Mapping[str, str],
    versions: Mapping[str, str],
) -> Finding:
    """Warnings all: whether one matters shows when the imports are linked with the broken modules.

    `owners` has the package of each file.
    """
    package = owners.get(problem.file, "")
    named = with_version(package, versions) or problem.file
    between = [package] if package else []
    if isinstance(problem, TooOld):
        has = f"the base has {problem.newest}" if problem.newest else "the base lacks it"
        rule, message = rules.WHEEL_BASE_OLD, f"{named} needs {problem.version} of {problem.library}; {has}"
        hint = f"take a newer base, or an older version of {package}"
    elif isinstance(problem, UndefinedSymbol) and problem.library:
        user, library = owners.get(problem.user, package), owners.get(problem.library, "")
        rule, between = rules.WHEEL_SYMBOL, [each for each in (user, library) if each]
        symbol, file = problem.symbol.partition("@")[0], posixpath.basename(problem.library)
        message = (
            f"{user} {versions.get(user, '')} uses {symbol} of {file}, which "
            f"{library} {versions.get(library, '')} has without it"
        )
        hint = f"pin the {library} that was released with this {user}"
    elif isinstance(problem, UndefinedSymbol):
        rule = rules.WHEEL_SYMBOL
        message = f"{named} uses {problem.symbol}, which no library that it loads defines"
        hint = f"{package} was built against another version of what it needs: pin the one it names"
    else:
        rule, message = rules.WHEEL_UNLOADABLE, f"{named} has a file that cannot be loaded: {problem.why}"
        hint = f"take another version of {package}, or another base"
    return rule.finding(message, hint=hint, where=problem.file, between=between)


def _first_of_each(findings: Sequence[Finding]) -> Iterator[Finding]:
    """One finding for each rule and message: many files of a package share one cause."""
    seen: set[tuple[str, str]] = set()
    for found in findings:
        if (found.rule, found.message) not in seen:
            seen.add((found.rule, found.message))
            yield found
