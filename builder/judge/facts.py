"""The probe's facts as values: what every rule of the judge reads."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from builder.inside.probe import report
from builder.values.verdict import Installed


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """A distribution as it is registered: one dist-info or egg-info."""

    name: str
    version: str
    folder: str
    """The path entry that holds it."""
    entry: str
    """Name of its metadata folder or file."""
    roots: tuple[str, ...]
    """Dotted names of its shallowest packages and single modules."""
    extensions: tuple[str, ...]
    """Dotted names of its compiled modules."""
    extension_files: tuple[str, ...]
    """The files of the compiled modules below `folder`, in the same order."""
    requires: tuple[Requirement, ...]
    """The requirements that hold here without an extra."""
    optional: tuple[Requirement, ...]
    """The requirements of extras."""
    requires_python: str
    tags: tuple[str, ...]
    """Compatibility tags of the wheel it came from; empty where none are known."""
    requested: bool
    """Whether an installer says that a user asked for it."""
    listed: bool
    """Whether it lists its files."""
    metadata: bool
    """Whether its metadata can be read."""
    stem_version: str
    """The version in the name of its metadata folder."""
    summary: str
    editable: bool

    @property
    def key(self) -> str:
        """Its name in canonical form."""
        return canonicalize_name(self.name)

    def needs(self, other: Distribution) -> bool:
        """Whether it requires another, without an extra."""
        return any(canonicalize_name(each.name) == other.key for each in self.requires)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ImportFault:
    """An exception that an import ended with, or that one was raised from."""

    type: str
    bases: tuple[str, ...]
    message: str
    frames: tuple[tuple[str, int, str], ...]
    """Innermost last: file, line, function."""
    name: str = ""
    """The module that an ImportError names."""
    holder: str = ""
    """The module of what lacks an attribute."""
    path: str = ""
    file: str = ""
    """The file that a SyntaxError or an OSError names."""
    line: int = 0

    @property
    def place(self) -> str:
        """File and line where it was raised; empty where no Python code did."""
        if self.type in ("SyntaxError", "IndentationError", "TabError") and self.file:
            return f"{self.file}:{self.line}"
        return f"{self.frames[-1][0]}:{self.frames[-1][1]}" if self.frames else ""

    def isa(self, *names: str) -> bool:
        """Whether it is one of these exceptions."""
        return self.type in names or any(base in names for base in self.bases)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How one import went; at most one of `error`, `signal`, `timeout`... is set."""

    module: str
    seconds: float = 0.0
    file: str = ""
    error: ImportFault | None = None
    root: ImportFault | None = None
    """Where the chain of `error` began; `error` itself where there is no chain."""
    signal: int = 0
    exit: int | None = None
    """Exit code of a module that ended its process."""
    timeout: bool = False
    flood: bool = False
    """Whether it was stopped because it printed without end."""
    processes: int = 0
    """How many processes were too many, where it was stopped because it started more."""
    killed_by: int = 0
    """The signal with which it took down the processes around it."""
    unstarted: bool = False
    """Whether the interpreter did not start for it."""
    late: bool = False
    """Not tried: the judge's own time was over."""
    output: str = ""
    bytes: int = 0
    warnings: tuple[report.Warned, ...] = ()
    network: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    finders: tuple[str, ...] = ()
    lent: tuple[str, ...] = ()
    """Libraries that were loaded before, because it was known to lack them."""
    stands_in: bool = False
    """Whether one of them stood in for the driver's."""
    borrows: bool = False
    """Whether a symbol that it lacks is none of any library that it names."""
    unnamed: bool = False
    """Whether it is a compiled module that no Python file of its distribution names."""
    lacks: tuple[tuple[str, str], ...] = ()
    """Declared attributes that cannot be read, with the reason."""

    @property
    def failed(self) -> bool:
        """Whether the import did not come to a good end, for whatever reason."""
        return bool(
            self.error or self.signal or self.exit is not None or self.timeout or self.flood
            or self.processes or self.killed_by or self.unstarted
        )  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Everything that the probe saw; `raw` holds what only one family of rules reads."""

    python: report.InterpreterFacts
    distributions: tuple[Distribution, ...]
    imports: tuple[Outcome, ...]
    raw: report.ProbeReport
    by_root: Mapping[str, tuple[Distribution, ...]] = dataclasses.field(default_factory=dict)
    """Distributions by import root and by the first part of each root."""
    needed: frozenset[str] = frozenset()
    """Canonical names that some distribution requires."""

    @classmethod
    def of(cls, raw: report.ProbeReport) -> Facts:
        """The facts in what the probe reported."""
        markers = {**raw["python"]["markers"]}
        distributions = tuple(_distribution(each, markers) for each in raw["distributions"])
        return cls(
            python=raw["python"],
            distributions=distributions,
            by_root=_owners(distributions),
            needed=_needed(distributions),
            imports=_merged([_outcome(each) for each in raw["imports"]]),
            raw=raw,
        )

    def installed(self, numpy: Mapping[str, str]) -> tuple[Installed, ...]:
        """The distributions as a verdict lists them; `numpy` tells what each was built for, by its key."""
        sizes = self.raw["files"]["sizes"]
        listed = {(each.key, each.version): each for each in self.distributions}
        return tuple(
            Installed(
                name=each.name,
                version=each.version,
                size=sizes.get(each.name, 0),
                requires=tuple(sorted({f"{need.name}{need.specifier}" for need in each.requires})),
                roots=each.roots,
                extensions=len(each.extensions),
                numpy=numpy.get(each.key, ""),
            )
            for _, each in sorted(listed.items())
        )

    def by_name(self) -> dict[str, Distribution]:
        """Distributions by canonical name; the first on the path where there are doubles."""
        return {each.key: each for each in reversed(self.distributions)}

    @property
    def has_card(self) -> bool:
        """Whether this machine has a card that programs compute on."""
        return bool(self.raw["device"]["nodes"])

    def is_wanted(self, dist: Distribution) -> bool:
        """Whether somebody wants a distribution for itself: no other requires it, or it was asked for."""
        return dist.requested or dist.key not in self.needed

    def lazy(self) -> Iterator[tuple[str, Outcome]]:
        """Public names that fail when they are reached for, each with the root that promises it."""
        for job in self.raw["usage"]:
            for each in job.get("lazy", []):
                named: report.ImportOutcome = {
                    "module": f"{job['module']}.{each['name']}",
                    "error": each["error"],
                }
                yield job["module"], _outcome(named)

    def violates(self, user: Distribution, provider: Distribution) -> bool:
        """Whether one of the two requires another version of the other."""
        for left, right in ((user, provider), (provider, user)):
            for each in left.requires:
                if canonicalize_name(each.name) == right.key and not within(right.version, each.specifier):
                    return True
        return False

    def owners(self) -> Mapping[str, tuple[Distribution, ...]]:
        """Distributions by import root and by the first part of each root."""
        return self.by_root

    def owner(self, module: str) -> Distribution | None:
        """The distribution whose root holds a module, the deepest root first."""
        owners = self.owners()
        parts = module.split(".")
        for depth in range(len(parts), 0, -1):
            if found := owners.get(".".join(parts[:depth])):
                return found[0]
        return None

    def owner_of_file(self, path: str) -> Distribution | None:
        """The distribution in whose root a file lies; what Cython compiled tells where its source lay."""
        if path.endswith((".py", ".pyx")) and not path.startswith(("/", "<")) and "/" in path:
            return self.owner(path.rpartition(".")[0].replace("/", "."))
        for folder in {each.folder for each in self.distributions}:
            if path.startswith(folder + "/"):
                inner = re.sub(r"(?:/__init__)?\.[^/]*$", "", path[len(folder) + 1 :])
                if found := self.owner(inner.replace("/", ".")):
                    return found
        return None


def _needed(distributions: tuple[Distribution, ...]) -> frozenset[str]:
    return frozenset(canonicalize_name(each.name) for other in distributions for each in other.requires)


def within(version: str, specifier: SpecifierSet) -> bool:
    """Whether a version satisfies a specifier; one that is no version does."""
    try:
        return specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return True


def _owners(distributions: tuple[Distribution, ...]) -> dict[str, tuple[Distribution, ...]]:
    owners: dict[str, tuple[Distribution, ...]] = {}
    for each in distributions:
        for root in {name for full in each.roots for name in (full, full.partition(".")[0])}:
            owners[root] = (*owners.get(root, ()), each)
    return owners


def _distribution(data: report.DistributionFacts, markers: dict[str, str]) -> Distribution:
    required, optional = _requirements(data["requires"], markers)
    return Distribution(
        name=data["name"],
        version=data["version"],
        folder=data["folder"],
        entry=data["entry"],
        roots=tuple(data["roots"]),
        extensions=tuple(module for module, _ in data["extensions"]),
        extension_files=tuple(path for _, path in data["extensions"]),
        requires=required,
        optional=optional,
        requires_python=data["requires_python"],
        tags=tuple(data.get("tags", ())),
        requested=data.get("requested", False),
        listed=data["listed"],
        metadata=data["metadata"],
        stem_version=data["stem_version"],
        summary=data["summary"],
        editable=data.get("editable", False),
    )


def _requirements(
    lines: list[str], markers: dict[str, str]
) -> tuple[tuple[Requirement, ...], tuple[Requirement, ...]]:
    required, optional = [], []
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({**markers, "extra": ""}):
            required.append(requirement)
        elif "extra" in str(requirement.marker):
            optional.append(requirement)
    return tuple(required), tuple(optional)


def _fault(data: report.FaultFacts | None) -> ImportFault | None:
    if data is None:
        return None
    return ImportFault(
        type=data["type"],
        bases=tuple(data["bases"]),
        message=data["message"],
        frames=tuple((file, line, function) for file, line, function in data["frames"]),
        name=str(data.get("name", "")),
        holder=str(data.get("holder", "")),
        path=str(data.get("path", "")),
        file=str(data.get("filename", "")),
        line=int(data.get("lineno", 0)),
    )


def _outcome(data: report.ImportOutcome) -> Outcome:
    error = data.get("error")
    return Outcome(
        module=data["module"],
        seconds=data.get("seconds", 0.0),
        file=data.get("file") or "",
        error=_fault(error),
        root=_fault(error.get("root") or error) if error else None,
        signal=data.get("signal", 0),
        exit=data.get("exit"),
        timeout=data.get("timeout", False),
        flood=data.get("flood", False),
        processes=data.get("processes", 0),
        killed_by=data.get("killed_by", 0),
        unstarted=data.get("unstarted", False),
        late=data.get("late", False),
        output=data.get("output", ""),
        bytes=data.get("bytes", 0),
        warnings=tuple(data.get("warnings", ())),
        network=tuple(data.get("network", ())),
        programs=tuple(data.get("programs", ())),
        changed=tuple(data.get("changed", ())),
        finders=tuple(data.get("finders", ())),
        lent=tuple(data.get("lent", ())),
        stands_in=data.get("stands_in", False),
        borrows=data.get("borrows", False),
        unnamed=data.get("unnamed", False),
        lacks=tuple((name, reason) for name, reason in data.get("lacks", ())),
    )


def _merged(outcomes: list[Outcome]) -> tuple[Outcome, ...]:
    """One outcome a module: the last, because what is doubtful is tried again, alone."""
    return tuple({each.module: each for each in outcomes}.values())
