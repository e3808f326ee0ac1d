"""Where the files of wheels go, and what of the environment or of each other they would replace there.

Source: the binary distribution format's installation rules (packaging.python.org), the layout of `venv`, and
what `site` runs when Python starts.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from envspec.supply.wheel import Wheel
from envspec.system import rules
from envspec.system.finding import Finding, Severity
from envspec.system.quoting import shown_path

_SHOWN = 3
"""Files that a finding names; the rest is counted."""

_OWN = re.compile(
    r"pyvenv\.cfg|\.gitignore|lib64"
    r"|bin/(?:python(?:\d(?:\.\d+)?t?)?(?:-config)?|pythonw|pypy(?:\d(?:\.\d+)?)?|deactivate(?:\.\w+)?"
    r"|activate(?:\.\w+)?|Activate\.ps1|activate_this\.py)"
    r"|lib/python\d\.\d+t?/(?:os\.py|lib-dynload/.*)",
    re.IGNORECASE,
)
"""What an environment has of its own, below its folder."""

_TOOLS = {
    "pip": re.compile(r"bin/pip(?:-?\d(?:\.\d+)?)?"),
    "envspec": re.compile(r"bin/(?:envspec|build-image)"),
}
"""Programs by the only distribution that may bring them."""

_STARTERS = frozenset({"sitecustomize", "usercustomize"})
_QUIET = re.compile(r"distutils-precedence\.pth|.*-nspkg\.pth|__editable__.*\.pth|_virtualenv\.pth")
"""Files that run code at the start, and are known to do what they should."""

_SITE = re.compile(r"lib(?:64)?/python\d\.\d+t?/site-packages/")
_CODE = (".py", ".pyc", ".pth", ".so")
SHARED = frozenset({"tests", "test", "docs", "doc", "examples", "benchmarks", "scripts"})
"""Top-level folders that careless packages share without harm."""

_MODULE = re.compile(r"((?:[^\W\d]\w*/)*[^\W\d]\w*?)(?:\.pyc?|(?:\.(?:cpython|abi3)[\w-]*)?\.so)")
"""A file that can be imported, and what as."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """One file that a wheel becomes."""

    path: str
    """Below the environment's folder; what lies in site-packages begins with `site/`."""
    member: str
    """Its name in the archive; empty for a program made of an entry point."""
    identity: tuple[int, int] | str
    """Size and CRC-32, or what the program calls: equal ones mean equal contents."""

    @property
    def inner(self) -> str:
        """Path below site-packages; empty for what lies elsewhere."""
        return self.path.removeprefix("site/") if self.path.startswith("site/") else ""


def placed_files(wheel: Wheel) -> tuple[tuple[Placed, ...], tuple[str, ...]]:
    """The files that a wheel becomes, and those of its members for which no place is known."""
    found: list[Placed] = []
    lost: list[str] = []
    own = wheel.dist_info.removesuffix(".dist-info")
    for entry in wheel.entries:
        top, _, rest = entry.name.partition("/")
        path = f"site/{entry.name}"
        if top.endswith(".data") and rest:
            scheme, _, inner = rest.partition("/")
            folder = {"purelib": "site/", "platlib": "site/", "scripts": "bin/", "data": ""}.get(scheme)
            if scheme == "headers":
                folder = f"include/site/{wheel.metadata.name}/"
            if folder is None or not inner or top.removesuffix(".data") != own:
                lost.append(entry.name)
                continue
            path = _SITE.sub("site/", folder + inner, count=1)
        found.append(Placed(path=path, member=entry.name, identity=(entry.size, entry.crc)))
    found += [
        Placed(path=f"bin/{name}", member="", identity=target) for name, target in wheel.scripts.items()
    ]
    return tuple(found), tuple(lost)


def place_findings(wheels: Mapping[str, Wheel], removed: Callable[[str], bool]) -> Iterator[Finding]:
    """EV160 to EV162 of wheels by name, in install order; `removed` says which files the spec leaves out."""
    owners: dict[str, tuple[str, Placed]] = {}
    modules: dict[str, tuple[str, Placed]] = {}
    folded: dict[str, tuple[str, Placed]] = {}
    both: dict[tuple[str, str, Severity], list[str]] = {}
    for name, wheel in wheels.items():
        files, lost = placed_files(wheel)
        kept = [each for each in files if not (each.inner and removed(each.inner))]
        yield from _replacing(name, wheel, kept, lost)
        yield from _starting(name, wheel, kept)
        for each in kept:
            before = owners.setdefault(each.path, (name, each))
            if before[0] != name:
                if before[1].identity != each.identity and (weight := _weight(each)):
                    both.setdefault((before[0], name, weight), []).append(each.path)
                continue
            module = _module(each.inner)
            before = modules.setdefault(module, (name, each)) if module else (name, each)
            if before[0] != name:
                both.setdefault((before[0], name, Severity.WARNING), []).append(each.path)
            elif each.path.endswith(_CODE):
                fold = unicodedata.normalize("NFKC", each.path).casefold()
                before = folded.setdefault(fold, (name, each))
                if before[1].path != each.path:
                    both.setdefault((before[0], name, Severity.INFO), []).append(each.path)
        yield from _cached(name, kept, owners)
    for (first, second, weight), paths in both.items():
        yield _shared(first, second, weight, paths)


