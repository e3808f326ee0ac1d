"""Why no versions satisfy a spec, as findings: a name or a version that is not there, or a contradiction."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import re
from collections.abc import Iterator, Sequence

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from envspec.lockfile.lock import DEFAULT_INDEX
from envspec.resolve.limits import machine_limits
from envspec.resolve.prefer import NOTHING, Preferences, near_names
from envspec.resolve.view import young_enough
from envspec.source.missing import missing_in
from envspec.spec.model import Spec, Stage
from envspec.spec.pins import pinned
from envspec.spec.target import Target
from envspec.spec.types import Moment
from envspec.supply.page import RemoteFile
from envspec.supply.sources import Sources
from envspec.system import rules
from envspec.system.errors import FindingsError, OutsideError
from envspec.system.finding import Finding
from envspec.system.quoting import NAMED, listed, quoted_output, shortened

_EXPLANATION = 5_000
"""Characters of a solver's explanation that a finding repeats."""

_LONGEST_REASON = 200
"""Characters of what an index says of a withdrawal."""

_OFFERED = 8
"""Versions that are named in the place of one that is not there."""

_MISSED = re.compile(
    r"\b([\w.-]+?)(?:[=<>!~]=?\S+)? was (?:yanked|not found in)|"
    r"(?:No matching distribution found for|satisfies the requirement) ([\w.-]+)"
)
"""Names of packages of which a solver says that it found nothing that it may take."""


def unsatisfied(
    spec: Spec, target: Target, sources: Sources, said: str, prefer: Preferences = NOTHING
) -> FindingsError:
    """What a solver's explanation comes down to: what cannot be had, or else EV101. Raises `OutsideError`."""
    if not_offered := tuple(_not_offered(spec, target, sources, said, prefer)):
        return FindingsError("some packages cannot be had", not_offered)
    return contradiction(spec, said, prefer.demands, machine_limits(sources.machine, target))


def contradiction(
    spec: Spec, said: str, demands: Sequence[Requirement] = (), limits: Sequence[str] = ()
) -> FindingsError:
    """EV101, with the stages and limits that ask for what the explanation names."""
    named = _named(said)
    asking = [
        (stage.name, text)
        for stage in spec.stage
        for text, word in zip(stage.install, stage.words, strict=True)
        if word.name and canonicalize_name(word.name) in named
    ]
    late, said = _late(said)
    concerned = [f"{text} is asked for by stage {stage}" for stage, text in asking]
    concerned += [f"{each} is asked for by --upgrade-package" for each in demands]
    concerned += [
        f"{each} is asked for by {who}"
        for who, each in (
            *(("the spec's constraints", text) for text in spec.constraints),
            *(("the spec's overrides", text) for text in spec.overrides),
            *(("pip's constraint file on this machine", text) for text in limits),
        )
        if canonicalize_name(Requirement(each).name) in named
    ]
    stages = dict.fromkeys(stage for stage, _ in asking)
    hint = _other_python(said)
    if late and not hint:
        head = "; ".join(f"{as_of(spec, each.name)[1]} leaves out {each.words}" for each in late[:NAMED])
        last = max((each.day for each in late if each.day), default="")
        hint = f"move `as-of` forward{f', to {last} at most' if last else ''}, or drop it"
        hint += f", or take another version of {listed([each.name for each in late])} or of what asks for it"
    elif len(stages) > 1:
        head = "the stages contradict each other"
    else:
        head = "what is asked for contradicts itself"
    finding = rules.NO_SOLUTION.finding(
        f"{head}: " + "; ".join([shortened(said, _EXPLANATION), *concerned[:NAMED]]),
        hint=hint or "change one of these pins; `envspec fix` searches for pins that work",
        where=", ".join(stages),
    )
    return FindingsError("no set of versions satisfies this spec", (finding,))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Late:
    """A package of which uv says that the day leaves out what is asked for."""

    name: str
    """Canonical."""
    version: str = ""
    """One that would do; empty where uv names none."""
    day: str = ""
    """When that came."""

    @property
    def words(self) -> str:
        """The end of a sentence."""
        return f"{self.name} {self.version}, which came on {self.day}" if self.day else f"later {self.name}"


_FILTERED = re.compile(
    r"\s*(?:hint: )?`([\w.-]+)` was filtered by `exclude-newer.*?(?=\s+hint:|\s+`[\w.-]+` was|$)"
)
"""What uv says of a package of which the day leaves something out, in words of its own settings."""
_CAME = re.compile(r"\bv(\S+?), (?:was )?published at (\d{4}-\d{2}-\d{2})")


