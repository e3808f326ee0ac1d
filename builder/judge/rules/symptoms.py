"""The symptoms by which the cause of a failed import is known: one row of a table for each."""

from __future__ import annotations

import dataclasses
import re
import signal
from collections.abc import Callable, Mapping

from builder.judge.facts import Facts, ImportFault, Outcome
from builder.judge.rules.roles import Role
from envspec.proof.nvidia.driver import is_driver_library
from envspec.proof.nvidia.libraries import is_optional
from envspec.system import rules
from envspec.system.finding import Severity
from envspec.system.quoting import quoted_output
from envspec.system.rules import Rule


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """The reason for which one import failed, and what to do about it."""

    rule: Rule
    severity: Severity
    what: str
    """The heart of the message; equal causes have equal ones."""
    hint: str = ""
    place: str = ""
    """File and line, where there is one."""
    lacks: str = ""
    """Canonical name of a distribution that is not there and would bring what is missing."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FailedImport:
    """An import that failed, and all that helps to find its cause."""

    outcome: Outcome
    role: Role
    facts: Facts

    @property
    def faults(self) -> tuple[ImportFault, ...]:
        """The exception in which the chain began and the one that arrived; none where the process ended."""
        error = self.outcome.error
        return () if error is None else (self.outcome.root or error, error)

    @property
    def text(self) -> str:
        """The messages of the exceptions."""
        return "\n".join(each.message for each in self.faults)

    @property
    def said(self) -> str:
        """The exceptions in one line."""
        first, *_, last = [summary(each) for each in self.faults]
        return last if last == first else f"{last}, because of {first}"

    @property
    def place(self) -> str:
        """File and line where the failure began; empty where no Python code is to blame."""
        return self.faults[0].place if self.faults else _last_place(self.outcome.output)


Sign = Callable[[FailedImport], Mapping[str, str] | None]
"""A function that looks for a symptom: it gives the names that the message needs, or None."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Symptom:
    """A sign that tells the cause of a failed import, and what is said of it."""

    sign: Sign
    rule: Rule
    what: str = "{said}"
    """The heart of the message; `{said}` is the exceptions, other names are those that the sign found."""
    hint: str
    """Advice; it may use the names that the sign found."""
    severity: Severity = Severity.ERROR
    inner: Severity | None = None
    """How much it weighs inside packages, where that differs."""
    placed: bool = False
    """Whether the place belongs to the cause: the same words elsewhere are another cause then."""

    def cause(self, failed: FailedImport) -> Cause | None:
        """The cause of a failed import, if it shows this symptom."""
        names = self.sign(failed)
        if names is None:
            return None
        if failed.faults:
            names = {**names, "said": failed.said}
        inner = self.inner if failed.role.is_inner else None
        return Cause(
            rule=self.rule,
            severity=inner or self.severity,
            what=self.what.format(**names),
            hint=self.hint.format(**names),
            place=failed.place if self.placed else "",
        )


def first_cause(symptoms: tuple[Symptom, ...], failed: FailedImport) -> Cause | None:
    """The cause of a failed import by the first of these symptoms that it shows."""
    return next((cause for each in symptoms if (cause := each.cause(failed)) is not None), None)


def summary(fault: ImportFault) -> str:
    """An exception in one line of bounded length."""
    lines = [line.strip() for line in quoted_output(fault.message).splitlines() if line.strip()]
    text = " ".join(lines)
    return f"{fault.type}: {text[:300]}" if text else fault.type


def _says(pattern: str, flags: re.RegexFlag = re.NOFLAG) -> Sign:
    """The sign that messages match a pattern; the pattern's groups are the names."""
    compiled = re.compile(pattern, flags)

    def sign(failed: FailedImport) -> Mapping[str, str] | None:
        found = compiled.search(failed.text)
        return None if found is None else found.groupdict()

    return sign


def _ends(condition: Callable[[Outcome], object]) -> Sign:
    """The sign that the process ended in that way."""

    def sign(failed: FailedImport) -> Mapping[str, str] | None:
        return {} if condition(failed.outcome) else None

    return sign