def _replacing(name: str, wheel: Wheel, files: list[Placed], lost: tuple[str, ...]) -> Iterator[Finding]:
    """EV160: what would stand in the place of the environment's own."""
    own = wheel.dist_info
    wrong = [each.path for each in files if _OWN.fullmatch(each.path)]
    for tool, pattern in _TOOLS.items():
        if name != tool:
            wrong += [each.path for each in files if pattern.fullmatch(each.path)]
    foreign = [
        each.inner for each in files if each.inner.split("/")[0].endswith(".dist-info") and _top(each) != own
    ]
    hint = "take another version or another package: no installer may let a wheel do that"
    if wrong:
        yield rules.WHEEL_REPLACES.finding(
            f"{name} would replace what the environment has of its own: {_some(wrong)}", hint=hint, where=name
        )
    if foreign:
        yield rules.WHEEL_REPLACES.finding(
            f"{name} would write into the metadata of another distribution: {_some(foreign)}",
            hint=hint,
            where=name,
        )
    if lost:
        yield rules.WHEEL_REPLACES.finding(
            f"{name} asks for a place that no installer knows: {_some(list(lost))}", hint=hint, where=name
        )
    if not _is_of(own, wheel.file.name):
        yield rules.WHEEL_REPLACES.finding(
            f"{name}: its metadata stands in {shown_path(own)}, which is not that of {wheel.file.name}",
            hint=hint,
            where=name,
        )


def _top(each: Placed) -> str:
    return each.inner.partition("/")[0]


def _is_of(dist_info: str, file: str) -> bool:
    """Whether a metadata folder has the name and version of the file; odd ones are left to installers."""
    name, _, version = dist_info.removesuffix(".dist-info").partition("-")
    try:
        wanted, number, *_ = parse_wheel_filename(file)
        return canonicalize_name(name) == wanted and Version(version) == number
    except (InvalidWheelFilename, InvalidVersion):
        return True


def _starting(name: str, wheel: Wheel, files: list[Placed]) -> Iterator[Finding]:
    """EV162: code that Python runs whenever it starts, before any program."""
    for each in files:
        top, _, below = each.inner.partition("/")
        stem = top.partition(".")[0]
        if stem in _STARTERS and (not below or below.startswith("__init__.")):
            yield rules.WHEEL_STARTS.finding(
                f"{name} brings {each.inner}, which Python runs at every start",
                hint="only one such module can be there, and nobody expects it from a wheel: read it first",
                where=name,
                severity=Severity.WARNING,
            )
        elif top.endswith(".pth") and not below and not _QUIET.fullmatch(top) and _runs(wheel, each.member):
            yield rules.WHEEL_STARTS.finding(
                f"{name} brings {shown_path(each.inner)}, whose lines Python runs at every start", where=name
            )


def _runs(wheel: Wheel, member: str) -> bool:
    """Whether a .pth file holds code, and not just folders."""
    return any(line.startswith(("import ", "import\t")) for line in wheel.text(member).splitlines())


def _cached(name: str, files: list[Placed], owners: Mapping[str, tuple[str, Placed]]) -> Iterator[Finding]:
    """EV161: compiled code that would run in the place of another package's source."""
    wrong: dict[str, list[str]] = {}
    for each in files:
        folder, mark, file = each.path.partition("/__pycache__/")
        source = owners.get(f"{folder}/{file.partition('.')[0]}.py") if mark else None
        if source and source[0] != name:
            wrong.setdefault(source[0], []).append(each.path)
    for other, paths in wrong.items():
        yield rules.WHEELS_OVERLAP.finding(
            f"{name} brings compiled code for modules of {other}: {_some(paths)}",
            hint=f"keep one of {other} and {name}",
            where=name,
        )


def _module(inner: str) -> str:
    """What a file is imported as, as a path; empty for what is no module."""
    found = _MODULE.fullmatch(inner) if inner.endswith((".py", ".pyc", ".so")) else None
    return found[1].removesuffix("/__init__") if found and "__pycache__" not in inner else ""


def _weight(each: Placed) -> Severity | None:
    """How much it weighs that another package has a file there; None where nobody minds."""
    top, _, below = each.inner.partition("/")
    if not each.inner:
        return Severity.WARNING
    if top in SHARED or not (below or top.endswith(_CODE)):
        return None
    return Severity.ERROR


def _shared(first: str, second: str, weight: Severity, paths: list[str]) -> Finding:
    if weight is Severity.INFO:
        return rules.WHEELS_OVERLAP.finding(
            f"{first} and {second} bring paths that differ in capitals or accents alone: {_some(paths)}",
            where=second,
            severity=weight,
        )
    what = "files" if weight is Severity.ERROR else "programs, data or modules"
    return rules.WHEELS_OVERLAP.finding(
        f"{first} and {second} both bring {what} with different content: {_some(paths)}",
        hint=f"keep one of {first} and {second}, or leave the files out with `[remove] files`",
        where=second,
        severity=weight,
    )


def _some(paths: list[str]) -> str:
    inner = [path.removeprefix("site/") if path.startswith("site/") else path for path in paths]
    named = ", ".join(map(shown_path, sorted(map(posixpath.normpath, inner))[:_SHOWN]))
    return named + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")