def _late(said: str) -> tuple[tuple[_Late, ...], str]:
    """What the day leaves out, and the explanation without uv's words about that."""
    found = []
    for each in _FILTERED.finditer(said):
        came = _CAME.search(each[0])
        version, day = came.groups() if came is not None else ("", "")
        found.append(_Late(name=canonicalize_name(each[1]), version=version, day=day))
    return tuple(found), _FILTERED.sub("", said)


def as_of(spec: Spec, name: str) -> tuple[Moment | None, str]:
    """The day that counts for a package, and how the spec says it."""
    stage = next((each for each in spec.stage if each.as_of is not None and name in each.names), None)
    moment = spec.as_of if stage is None else stage.as_of
    whose = "the spec" if stage is None else f"stage {stage.name}"
    return moment, f"`as-of = {moment.isoformat() if moment else ''}` of {whose}"


def unbuilt_source(package: str, said: str) -> FindingsError:
    """EV106 for a source that a solver could not ask for what it needs, and who asks for it."""
    missing = next((each for each in missing_in(said) if each.sure), None)
    lacks = f", which needs {missing.words}" if missing else ""
    asks = _INCLUDED.search(said)
    shown = "\n".join(said.partition("\n  hint:")[0].strip().splitlines()[-_LINES:])
    finding = rules.SOURCE_UNBUILDABLE.finding(
        f"{package} is offered as source alone{lacks}: what it requires shows only when it is built, and that"
        f" fails:\n{quoted_output(shown)}",
        hint="pin a version that has a wheel"
        + (f", or another {asks[1]}, which {asks[2]}" if asks else "")
        + "; or install on this machine what its build lacks",
        where=re.split(r"[=@ ]", package)[0],
    )
    return FindingsError("a source distribution cannot be built", (finding,))


_LINES = 6
"""Last lines of a build that a finding shows."""

_INCLUDED = re.compile(r"was included because `([^`]+)`[^`]*(depends on `[^`]+`)", re.DOTALL)
"""How uv tells who asks for a package."""


def _other_python(said: str) -> str:
    """What to do where a pin wants another Python than the spec has; empty where that is not the matter."""
    if (wanted := _PYTHON_WANTED.search(said)) is None:
        return ""
    line = wanted[1]
    return (
        f"is Python {line} meant? Then say so as `python` of the spec, or where there is none with"
        f" `envspec init SOURCE --python {line}`; else pin versions for this one"
    )


_PYTHON_WANTED = re.compile(r"does not satisfy Python>=(3\.\d+)")
"""What uv says where it is the target's Python that a package does not take."""


def _named(said: str) -> frozenset[str]:
    """All words of an explanation that may be names of packages."""
    return frozenset(canonicalize_name(word) for word in re.findall(r"[\w-]+(?:\.[\w-]+)*", said))


def _not_offered(
    spec: Spec, target: Target, sources: Sources, said: str, prefer: Preferences
) -> Iterator[Finding]:
    """Packages, or versions of them, that no index has or that were withdrawn: nothing contradicts there."""
    missed = {canonicalize_name(one or other) for one, other in _MISSED.findall(said)}
    asked = [
        (requirement, stage)
        for stage in spec.stage
        for requirement in stage.requirements
        if target.wants(requirement.marker)
    ]
    named = _named(said)
    late = {each.name for each in _late(said)[0]}
    wanted: dict[str, tuple[Requirement, Stage | None]] = {
        canonicalize_name(requirement.name): (requirement, None) for requirement in prefer.demands
    }
    wanted |= {canonicalize_name(requirement.name): (requirement, stage) for requirement, stage in asked}
    known = [*wanted, *prefer.versions]
    for name in sorted(missed | (wanted.keys() & named)):
        requirement, stage = wanted.get(name, (Requirement(name), None))
        index = (stage.index if stage is not None else None) or DEFAULT_INDEX
        moment, day = as_of(spec, name)
        try:
            offered = sources.files(index, name)
        except OutsideError:
            if name in missed:
                raise
            continue  # it is among what is contradicted, and that stands
        files = there_by(offered, moment) if name in late else young_enough(offered, moment)
        allowed = [file for file in files if _fits(file, requirement)]
        if not offered:
            others = [each for each in known if each != name]
            near = near_names(name, [*others, *_well_known()])
            yield rules.NO_FILE.finding(
                f"index {index} has no file of {name}" + (f": {said}" if stage is None else ""),
                hint=near or "is the name right, and does this machine ask the right index?",
                where=name,
            )
        elif allowed and all(file.yanked is not None for file in allowed):
            versions = ", ".join(map(str, _versions(allowed)))
            why = (allowed[-1].yanked or "")[:_LONGEST_REASON]
            yield rules.NO_FILE.finding(
                f"index {index} withdrew {name} {versions} ({why}), and nothing else will do",
                hint="pin another version; one that is pinned with == is taken although it was withdrawn",
                where=name,
            )
        elif not allowed:
            yield _no_such_version(requirement, index, there_by(offered, moment), offered, target, day)


