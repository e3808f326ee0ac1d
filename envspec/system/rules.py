"""The one registry of rules: id, title, weight and page of each, and the one way to make a finding.

A new rule is a row here, a page `docs/rules/EVnnn.md`, and code that calls `rules.NAME.finding(...)`.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterable, Mapping

from envspec.system.finding import Finding, Severity


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One kind of thing that lint, the proof, the judge or the trial looks for."""

    id: str
    """Stable, such as `EV101`: users name it in `[smoke] ignore` and find its page by it."""
    title: str
    """What is the case where the rule finds something, in a few words."""
    severity: Severity
    """How much its findings weigh unless a finding says otherwise."""

    @property
    def page(self) -> str:
        """Path of its page in the repository: an example, the causes, the cures."""
        return f"docs/rules/{self.id}.md"

    def finding(
        self,
        message: str,
        *,
        hint: str = "",
        where: str = "",
        module: str = "",
        between: Iterable[str] = (),
        lacks: str = "",
        also: Iterable[str] = (),
        severity: Severity | None = None,
    ) -> Finding:
        """A finding of this rule; `severity` where this case weighs other than most."""
        return Finding(
            rule=self.id,
            severity=severity or self.severity,
            message=message,
            hint=hint,
            where=where,
            module=module,
            between=tuple(dict.fromkeys(between)),
            lacks=lacks,
            also=tuple(also),
        )


_BY_ID: dict[str, Rule] = {}

RULES: Mapping[str, Rule] = types.MappingProxyType(_BY_ID)
"""All rules by their id, in the order of this file."""


def _rule(id: str, title: str, severity: Severity) -> Rule:  # noqa: A002 -- as the field
    """Make a rule and enter it in `RULES`."""
    if id in _BY_ID:
        raise ValueError(f"{id} is there twice")
    _BY_ID[id] = Rule(id=id, title=title, severity=severity)
    return _BY_ID[id]


_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

# EV0: lint, which reads the spec alone (`envspec/spec/lint.py`).

VERSION_OPEN = _rule("EV001", "a version is left open", _WARNING)
PACKAGE_TWICE = _rule("EV002", "a package is named twice", _WARNING)
STAGES_CONTRADICT = _rule("EV003", "two stages contradict each other", _ERROR)
STAGES_ALIKE = _rule("EV004", "two stages are alike", _WARNING)
STAGE_EMPTY = _rule("EV005", "a stage installs nothing", _ERROR)
WHEEL_UNHASHED = _rule("EV006", "a prebuilt wheel comes without its hash", _WARNING)
WHEEL_FOREIGN = _rule("EV007", "a prebuilt wheel cannot run on the target", _ERROR)
REMOVED_AND_INSTALLED = _rule("EV008", "a package is both removed and installed", _ERROR)
BASE_FLOATS = _rule("EV009", "the base image's content changes under its name", _INFO)
INDEX_UNDECLARED = _rule("EV010", "an index is not declared", _ERROR)
INDEX_UNUSED = _rule("EV011", "an index is used by no stage", _INFO)
BASE_MUSL = _rule("EV012", "a base on musl is given Debian packages", _ERROR)
PASSWORD_WRITTEN = _rule("EV013", "the spec holds a password", _WARNING)

# EV10: the lock, as it is made (`envspec/resolve/resolver.py`) and proved (`envspec/proof/prove.py`).

NO_SOLUTION = _rule("EV101", "the stages have no joint solution", _ERROR)
NO_FILE = _rule("EV102", "a package cannot be had for the target", _ERROR)
LOCK_FALLS_SHORT = _rule("EV103", "the lock does not satisfy a requirement", _ERROR)
REQUIREMENT_REMOVED = _rule("EV104", "a package requires what the spec removes", _WARNING)
PYTHON_UNSUITED = _rule("EV105", "a package does not want the target's Python", _ERROR)
SOURCE_UNBUILDABLE = _rule("EV106", "a source distribution cannot be built", _ERROR)

# EV12 and EV13: compiled files in locked wheels (`envspec/proof/abi/judge.py`).

WHEEL_NUMPY = _rule("EV120", "a package was built for another NumPy", _ERROR)
WHEEL_STRUCT = _rule("EV121", "a compiled module expects another struct", _ERROR)
WHEEL_LIBRARY = _rule("EV130", "a shared library is missing", _WARNING)
WHEEL_BASE_OLD = _rule("EV131", "the base is too old for a compiled file", _WARNING)
WHEEL_SYMBOL = _rule("EV132", "a symbol is undefined", _WARNING)
WHEEL_UNLOADABLE = _rule("EV133", "a compiled file cannot be loaded", _WARNING)
BASE_UNREAD = _rule("EV134", "the base could not be read", _INFO)
BASE_OTHER_LIBC = _rule("EV135", "the base has another C library than the lock's", _ERROR)

# EV14: imports in locked wheels, linked without running them (`envspec/proof/imports/findings.py`).

LINK_FAILS = _rule("EV140", "an import surely fails", _ERROR)
LINK_DOUBTFUL = _rule("EV141", "an import may fail", _WARNING)
LINK_PLACEHOLDER = _rule("EV142", "a package is a placeholder", _ERROR)