def _writes(failed: FailedImport) -> Mapping[str, str] | None:
    root, error = failed.faults
    changed = failed.outcome.changed
    denied = root.isa("PermissionError") and bool(changed)
    read_only = "Read-only file system" in failed.text and error.isa("OSError")
    strayed = read_only and not changed
    where = "outside of its home and its temporary folder" if strayed else "into the environment"
    return {"where": where} if denied or read_only else None


_DEVICE = re.compile(
    r"no cuda gpus are available|found no nvidia driver|no cuda-capable device|cuda_error_no_device"
    r"|cudaerror(?:nodevice|insufficientdriver)|cuda driver version is insufficient|\b0 active drivers"
    r"|no (?:visible |available |compatible |supported )?(?:gpus?|cuda devices?|accelerators?)\b"
    r"|cannot find any (?:torch )?(?:accelerator|gpu|cuda device)|nvml shared library not found"
    r"|(?:needs?|requires?|must have|without) (?:an? |at least one )?(?:nvidia |cuda[- ]?\w* )?gpus?\b"
    r"|gpus? (?:is |are |was |were )?(?:required|needed|not (?:found|available|detected))"
    r"|(?:cuda|gpu) (?:is |was )?(?:not available|unavailable|not (?:found|detected))"
    r"|libcuda\.so[.\d]* (?:cannot|can't|could not|not) (?:be )?(?:found|loaded)|failed to infer device type",
    re.IGNORECASE,
)
"""How frameworks say that they found no device: PyTorch, CUDA's runtime, NVML, triton, JAX, vLLM."""
_WITHOUT = re.compile(
    r"not compiled with cuda|no module named|cannot import name|built without", re.IGNORECASE
)
"""What says that it is not the device alone that is missing."""


def _wants_device(failed: FailedImport) -> bool:
    return _DEVICE.search(failed.text) is not None and _WITHOUT.search(failed.text) is None


def _deviceless(failed: FailedImport) -> Mapping[str, str] | None:
    return {} if _wants_device(failed) and not failed.facts.has_card else None


def _unused(failed: FailedImport) -> Mapping[str, str] | None:
    return {} if _wants_device(failed) and failed.facts.has_card else None


def _unconfigured(failed: FailedImport) -> Mapping[str, str] | None:
    """That it waits for the settings of a project, by Django's own exceptions."""
    waits = any(each.isa("ImproperlyConfigured", "AppRegistryNotReady") for each in failed.faults)
    said = "DJANGO_SETTINGS_MODULE" in failed.text or "settings are not configured" in failed.text
    absent = any(each.isa("ModuleNotFoundError") and _loads_settings(each) for each in failed.faults)
    return {} if (waits or said or absent) and failed.role is not Role.DECLARED else None


def _loads_settings(fault: ImportFault) -> bool:
    """Whether it ends where Django imports what `DJANGO_SETTINGS_MODULE` names: the project's own module."""
    return any(file.endswith("/django/conf/__init__.py") for file, _, _ in fault.frames[-2:])


_SECRET = re.compile(
    r"\b(?i:set|pass|provide|specify|define|export|missing|no|without)\b[^.]{0,80}"
    r"(?:\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|(?i:environment variables?|api[ _-]?keys?|credentials|access tokens?))"
)
"""How clients say that their user has not told them a key, or a variable that would."""


def _untold(failed: FailedImport) -> Mapping[str, str] | None:
    """That a command, or what others may do without, waits for what its user would set."""
    counts = failed.role is Role.COMMAND or failed.role is Role.TRANSITIVE or failed.role.is_inner
    lacks = any(each.isa("ImportError", "AttributeError", "NameError", "TypeError") for each in failed.faults)
    return {} if counts and not lacks and _SECRET.search(failed.text) else None


def _of_driver(failed: FailedImport) -> Mapping[str, str] | None:
    names = _LIBRARY(failed)
    return names if names is not None and is_driver_library(names["name"]) else None


def _optional(failed: FailedImport) -> Mapping[str, str] | None:
    names = _LIBRARY(failed)
    return names if names is not None and failed.role.is_inner and is_optional(names["name"]) else None


def _borrowed(failed: FailedImport) -> Mapping[str, str] | None:
    found = re.search(r"undefined symbol: (?P<name>\w+)", failed.text)
    return found.groupdict() if found and failed.outcome.borrows and failed.role.is_inner else None


