"""The types of what the probe reports. They stay at home when it travels: Python 3.7 has no such types.

JSON knows no tuples: where one is named, a list of these elements arrives.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class InterpreterFacts(TypedDict):
    """What an interpreter is."""

    version: str
    executable: str
    prefix: str
    base_prefix: str
    platform: str
    libc: str
    soabi: str
    suffixes: list[str]
    stdlib: str
    real_stdlib: str
    cpu_level: int
    """N of x86-64-vN, which the processor is; 0 where that cannot be told."""
    debug: bool
    free_threaded: bool
    markers: dict[str, str]
    """The environment markers of the packaging standards."""


class Start(TypedDict):
    """How an interpreter started as its users start it."""

    ok: bool
    code: int | None
    seconds: float
    output: str
    """What it printed by itself."""
    path: NotRequired[list[str]]
    early: NotRequired[list[str]]
    """Modules imported before any program ran."""
    hooks: NotRequired[list[str]]
    flags: NotRequired[list[int]]


class DistributionFacts(TypedDict):
    """One dist-info or egg-info."""

    folder: str
    entry: str
    kind: str
    metadata: bool
    name: str
    version: str
    stem_version: str
    summary: str
    keywords: str
    requires: list[str]
    requires_python: str
    external: list[str]
    top_level: list[str]
    roots: list[str]
    extensions: list[tuple[str, str]]
    """Compiled modules with their files."""
    listed: bool
    installer: NotRequired[str]
    requested: NotRequired[bool]
    tags: NotRequired[list[str]]
    entry_points: NotRequired[str]
    editable: NotRequired[bool]


class FoundDistribution(DistributionFacts):
    """A distribution with what does not leave the probe."""

    description: NotRequired[str]
    files: NotRequired[list[list[str]] | None]
    """Rows of its list of files; None without a list."""


class LooseModule(TypedDict):
    """A top-level module that no distribution claims."""

    folder: str
    name: str
    path: str
    sure: bool
    """Whether every distribution in the folder lists its files."""


class Shadow(TypedDict):
    """A module that stands in front of a standard one."""

    name: str
    path: str
    here: bool
    """Whether it does so in the current folder alone."""
    ok: NotRequired[bool]
    output: NotRequired[str]
    lost: NotRequired[list[str]]
    """Public names that it lacks."""


class Door(TypedDict):
    """What begins in a module: a command, or what another distribution finds by an entry point."""

    dist: str
    command: str
    """The name of the program; empty where it is none."""


class Severed(TypedDict):
    """An editable installation whose folder is gone."""

    name: str
    path: str
    file: str
    """What leads there."""


class FaultFacts(TypedDict):
    """An exception."""

    type: str
    bases: list[str]
    message: str
    frames: list[tuple[str, int, str]]
    """Innermost last: file, line, function."""
    root: NotRequired[FaultFacts]
    """Where the chain of exceptions began, if not here."""
    name: NotRequired[str]
    holder: NotRequired[str]
    """The module of what lacks an attribute."""
    path: NotRequired[str]
    filename: NotRequired[str]
    lineno: NotRequired[int]


class Warned(TypedDict):
    """A warning that an import gave."""

    category: str
    message: str
    file: str


class Ended(TypedDict):
    """How a process ended that was to do one thing; at most one of the reasons is there."""

    module: str
    seconds: NotRequired[float]
    error: NotRequired[FaultFacts]
    signal: NotRequired[int]
    exit: NotRequired[int]
    timeout: NotRequired[bool]
    computed: NotRequired[bool]
    """Whether it computed all the while until its time was over, and waited for nothing."""
    flood: NotRequired[bool]
    """Whether it was stopped because it printed without end."""
    processes: NotRequired[int]
    """How many processes were too many, where it was stopped because it started more."""
    killed_by: NotRequired[int]
    """The signal with which it took down the processes around it."""
    unstarted: NotRequired[bool]
    """Whether the interpreter did not start for it."""
    code: NotRequired[int | None]
    late: NotRequired[bool]
    """Not tried: the judge's own time was over."""
    output: NotRequired[str]
    bytes: NotRequired[int]