LINK_UNREAD = _rule("EV143", "a module is too large to be read", _INFO)
NOT_TRIED = _rule("EV144", "the imports were read, and not tried", _INFO)

# EV15: sizes (`envspec/proof/size.py`).

SIZE = _rule("EV150", "what the stages add", _INFO)
SIZE_OVER_BUDGET = _rule("EV151", "the stages add more than the budget", _ERROR)

# EV16: where the files of locked wheels go (`envspec/proof/places.py`).

WHEEL_REPLACES = _rule("EV160", "a wheel would replace a file of the environment", _ERROR)
WHEELS_OVERLAP = _rule("EV161", "two packages bring one file", _ERROR)
WHEEL_STARTS = _rule("EV162", "a wheel runs code at every start of Python", _INFO)

# EV17 and EV18: cards, drivers, processors, and libraries of CUDA (`envspec/proof/gpu/`).

NO_KERNELS = _rule("EV170", "a package has no code for a card", _ERROR)
DRIVER_OLD = _rule("EV171", "the driver is too old", _ERROR)
CARD_UNUSED = _rule("EV172", "nothing in the set can use the card that is meant", _ERROR)
CUDA_MAJORS = _rule("EV173", "a library of CUDA is there for another CUDA alone", _WARNING)
TARGET_OPEN = _rule("EV174", "what a set wants of a card is left open", _INFO)
CARDLESS_CUDA = _rule("EV175", "a set for processors holds libraries for cards", _WARNING)
CUDA_LIBRARY = _rule("EV176", "a library of CUDA is missing", _ERROR)
CUDA_PATH = _rule("EV177", "a library of CUDA is on no search path", _ERROR)
TORCH_EXTENSION = _rule("EV178", "an extension was built for another torch", _ERROR)
PLUGIN_MISMATCH = _rule("EV179", "a plugin does not fit its host", _ERROR)
PROCESSOR_OLD = _rule("EV180", "a compiled file needs a newer processor than the target's", _ERROR)

# EV20 and EV21: the judge's imports, run in the environment (`builder/judge/rules/imports.py`).

IMPORT_FAILS = _rule("EV201", "a module cannot be imported", _ERROR)
CRASH = _rule("EV202", "an import crashes the interpreter", _ERROR)
LIBRARY_MISSING = _rule("EV203", "a shared library is missing", _ERROR)
HANG = _rule("EV204", "an import does not come to an end", _ERROR)
HARM = _rule("EV205", "an import floods, forks without end or kills", _ERROR)
NOISE = _rule("EV206", "an import prints or warns", _INFO)
NETWORK = _rule("EV207", "an import reaches for the network", _WARNING)
WRITES = _rule("EV208", "an import changes the environment", _WARNING)
REQUIREMENT_ABSENT = _rule("EV209", "an import needs a package that is not installed", _ERROR)
DECLARED_IMPORT = _rule("EV210", "a declared import fails", _ERROR)
DECLARED_ATTRIBUTE = _rule("EV211", "a declared attribute is missing", _ERROR)
OPTIONAL = _rule("EV212", "an optional part cannot be imported", _INFO)
STDLIB_GONE = _rule("EV213", "a module is not in this Python's standard library", _ERROR)
OLD_FINDER = _rule("EV214", "a package finds its modules in a way this Python ignores", _ERROR)

# EV22: the judge's compiled modules and libraries (`imports.py`, `abi.py`, `binaries.py`, `wheels.py`).

NUMPY_ABI = _rule("EV220", "a compiled module does not fit the NumPy installed", _ERROR)
SIZE_CHANGED = _rule("EV221", "a struct has grown since a module was compiled", _WARNING)
SYMBOL = _rule("EV222", "a symbol is undefined", _ERROR)
LIBC = _rule("EV223", "the C or C++ library is too old", _ERROR)
FOREIGN_WHEEL = _rule("EV224", "a wheel was made for another platform or Python", _ERROR)
NUMPY_LATENT = _rule("EV225", "a compiled module was built for another NumPy", _ERROR)
UNLOADABLE = _rule("EV226", "the loader refuses a compiled module", _ERROR)
STABLE_ABI = _rule("EV227", "an abi3 module uses what the stable ABI lacks", _INFO)
PROCESSOR = _rule("EV228", "a compiled module needs a newer processor", _ERROR)

# EV23: the judge's installed files (`files.py`).

MISSING_FILE = _rule("EV230", "an installed file is missing", _ERROR)
DAMAGED_FILE = _rule("EV231", "an installed file is empty, cut short or blank", _ERROR)
EDITED_FILE = _rule("EV232", "an installed file was edited", _WARNING)
OVERWRITTEN = _rule("EV233", "two distributions claim a file", _WARNING)
OWNERLESS = _rule("EV234", "a package belongs to no distribution", _WARNING)
TWO_VERSIONS = _rule("EV235", "a distribution is registered twice", _ERROR)
METADATA = _rule("EV236", "a distribution's metadata is damaged", _ERROR)
SEVERED = _rule("EV237", "an editable installation leads nowhere", _ERROR)
UNLISTED = _rule("EV238", "a distribution lists no files", _INFO)