_LIBRARY = _says(r"(?P<name>[\w.+-]+\.so[\w.]*): cannot open shared object file")

_BUNDLED_NAME = re.compile(r"-[0-9a-f]{8}(?:[.-][\w.-]*)?\.so")
"""Names of libraries that wheels carry along: `auditwheel` puts part of the content's digest into them."""


def _bundled(failed: FailedImport) -> Mapping[str, str] | None:
    names = _LIBRARY(failed)
    return names if names is not None and _BUNDLED_NAME.search(names["name"]) else None


SYMPTOMS = (
    Symptom(
        sign=_unconfigured,
        rule=rules.IMPORT_FAILS,
        severity=Severity.INFO,
        what="wants the settings of a Django project: {said}",
        hint="nothing, where DJANGO_SETTINGS_MODULE is set when it is used",
    ),
    Symptom(
        sign=_untold,
        rule=rules.IMPORT_FAILS,
        severity=Severity.INFO,
        what="wants what its user would set: {said}",
        hint="nothing, where that is set when it is used",
    ),
    Symptom(
        sign=_deviceless,
        rule=rules.DEVICE_WANTED,
        severity=Severity.INFO,
        what="asks for a card, and this machine has none ({said})",
        hint="verify it on a machine with a card",
        placed=True,
    ),
    Symptom(
        sign=_unused,
        rule=rules.CARD_IDLE,
        what="finds no card, and this machine has one ({said})",
        hint="see whether the driver is new enough for its CUDA, and whether the container has the card",
        placed=True,
    ),
    Symptom(
        sign=_of_driver,
        rule=rules.DEVICE_WANTED,
        severity=Severity.INFO,
        what="needs the driver's {name}, which the host brings",
        hint="verify it on a machine with a card",
    ),
    Symptom(
        sign=_optional,
        rule=rules.OPTIONAL,
        severity=Severity.INFO,
        what="needs the optional library {name}, which is not installed",
        hint="install it if that part is used",
    ),
    Symptom(
        sign=_borrowed,
        rule=rules.OPTIONAL,
        severity=Severity.INFO,
        what="has the symbol {name} from a library that was loaded before it, and is not here",
        hint="nothing, unless that part is used",
    ),
    Symptom(
        sign=_writes,
        rule=rules.WRITES,
        severity=Severity.WARNING,
        what="the import writes {where}",
        hint="while it is judged that is read-only; in an image it may be as well",
        placed=True,
    ),
    Symptom(
        sign=_says(
            r"size changed, may indicate binary incompat|numpy\.core\.multiarray failed to import"
            r"|_ARRAY_API not found|numpy\._?core\._?multiarray_umath failed|compiled using NumPy 1\.x"
            r"|compiled against (?:NumPy )?API version"
            r"|compiled against ABI version|module compiled against"
        ),
        rule=rules.NUMPY_ABI,
        hint="install a build made for this NumPy, or pin the NumPy that it was made for",
        placed=True,
    ),
    Symptom(
        sign=_says(r"version `(?P<name>(?:GLIBC|GLIBCXX|CXXABI|GCC)_[\w.]+)' not found"),
        rule=rules.LIBC,
        what="needs {name}, which this system lacks",
        hint="use a newer base image, or a wheel with an older manylinux tag",
    ),
    Symptom(
        sign=_says(r"undefined symbol: (?P<name>\w+)"),
        rule=rules.SYMBOL,
        what="undefined symbol {name}",
        hint="it was built against another version of a library: install what was built together",
    ),
    Symptom(  # how glibc and NumPy refuse a build that is for newer processors
        sign=_says(r"CPU ISA level is lower than required|built with baseline optimizations"),
        rule=rules.PROCESSOR,
        hint="take a build for older processors, or run it on a newer one",
        placed=True,
    ),
    Symptom(  # what the loader says of a file that it does not take for a library of this machine
        sign=_says(
            r"invalid ELF header|file too short|wrong ELF class|ELF load command|ELF file's \w+"
            r"|ELF file (?:version|OS)|failed to map segment|cannot enable executable stack"
            r"|static TLS block|only ET_DYN and ET_EXEC"
        ),
        rule=rules.UNLOADABLE,
        hint="the file is damaged or made for another machine: reinstall what it belongs to",
    ),
    Symptom(
        sign=_bundled,
        rule=rules.LIBRARY_MISSING,
        what="needs {name}, which its wheel carries along and which is not there",
        hint="files of two builds were mixed, or some were removed: reinstall the package",
    ),
    Symptom(
        sign=_LIBRARY,
        rule=rules.LIBRARY_MISSING,
        inner=Severity.WARNING,
        what="needs {name}, which is not installed",
        hint="install the system package that provides {name}",
    ),
    Symptom(  # how bindings that look for a library themselves say that it is not there
        sign=_says(
            r"(?:could ?n[o']t|could not|cannot|unable to|failed to) (?:find|locate|load)\b.*\blibrary"
            r"|\blibrary (?:was |is |could )?(?:not|n't) (?:be )?(?:found|loaded|installed|available)"
            r"|\blibrary not found|no library called",
            re.IGNORECASE,
        ),
        rule=rules.LIBRARY_MISSING,
        inner=Severity.WARNING,
        hint="install the system package that provides the library",
        placed=True,
    ),
)
"""What exceptions tell, the surest first."""

