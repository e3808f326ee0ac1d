"""Every rule of the judge: its id, what it says, how much it weighs by default, and its page."""

from __future__ import annotations

import dataclasses

from envspec.system.finding import Finding, Severity


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One thing that the judge looks for."""

    id: str
    title: str
    severity: Severity
    """By default; a rule may say that a case weighs less."""

    @property
    def page(self) -> str:
        """Its page in the documentation."""
        return f"docs/rules/{self.id}.md"

    def finding(
        self, message: str, *, hint: str = "", where: str = "", severity: Severity | None = None
    ) -> Finding:
        """A finding of this rule."""
        return Finding(
            rule=self.id, severity=severity or self.severity, message=message, hint=hint, where=where
        )


_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

IMPORT_FAILS = Rule(id="EV201", title="a module cannot be imported", severity=_ERROR)
CRASH = Rule(id="EV202", title="an import crashes the interpreter", severity=_ERROR)
LIBRARY_MISSING = Rule(id="EV203", title="a shared library is missing", severity=_ERROR)
HANG = Rule(id="EV204", title="an import does not come to an end", severity=_ERROR)
HARM = Rule(id="EV205", title="an import floods, forks without end or kills", severity=_ERROR)
NOISE = Rule(id="EV206", title="an import prints or warns", severity=_INFO)
NETWORK = Rule(id="EV207", title="an import reaches for the network", severity=_WARNING)
WRITES = Rule(id="EV208", title="an import changes the environment", severity=_WARNING)
REQUIREMENT_ABSENT = Rule(
    id="EV209", title="an import needs a package that is not installed", severity=_ERROR
)
DECLARED_IMPORT = Rule(id="EV210", title="a declared import fails", severity=_ERROR)
DECLARED_ATTRIBUTE = Rule(id="EV211", title="a declared attribute is missing", severity=_ERROR)
OPTIONAL = Rule(id="EV212", title="an optional part cannot be imported", severity=_INFO)
STDLIB_GONE = Rule(id="EV213", title="a module is not in this Python's standard library", severity=_ERROR)
OLD_FINDER = Rule(
    id="EV214", title="a package finds its modules in a way this Python ignores", severity=_ERROR
)

NUMPY_ABI = Rule(id="EV220", title="a compiled module does not fit the NumPy installed", severity=_ERROR)
SIZE_CHANGED = Rule(id="EV221", title="a struct has grown since a module was compiled", severity=_WARNING)
SYMBOL = Rule(id="EV222", title="a symbol is undefined", severity=_ERROR)
LIBC = Rule(id="EV223", title="the C or C++ library is too old", severity=_ERROR)
NUMPY_LATENT = Rule(id="EV225", title="a compiled module was built for another NumPy", severity=_ERROR)
UNLOADABLE = Rule(id="EV226", title="the loader refuses a compiled module", severity=_ERROR)
STABLE_ABI = Rule(id="EV227", title="an abi3 module uses what the stable ABI lacks", severity=_INFO)
PROCESSOR = Rule(id="EV228", title="a compiled module needs a newer processor", severity=_ERROR)
FOREIGN_WHEEL = Rule(id="EV224", title="a wheel was made for another platform or Python", severity=_ERROR)

MISSING_FILE = Rule(id="EV230", title="an installed file is missing", severity=_ERROR)
DAMAGED_FILE = Rule(id="EV231", title="an installed file is empty, cut short or blank", severity=_ERROR)
EDITED_FILE = Rule(id="EV232", title="an installed file was edited", severity=_WARNING)
OVERWRITTEN = Rule(id="EV233", title="two distributions claim a file", severity=_WARNING)
OWNERLESS = Rule(id="EV234", title="a package belongs to no distribution", severity=_WARNING)
TWO_VERSIONS = Rule(id="EV235", title="a distribution is registered twice", severity=_ERROR)
METADATA = Rule(id="EV236", title="a distribution's metadata is damaged", severity=_ERROR)
SEVERED = Rule(id="EV237", title="an editable installation leads nowhere", severity=_ERROR)
UNLISTED = Rule(id="EV238", title="a distribution lists no files", severity=_INFO)

START = Rule(id="EV240", title="the interpreter does not start as it should", severity=_ERROR)
STDLIB_SHADOWED = Rule(id="EV241", title="a standard module is shadowed", severity=_ERROR)
SHADOWED = Rule(id="EV242", title="an installed module is shadowed", severity=_ERROR)
PTH = Rule(id="EV243", title="a .pth file fails or prints", severity=_WARNING)
PROGRAM = Rule(id="EV244", title="a program that a package runs is missing", severity=_WARNING)
PLACEHOLDER = Rule(id="EV245", title="a distribution is an empty placeholder", severity=_ERROR)
NOTHING = Rule(id="EV246", title="nothing is installed", severity=_WARNING)
STDLIB_BROKEN = Rule(id="EV247", title="a compiled standard module cannot be loaded", severity=_WARNING)

REQUIREMENT_MISSING = Rule(id="EV250", title="a requirement is not installed", severity=_WARNING)
REQUIREMENT_VERSION = Rule(
    id="EV251", title="a requirement is installed in another version", severity=_WARNING
)
PYTHON_VERSION = Rule(id="EV252", title="a distribution does not support this Python", severity=_WARNING)

NAME_GONE = Rule(id="EV260", title="a name used from another distribution does not exist", severity=_ERROR)
ARGUMENT = Rule(id="EV261", title="an argument is not accepted by another distribution", severity=_ERROR)
RUNTIMES = Rule(id="EV262", title="a threading runtime is there twice", severity=_INFO)

EXCHANGE_WRONG = Rule(id="EV270", title="an array comes back changed", severity=_ERROR)
EXCHANGE_FAILS = Rule(id="EV271", title="an array cannot be exchanged", severity=_ERROR)

DRIFT = Rule(id="EV280", title="another version than the lock's is installed", severity=_ERROR)
NOT_INSTALLED = Rule(id="EV281", title="a locked distribution is not installed", severity=_ERROR)
NOT_LOCKED = Rule(id="EV282", title="an installed distribution is not in the lock", severity=_WARNING)

UNFINISHED = Rule(id="EV290", title="the judge ran out of time", severity=_WARNING)
NOT_RUN = Rule(id="EV291", title="nothing could be run, so only the lock was proved", severity=_WARNING)

RULES: dict[str, Rule] = {rule.id: rule for rule in list(globals().values()) if isinstance(rule, Rule)}
"""All of them by id."""