# EV24: what lies around the packages (`surroundings.py`, `programs.py`, `files.py`).

START = _rule("EV240", "the interpreter does not start as it should", _ERROR)
STDLIB_SHADOWED = _rule("EV241", "a standard module is shadowed", _ERROR)
SHADOWED = _rule("EV242", "an installed module is shadowed", _ERROR)
PTH = _rule("EV243", "a .pth file fails or prints", _WARNING)
PROGRAM = _rule("EV244", "a program that a package runs is missing", _WARNING)
PLACEHOLDER = _rule("EV245", "a distribution is an empty placeholder", _ERROR)
NOTHING = _rule("EV246", "nothing is installed", _WARNING)
STDLIB_BROKEN = _rule("EV247", "a compiled standard module cannot be loaded", _WARNING)

GIL_ENABLED = _rule("EV248", "a module turns the global interpreter lock on again", _WARNING)

# EV25: declared requirements (`requirements.py`).

REQUIREMENT_MISSING = _rule("EV250", "a requirement is not installed", _WARNING)
REQUIREMENT_VERSION = _rule("EV251", "a requirement is installed in another version", _WARNING)
PYTHON_VERSION = _rule("EV252", "a distribution does not support this Python", _WARNING)

# EV26: use of each other (`usage.py`, `plugins.py`), and runtimes that are there twice (`exchange.py`).

NAME_GONE = _rule("EV260", "a name used from another distribution does not exist", _ERROR)
ARGUMENT = _rule("EV261", "an argument is not accepted by another distribution", _ERROR)
RUNTIMES = _rule("EV262", "a threading runtime is there twice", _INFO)
PLUGIN_BREAKS_HOST = _rule("EV263", "pytest cannot run the least of tests here", _ERROR)

# EV27: arrays sent to and fro (`exchange.py`).

EXCHANGE_WRONG = _rule("EV270", "an array comes back changed", _ERROR)
EXCHANGE_FAILS = _rule("EV271", "an array cannot be exchanged", _ERROR)

# EV28: drift from the lock (`lock.py`).

DRIFT = _rule("EV280", "another version than the lock's is installed", _ERROR)
NOT_INSTALLED = _rule("EV281", "a locked distribution is not installed", _ERROR)
NOT_LOCKED = _rule("EV282", "an installed distribution is not in the lock", _WARNING)

# EV29: what the judge could not look at (`imports.py`, `builder/flow/check.py`).

UNFINISHED = _rule("EV290", "the judge ran out of time", _WARNING)
NOT_RUN = _rule("EV291", "nothing could be run, so only the lock was proved", _WARNING)

UNCONFINED = _rule("EV292", "verification ran without a whole sandbox", _INFO)
CARD_OLD_DRIVER = _rule("EV295", "the driver here is older than the environment's CUDA", _ERROR)
CARD_IDLE = _rule("EV296", "a card is here, and the environment cannot use it", _ERROR)
CARD_COMPUTES_WRONG = _rule("EV297", "a computation on the card fails or is wrong", _ERROR)
CARD_EXCHANGE = _rule("EV298", "an array is lost between two libraries on the card", _ERROR)
DEVICE_WANTED = _rule("EV299", "what asks for a card could not be judged without one", _INFO)

# EV30: programs, started and used in their environment (`builder/judge/tried.py`), and what serves an
# application (`builder/flow/serving.py`).

PROGRAM_ENDS = _rule("EV301", "a program ends instead of serving", _ERROR)
PROGRAM_NOT_READY = _rule("EV302", "a program does not become ready", _ERROR)
PROGRAM_NO_ANSWER = _rule("EV303", "a program does not answer its trial as expected", _ERROR)
PROGRAM_NO_SPEECH = _rule("EV304", "the trial's audio is no speech", _ERROR)
PROGRAM_WORKS = _rule("EV305", "a program works", _INFO)
PROGRAM_MISSING = _rule("EV306", "a program's command is not in the environment", _ERROR)
TRIAL_ENDS = _rule("EV307", "a command ends otherwise than its trial expects", _ERROR)
TRIAL_LEFT_OUT = _rule("EV308", "a program was not tried", _INFO)
NO_SERVER = _rule("EV309", "nothing in the lock serves the payload", _ERROR)

# EV31: what is copied of the user's folders (`builder/values/left_out.py`).

SECRETS_LEFT_OUT = _rule("EV310", "secrets stay out of what is copied", _WARNING)
LINK_LOST = _rule("EV311", "a link of the service's code is not copied", _WARNING)
OUTPUT_LEFT_OUT = _rule("EV312", "what this tool wrote is not copied", _INFO)
COPY_LARGE = _rule("EV313", "a copy is large", _INFO)
COPY_NOT_PLACED = _rule("EV314", "a virtual environment has no place for a copy", _INFO)

NOT_UNDERSTOOD = _rule("EV315", "the trial's audio is not understood", _ERROR)
