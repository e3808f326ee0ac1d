"""Judges files: what is registered must be there, whole, once, and as it was installed."""

from __future__ import annotations

import collections
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from builder.inside.probe import report
from builder.judge.facts import Distribution, Facts
from builder.judge.rules.paths import shortened
from envspec.system import rules
from envspec.system.finding import Finding, Severity

SHOWN = 3
"""Files that a finding names; the rest is counted."""
DISPENSABLE = re.compile(
    r"(?:^|/)(?:tests?|testing|_\w*tests|docs?|examples?|benchmarks?|include|licen[cs]es?|man|share|bin)/"
    r"|(?:^|/)(?:conftest\.py|LICEN[CS]E[^/]*|COPYING[^/]*|README[^/]*|CHANGE[^/]*|AUTHORS[^/]*|py\.typed)$"
    r"|\.(?:a|h|hpp|cuh|c|cc|cpp|pyx|pxd|pxi|pyi|md|rst|cmake|map)$|\.(?:dist|egg)-info/",
    re.IGNORECASE,
)
"""What a package does without when it runs: people trim it from images."""
TRUST = re.compile(r"\.(?:pem|crt)$")
"""Lists of authorities, to which the owners of machines add their own (RFC 7468 has the form)."""
DAMAGE = {
    "empty": "empty",
    "zeros": "filled with zeros",
    "broken": "not readable as what it is",
    "shorter": "cut short",
}
KIN = 0.5
"""Share of files in common below which two distributions with one root are different projects."""
WHOLESALE = 0.5
"""Share of a distribution's modules which, changed, means that another version was copied over it."""


def judge_files(facts: Facts) -> Iterator[Finding]:
    """Findings about RECORD, overlaps, orphans and registrations."""
    compared = facts.raw["files"]
    yield from _missing(compared["missing"], facts)
    yield from _changed(compared, facts)
    yield from _shared(compared["shared"], facts)
    yield from _ownerless(facts)
    yield from _registered(facts)
    yield from _placeholders(facts)


def _by_owner(entries: Iterable[report.MissingFile]) -> dict[str, list[str]]:
    return _grouped((entry["path"], entry["owners"]) for entry in entries)


def _by_loser(entries: Iterable[report.ChangedFile]) -> dict[str, list[str]]:
    return _grouped((entry["path"], entry["differs"]) for entry in entries)