_HARMFUL = "do not install what does this to its users"


def _signal(failed: FailedImport) -> Mapping[str, str] | None:
    number = failed.outcome.signal
    if not number:
        return None
    try:
        return {"name": signal.Signals(number).name}
    except ValueError:
        return {"name": f"signal {number}"}


def _bomb(failed: FailedImport) -> Mapping[str, str] | None:
    return {"count": str(failed.outcome.processes)} if failed.outcome.processes else None


def _unstarted(failed: FailedImport) -> Mapping[str, str] | None:
    if not failed.outcome.unstarted:
        return None
    lines = quoted_output(failed.outcome.output).strip().splitlines()
    return {"why": f": {lines[-1]}" if lines else ""}


ENDS = (
    Symptom(
        sign=_ends(lambda outcome: outcome.signal == signal.SIGXCPU or outcome.timeout),
        rule=rules.HANG,
        what="the import does not come to an end",
        hint="see where it waits; a module should not connect, wait or compute while it is imported",
        placed=True,
    ),
    Symptom(
        sign=_ends(lambda outcome: outcome.signal == signal.SIGILL),
        rule=rules.PROCESSOR,
        what="the import dies of SIGILL: it has an instruction that this processor does not know",
        hint="take a build for older processors, or run it on a newer one",
        placed=True,
    ),
    Symptom(
        sign=_signal,
        rule=rules.CRASH,
        what="the import dies of {name}",
        hint="a compiled module is damaged or does not fit what it was loaded with: reinstall it, "
        "or take a version built for these neighbours",
        placed=True,
    ),
    Symptom(
        sign=_ends(lambda outcome: outcome.flood),
        rule=rules.HARM,
        what="the import prints without end",
        hint=_HARMFUL,
    ),
    Symptom(
        sign=_bomb,
        rule=rules.HARM,
        what="the import starts processes without end (more than {count})",
        hint=_HARMFUL,
    ),
    Symptom(
        sign=_ends(lambda outcome: outcome.killed_by),
        rule=rules.HARM,
        what="the import kills the processes around it",
        hint=_HARMFUL,
    ),
    Symptom(
        sign=_unstarted,
        rule=rules.START,
        what="the interpreter does not start{why}",
        hint="run the interpreter by hand and repair what its start prints",
    ),
    Symptom(
        sign=lambda failed: {"code": str(failed.outcome.exit)},
        rule=rules.IMPORT_FAILS,
        inner=Severity.WARNING,
        what="the import ends the process with exit code {code}",
        hint="a module must not exit while it is imported",
    ),
)
"""What the end of the process tells where no exception arrived; the last row shows always."""


def _last_place(output: str) -> str:
    """The innermost Python line of a `faulthandler` report."""
    for file, line in re.findall(r'^  File "([^"]+)", line (\d+)', output, re.MULTILINE):
        if not file.startswith("<"):
            return f"{file}:{line}"
    return ""