class ImportOutcome(Ended):
    """How one import went, and what it did besides."""

    file: NotRequired[str | None]
    warnings: NotRequired[list[Warned]]
    network: NotRequired[list[str]]
    programs: NotRequired[list[str]]
    changed: NotRequired[list[str]]
    signalled: NotRequired[list[str]]
    finders: NotRequired[list[str]]
    lent: NotRequired[list[str]]
    """Libraries that were loaded before, because it was known to lack them."""
    stands_in: NotRequired[bool]
    """Whether one of them stood in for the driver's."""
    borrows: NotRequired[bool]
    """Whether a symbol that it lacks is none of any library that it names."""
    unnamed: NotRequired[bool]
    """Whether it is a compiled module that no Python file of its distribution names."""
    aside: NotRequired[bool]
    """Not imported: its package does not look for modules where it lies."""
    lacks: NotRequired[list[tuple[str, str]]]
    """Declared attributes that cannot be read, with the reason."""


class MissingFile(TypedDict):
    """A file that distributions list and that is gone."""

    path: str
    owners: list[str]
    empty: NotRequired[bool]
    """Whether it was installed without content."""


class ChangedFile(MissingFile):
    """A file that is not as it was installed."""

    how: str
    grown: NotRequired[bool]
    """Whether it is longer than everybody installed it."""
    differs: list[str]
    """The owners whose file it is not."""


class SharedFile(MissingFile):
    """A file that several distributions list with different content."""

    differs: list[str]
    kin: float | None
    """How alike the packages are whose `__init__.py` it is."""


class ComparedFiles(TypedDict):
    """Installed files held against what distributions list."""

    missing: list[MissingFile]
    changed: list[ChangedFile]
    shared: list[SharedFile]
    checked: int
    bytes: int
    sizes: dict[str, int]
    listed: dict[str, int]
    """Python files by distribution."""


class Misfit(TypedDict):
    """One use of a name or an argument that another distribution does not have."""

    module: str
    path: str
    line: int
    name: str
    reach: str
    """How users reach it: `import`, `constructor`, `function`, `command`, or nothing."""
    deep: bool
    """Whether it stands in a function."""
    hot: bool
    """Whether its module was loaded."""
    foreign: NotRequired[bool]
    """Whether that lies among copies of other projects."""
    kind: NotRequired[str]
    optional: NotRequired[bool]
    """Whether the other has the name where something else is installed besides."""
    unloaded: NotRequired[bool]
    """Whether it is a module that is there, and that nothing imports before it is used."""
    sure: NotRequired[bool]
    """Whether it runs at every call of its function."""
    raised: NotRequired[bool]
    """Whether it stands in what is raised, where another error is all that comes of it."""
    chain: NotRequired[str]
    meant: NotRequired[str]
    """The name that is there and is the same but for underscores; empty where there is none."""
    tried: NotRequired[str]
    """The call of something public, or the command line, that was tried and ended in it; or empty."""
    instead: NotRequired[str]
    """The method that the other calls in the place of the one that is overridden."""
    overrides: NotRequired[bool]
    """Whether it is a method that is overridden, and that the other calls with that argument."""
    caller: NotRequired[str]
    """The top-level module that uses it, where that is of another distribution than was looked at."""
    corner: NotRequired[bool]
    """Whether what was tried is in a module inside, though the package has functions at its top."""
    copied: NotRequired[str]
    """The variable that may not be copied there."""
    doubtful: NotRequired[bool]
    """Whether it fails for some values alone: it is told where a call was seen to end in it."""
    removed: NotRequired[bool]
    """Whether the other has it only to say, when it is used, that it is gone."""
    demanded: NotRequired[str]
    """The name of an argument that is wanted and not given."""
    argument: NotRequired[str]
    """The name of an argument that is not taken; empty where there are too many by their place."""
    given: NotRequired[int]
    """How many those are, ..."""
    taken: NotRequired[int]
    """... and how many of them are taken."""
    confirmed: NotRequired[bool]
    takes: NotRequired[int]
    """How many modules of the distribution fail with it, ..."""
    surface: NotRequired[bool]
    """... and whether those are most of what users import of a package that has nothing at its top, ..."""
    of: NotRequired[int]
    """... and how many there are."""
    used: NotRequired[bool]
    """Whether a function of the distribution imports it, or one that it takes down, whatever comes."""
    commands: NotRequired[list[str]]
    """Commands that cannot start for it."""