def _grouped(entries: Iterable[tuple[str, list[str]]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = collections.defaultdict(list)
    for path, names in entries:
        for name in names:
            found[name].append(path)
    return dict(sorted(found.items()))


def _some(paths: Sequence[str], facts: Facts) -> str:
    named = ", ".join(shortened(path, facts) for path in sorted(paths)[:SHOWN])
    return named + (f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else "")


def _dispensable(path: str, facts: Facts) -> bool:
    """Whether a file is a script beside the interpreter, or one that no program opens."""
    inner = shortened(path, facts)
    return inner == path or DISPENSABLE.search(inner) is not None


def _missing(entries: Sequence[report.MissingFile], facts: Facts) -> Iterator[Finding]:
    yield from _emptied([entry for entry in entries if _declares_nothing(entry)], facts)
    entries = [entry for entry in entries if not _declares_nothing(entry)]
    needed = [entry for entry in entries if not _dispensable(entry["path"], facts)]
    rest = [
        entry for entry in entries if _dispensable(entry["path"], facts) and "-info/" not in entry["path"]
    ]
    for owner, paths in _by_owner(needed).items():
        yield rules.MISSING_FILE.finding(
            f"{owner}: {_count(paths)} that it installed {_are(paths)} gone: {_some(paths, facts)}",
            hint=f"reinstall {owner}",
            where=owner,
        )
    for owner, paths in _by_owner(rest).items():
        yield rules.MISSING_FILE.finding(
            f"{owner}: {_count(paths)} that no program needs {_are(paths)} gone: {_some(paths, facts)}",
            where=owner,
            severity=Severity.INFO,
        )


def _emptied(entries: Sequence[report.MissingFile], facts: Facts) -> Iterator[Finding]:
    if not entries:
        return
    owners = sorted({name for entry in entries for name in entry["owners"]})
    paths = [entry["path"] for entry in entries]
    more = f" and {len(owners) - SHOWN} more" if len(owners) > SHOWN else ""
    yield rules.MISSING_FILE.finding(
        f"{_count(paths)} without content {_are(paths)} gone, and the folder is imported without: "
        f"{_some(paths, facts)} of {', '.join(owners[:SHOWN])}{more}",
        where=owners[0],
        severity=Severity.INFO,
    )


def _declares_nothing(entry: report.MissingFile) -> bool:
    """Whether a file is an empty `__init__.py` that several list: removing one of them takes it from all."""
    shared = len(set(entry["owners"])) > 1
    return shared and entry.get("empty", False) and posixpath.basename(entry["path"]) == "__init__.py"


def _count(paths: Sequence[str]) -> str:
    return "a file" if len(paths) == 1 else f"{len(paths)} files"


def _are(paths: Sequence[str]) -> str:
    return "is" if len(paths) == 1 else "are"


def _changed(compared: report.ComparedFiles, facts: Facts) -> Iterator[Finding]:
    shared = {entry["path"] for entry in compared["shared"]}
    relevant = [
        entry
        for entry in compared["changed"]
        if entry["path"] not in shared and not re.search(r"\.(?:dist|egg)-info/", entry["path"])
    ]
    for how, words in DAMAGE.items():
        damaged = [entry for entry in relevant if entry["how"] == how]
        for owner, paths in _by_loser(damaged).items():
            minor = all(_dispensable(path, facts) for path in paths)
            yield rules.DAMAGED_FILE.finding(
                f"{owner}: {_count(paths)} that it installed {_are(paths)} {words}: {_some(paths, facts)}",
                hint=f"reinstall {owner}",
                where=owner,
                severity=Severity.WARNING if minor else None,
            )
    edited = [entry for entry in relevant if entry["how"] == "edited"]
    extended = [entry for entry in edited if entry.get("grown") and TRUST.search(entry["path"])]
    for owner, paths in _by_loser(extended).items():
        yield rules.EDITED_FILE.finding(
            f"{owner}: {_some(paths, facts)} holds more authorities than were installed",
            hint="nothing, if somebody added them for this machine; they go with an image that is made of it",
            where=owner,
            severity=Severity.INFO,
        )
    for owner, paths in _by_loser(each for each in edited if each not in extended).items():
        yield _edited(owner, paths, compared["listed"].get(owner, 0), facts)


def _edited(owner: str, paths: Sequence[str], listed: int, facts: Facts) -> Finding:
    code = [path for path in paths if path.endswith(".py")]
    wholesale = len(code) > 3 and len(code) >= WHOLESALE * listed
    return rules.EDITED_FILE.finding(
        f"{owner}: {_count(paths)} {_are(paths)} not as installed: {_some(paths, facts)}"
        + ("; most of it is, so another version was copied over it" if wholesale else ""),
        hint=f"reinstall {owner}" if wholesale else f"keep the change as a patch, or reinstall {owner}",
        where=owner,
        severity=Severity.ERROR if wholesale else None,
    )


def _shared(entries: Sequence[report.SharedFile], facts: Facts) -> Iterator[Finding]:
    groups: dict[tuple[str, ...], list[str]] = collections.defaultdict(list)
    for entry in entries:
        owners = tuple(sorted({canonicalize_name(name): name for name in entry["owners"]}.values()))
        if len(owners) > 1 and not _dispensable(entry["path"], facts):
            groups[owners].append(entry["path"])
    for owners, paths in sorted(groups.items()):
        group = [entry for entry in entries if entry["path"] in paths]
        losers = sorted({name for entry in group for name in entry["differs"]})
        lost = f"; what {', '.join(losers)} had there is lost" if losers else ""
        hint, severity = f"keep one of {', '.join(owners)}, and reinstall it", None
        if all(map(_opens_package, group)):
            lost, severity = "", Severity.INFO
            hint = "nothing: what is there says that others may add to the package"
        elif _replaced(group, facts):
            severity = Severity.ERROR
        yield rules.OVERWRITTEN.finding(
            f"{' and '.join(owners)} both install {_some(paths, facts)} with different content{lost}",
            hint=hint,
            where=owners[0],
            severity=severity,
        )


def _opens_package(entry: report.SharedFile) -> bool:
    """Whether the file does no more than to declare a namespace, whoever of the two it is from."""
    return posixpath.basename(entry["path"]) == "__init__.py" and entry["kin"] is None


def _replaced(entries: Sequence[report.SharedFile], facts: Facts) -> bool:
    """Whether one project stands where another was: a root's `__init__.py`, and hardly a file in common.

    Variants of one project, such as builds with and without a screen, have most files in common.
    """
    for entry in entries:
        root = posixpath.dirname(shortened(entry["path"], facts)).replace("/", ".")
        is_root = any(root in each.roots for each in facts.distributions if each.name in entry["differs"])
        if entry["kin"] is not None and is_root and entry["kin"] < KIN:
            return True
    return False


def _ownerless(facts: Facts) -> Iterator[Finding]:
    required = {canonicalize_name(each.name) for dist in facts.distributions for each in dist.requires}
    for each in facts.raw["loose"]:
        name = each["name"]
        if not each["sure"] or name.startswith("_"):
            continue
        scripts = facts.raw["scripts"].get(name, [])
        reasons = [f"its script {scripts[0]} is still there"] if scripts else []
        if canonicalize_name(name) in required:
            reasons.append("installed distributions require it")
        if reasons:
            yield rules.OWNERLESS.finding(
                f"{name} belongs to no distribution although {' and '.join(reasons)}: its metadata is gone",
                hint=f"reinstall {name}: what asks for its version or entry points fails",
                where=name,
                severity=Severity.ERROR,
            )
        else:
            yield rules.OWNERLESS.finding(
                f"{name} lies among the installed packages and belongs to none",
                hint="install it as a distribution, so that it has a version and can be removed",
                where=name,
            )


def _registered(facts: Facts) -> Iterator[Finding]:
    groups: dict[tuple[str, str], list[Distribution]] = collections.defaultdict(list)
    for each in facts.distributions:
        if not each.metadata or not each.version:
            yield rules.METADATA.finding(
                f"{each.entry} has no readable metadata",
                hint=f"reinstall {each.name}, or remove what is left of it",
                where=each.name,
            )
            continue
        groups[each.folder, each.key].append(each)
        if each.stem_version and not _same(each.stem_version, each.version):
            yield rules.METADATA.finding(
                f"{each.entry} says that it is version {each.version}",
                hint=f"reinstall {each.name}",
                where=each.name,
                severity=None if each.entry.endswith(".dist-info") else Severity.WARNING,
            )
        if not each.listed and each.entry.endswith(".dist-info"):
            yield rules.UNLISTED.finding(
                f"{each.name} {each.version} lists no files: they cannot be checked", where=each.name
            )
    for _, several in sorted(groups.items()):
        versions = sorted({each.version for each in several})
        if len(several) > 1:
            yield rules.TWO_VERSIONS.finding(
                f"{several[0].name} is registered {len(several)} times: {', '.join(versions)}",
                hint=f"remove {', '.join(each.entry for each in several)} and install one version",
                where=several[0].name,
                severity=None if len(versions) > 1 else Severity.WARNING,
            )
    for cut in facts.raw["severed"]:
        yield rules.SEVERED.finding(
            f"{cut['name']} is an editable installation of {cut['path']}, which does not exist",
            hint=f"install {cut['name']} again, without `-e` where the folder does not travel along",
            where=cut["name"],
        )
    for path in facts.raw["leftovers"]:
        yield rules.METADATA.finding(
            f"{posixpath.basename(path)} is left from an interrupted installation",
            hint=f"remove {shortened(path, facts)}",
            where=posixpath.basename(path),
            severity=Severity.WARNING,
        )


def _same(left: str, right: str) -> bool:
    try:
        return Version(left.replace("_", "-")) == Version(right)
    except InvalidVersion:
        return True


def _placeholders(facts: Facts) -> Iterator[Finding]:
    for name in facts.raw["placeholders"]:
        yield rules.PLACEHOLDER.finding(
            f"{name} is an empty placeholder: its modules do nothing",
            hint="the real package has another name, or comes from another index",
            where=name,
        )