@functools.cache
def _well_known() -> tuple[str, ...]:
    """Names that may be meant where one is mistyped: for messages alone, none is ever taken for another."""
    text = importlib.resources.files("envspec.resolve").joinpath("known_names.txt").read_text("utf-8")
    return tuple(line for line in text.splitlines() if not line.startswith("#"))


def _no_such_version(
    requirement: Requirement,
    index: str,
    files: Sequence[RemoteFile],
    offered: Sequence[RemoteFile],
    target: Target,
    day: str,
) -> Finding:
    """EV102 of a version that no file has, with those nearest to it that the target can take.

    `files` are those that were there by the day that the spec names, in the words of `day`.
    """
    name = canonicalize_name(requirement.name)
    later = [file for file in offered if _fits(file, requirement)]
    came = min((file.uploaded for file in later if file.uploaded is not None), default=None)
    since = f" by the day of {day}" if later else ""
    moved = f"move `as-of` to {came.date() if came else 'a later day'}, or drop it; or " if later else ""
    usable = [file for file in files if file.yanked is None and takes(file, target)]
    near = _nearest(_versions(usable), requirement)
    there = ", ".join(map(str, near))
    return rules.NO_FILE.finding(
        f"index {index} has no {name}{requirement.specifier}{since}; "
        + (
            f"of what Python {target.python} can take, nearest are {there}"
            if near
            else "it has none that fits"
        ),
        hint=moved + (f"write one that is there, as in {name}=={near[0]}" if near else "pin another version"),
        where=name,
    )


def there_by(files: Sequence[RemoteFile], moment: Moment | None) -> tuple[RemoteFile, ...]:
    """The files of versions that were there by then: one dated file of a version dates all.

    Files without a day count only where there are no others: solvers leave them out of an index with days.
    """
    if moment is None:
        return tuple(files)
    dated = [file for file in files if file.uploaded is not None]
    known = {version_of(file) for file in dated}
    young = young_enough(dated, moment)
    return young or tuple(file for file in files if file.uploaded is None and version_of(file) not in known)


def _nearest(versions: Sequence[Version], requirement: Requirement) -> tuple[Version, ...]:
    """The versions nearest to those that are asked for, the nearest first: by rank, newer before older.

    Where nothing says which version is meant, they are the newest ones.
    """
    final = [version for version in versions if not version.is_prerelease] or list(versions)
    text = pinned(requirement) or next(
        (each.version.removesuffix(".*") for each in requirement.specifier), ""
    )
    try:
        place = sum(version < Version(text) for version in final)
    except ValueError:
        place = len(final)
    ranked = sorted(
        range(len(final)), key=lambda rank: (abs(rank - place + 0.5), rank < place)
    )  # the place is between two
    return tuple(final[rank] for rank in ranked[:_OFFERED])


def takes(file: RemoteFile, target: Target) -> bool:
    """Whether a file, as its index lists it, is for the target."""
    if file.file.endswith(".whl") and target.rank(file.file) is None:
        return False
    try:
        return SpecifierSet(file.requires_python or "").contains(target.newest)
    except InvalidSpecifier:
        return True


def _fits(file: RemoteFile, requirement: Requirement) -> bool:
    version = version_of(file)
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def _versions(files: Sequence[RemoteFile]) -> list[Version]:
    return sorted({version for file in files if (version := version_of(file)) is not None})


def version_of(file: RemoteFile) -> Version | None:
    """The version in a file's name; None when it is no distribution."""
    try:
        if file.file.endswith(".whl"):
            return parse_wheel_filename(file.file)[1]
        return parse_sdist_filename(file.file)[1]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