class LazyName(TypedDict):
    """A public name of a package that fails when it is reached for, though the package imports."""

    name: str
    error: FaultFacts


class UsageOutcome(Ended):
    """What one root's code uses and does not find."""

    late: NotRequired[bool]
    """Whether its time had come before it was read."""
    missing: NotRequired[list[Misfit]]
    refused: NotRequired[list[Misfit]]
    lazy: NotRequired[list[LazyName]]
    entrances: NotRequired[list[str]]
    """What users import of a package that has nothing for them but its version."""
    programs: NotRequired[dict[str, str]]
    """Programs that it runs by name and that are not there, with the place."""
    wrapped: NotRequired[dict[str, str]]
    """Programs for which it exists and that are not there, with the place."""
    read: NotRequired[int]
    unread: NotRequired[int]
    failed: NotRequired[str]
    lost: NotRequired[bool]


class ExchangeOutcome(Ended):
    """How one round trip went, or the loading of several runtimes."""

    wrong: NotRequired[str]
    """What came back changed."""
    runtimes: NotRequired[bool]
    files: NotRequired[list[str]]


class PluginOutcome(Ended):
    """How a host got through the least with all its plugins; `error` is what it ended with."""

    plugins: NotRequired[bool]
    control: NotRequired[bool]
    """Whether it gets through without any plugin."""
    alone: NotRequired[FaultFacts]
    """What it ends with then."""


class Card(TypedDict):
    """One card, as the driver tells."""

    name: str
    major: int
    minor: int


class DeviceFacts(TypedDict):
    """What this machine has for programs that compute on cards."""

    nodes: list[str]
    """Its device files; none on a machine without a card, or in a container that was given none."""
    driver: str
    """The version of the kernel's part of the driver, such as `580.159.04`; empty without one."""
    cuda: NotRequired[int]
    """The newest CUDA that the driver serves, such as 13000."""
    cards: NotRequired[list[Card]]
    error: NotRequired[str]
    """Why the driver's own library could not be asked."""
    trials: NotRequired[list[DeviceTrial]]


class DeviceTrial(Ended):
    """What one library did on the card, or two did with one array."""

    what: str
    refused: NotRequired[str]
    """Why the library says that there is no card for it."""
    wrong: NotRequired[str]
    at: NotRequired[str]
    """The step at which it went wrong."""
    told: NotRequired[dict[str, str]]
    """What it says of itself: versions, architectures."""


class ProbeReport(TypedDict):
    """Everything that the probe saw."""

    format: int
    python: InterpreterFacts
    start: Start
    path: list[str]
    variables: list[str]
    """Names of variables that are set and change how Python works."""
    distributions: list[DistributionFacts]
    loose: list[LooseModule]
    scripts: dict[str, list[str]]
    """Scripts that no distribution claims, by the module that they import."""
    placeholders: list[str]
    surface: dict[str, list[str]]
    """For packages whose `__init__` does nothing: their direct public modules."""
    doors: dict[str, Door]
    """By module, the commands and plugins that begin in it."""
    shadows: list[Shadow]
    leftovers: list[str]
    severed: list[Severed]
    imports: list[ImportOutcome]
    standard: dict[str, str]
    """Compiled standard modules that cannot be loaded, with the reason."""
    files: ComparedFiles
    usage: list[UsageOutcome]
    runtimes: dict[str, list[str]]
    """Threading runtimes by kind."""
    exchange: list[ExchangeOutcome]
    plugins: list[PluginOutcome]
    device: DeviceFacts
    workers: int
    timings: dict[str, float]
    """Seconds by phase."""
