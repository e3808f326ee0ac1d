"""A draft under way: what readers hand over of a description, each carried over or left with a reason."""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import pydantic
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from envspec.ingest.draft import Draft, Install, Item, Pin, PinFile, Wish
from envspec.spec.model import Stage
from envspec.spec.python import parse_python
from envspec.spec.target import OLDEST_SUPPORTED, Target
from envspec.spec.types import AptPackage, EnvTable, ImageName
from envspec.system.errors import Problem, SpecError
from envspec.system.limits import REQUIREMENTS
from envspec.system.quoting import shortened

NEWEST = 14
"""Newest minor version of Python 3 that is chosen where a description allows several."""

VERSION_FILES = (".python-version", "runtime.txt")
"""Files beside a description that name the Python it is for: of pyenv and its like, and of Heroku's kind."""

_ASIDE = "nothing about what is installed"

_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s+|=)(\S.*)")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")


class Drafting:
    """Collects a draft. Readers set `python` first: markers are decided for it."""

    def __init__(self, file: pathlib.Path, wish: Wish, *, name: str = "") -> None:
        self.file = file
        self.folder = file.absolute().parent
        self.wish = wish
        self.name = name or self.folder.name
        self.python = wish.python
        self.items: list[Item] = []
        self.remarks: list[str] = []
        self.apt: list[str] = []
        self.build_apt: list[str] = []
        self.env: dict[str, str] = {}
        self.installs: list[Step] = []
        self.variants: dict[str, list[Step]] = {}
        self.constraints: list[str] = []
        self.overrides: list[str] = []
        self.index_names: dict[str, str] = {}
        self.asked: dict[str, str] = {}
        self.as_of: str | None = None
        self.run: dict[str, Any] = {}
        self.proposed = ""
        self.pins: tuple[Pin, ...] = ()
        self.pinned_by = ""

    @property
    def target(self) -> Target:
        """What the spec will be for."""
        wish = parse_python(self.python or own_python())
        return Target(python=wish.line, machine="x86_64", glibc=OLDEST_SUPPORTED, patch=wish.patch)

    def carry(self, text: str, line: int | None = None, *, file: str = "", size: int = 1) -> None:
        """Note that something is in the spec."""
        self.items.append(Item(text=shortened(text), line=line, file=file, size=size))

    def leave(self, text: str, line: int | None, why: str, *, file: str = "", size: int = 1) -> None:
        """Note that something is not in the spec, and why."""
        self.items.append(Item(text=shortened(text), line=line, file=file, size=size, why=why))

    def aside(self, text: str, line: int | None = None, *, file: str = "", size: int = 1) -> None:
        """Note something that says nothing of an environment."""
        self.leave(text, line, f"left aside, as it says {_ASIDE}", file=file, size=size)

    def remark(self, sentence: str) -> None:
        """Tell the user something that no one line of the description says."""
        if sentence not in self.remarks:
            self.remarks.append(sentence)

    def step(self, name: str) -> Step:
        """A new step that installs, after those before."""
        step = Step(name=name)
        self.installs.append(step)
        return step

    def variant(self, name: str) -> Step:
        """The step of an extra or a group."""
        step = Step(name=name)
        self.variants.setdefault(name, []).append(step)
        return step

    def wants(self, marker: str, extra: str = "") -> bool | None:
        """Whether a marker holds on the target; None for what is no marker."""
        try:
            return bool(Marker(marker).evaluate({**self.target.markers(), "extra": extra}))
        except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, InvalidVersion):
            return None

    def require(
        self,
        step: Step,
        text: str,
        line: int | None = None,
        *,
        file: str = "",
        size: int = 1,
        shown: str = "",
    ) -> bool:
        """Add a requirement or a source to a step, or leave it with the reason; whether it was added."""
        word, why = self.accepted(text)
        if not why and self.counted() >= REQUIREMENTS:
            problem = Problem(path="", message=f"more than {REQUIREMENTS:,} packages: a spec names no more")
            raise SpecError(str(self.file), (problem,))
        if why:
            self.leave(shown or text, line, why, file=file, size=size)
            return False
        step.requirements.append(word)
        self.carry(shown or text, line, file=file, size=size)
        return True

    def counted(self) -> int:
        """How many words all steps have."""
        steps = [*self.installs, *(step for steps in self.variants.values() for step in steps)]
        return sum(len(step.requirements) for step in steps)

    def accepted(self, text: str) -> tuple[str, str]:
        """A word as the spec takes it, and why it does not; one of both is empty."""
        marker = marker_of(text)
        holds = self.wants(marker) if marker else True
        if holds is None:
            return "", "what follows the `;` is no marker"
        if not holds:
            return "", f"does not count on Python {self.target.python}, Linux, {self.target.machine}"
        return (text, "") if not (why := refusal(text)) else ("", why)

    def path(self, place: pathlib.Path | str, folder: pathlib.Path | None = None) -> str | None:
        """A path of the description as the spec has it, with `./`; None where it leads out of its folder."""
        found = os.path.relpath((folder or self.folder) / place, self.wish.folder.absolute())
        if found.startswith("..") or os.path.isabs(found):  # noqa: PTH117 - a text
            return None
        return "." if found == "." else f"./{found}"

    def source(self, place: str, folder: pathlib.Path | None = None, *, marker: str = "") -> tuple[str, str]:
        """The word for a folder or file of the description, extras included; or why there is none."""
        found = re.fullmatch(r"(.*?)(\[[^\[\]]*\])?", place.strip(), re.DOTALL)
        path, extras = (found[1], found[2] or "") if found else (place, "")
        word = self.path(path.removeprefix("file:").removeprefix("//") or ".", folder)
        if word is None:
            return "", "leads out of the folder where the spec stands: put the spec above it with --output"
        return f"{word}{extras}" + (f"; {marker}" if marker else ""), ""

    def choose_python(self, allowed: str | None, where: str) -> None:
        """Choose the target's Python from what a description allows, unless the user or a file says it."""
        if self.python is None:
            for name in VERSION_FILES:
                said = minor_version(_first_line(self.folder / name))
                if self.python is None and said and holds_version(allowed, said):
                    self.python = said
                    self.remark(f"python = {said}: {name} says so")
        if self.python is not None:
            if not holds_version(allowed, self.python):
                self.remark(
                    f"Python {self.python} is not among what {where} allows: {shortened(allowed or '')}"
                )
            return
        own = own_python()
        candidates = [own, *(f"3.{minor}" for minor in range(NEWEST, 5, -1))]
        fitting = [version for version in candidates if holds_version(allowed, version)]
        self.python = fitting[0] if fitting else own
        said = f"{where} allows {shortened(allowed)}" if allowed else f"{where} does not say which"
        self.remark(f"python = {self.python}: {said}; --python chooses another")

    def finish(self, **others: object) -> Draft:
        """The draft."""
        return dataclasses.replace(
            Draft(
                name=self.name,
                python=self.python,
                apt=tuple(dict.fromkeys(self.apt)),
                build_apt=tuple(dict.fromkeys(self.build_apt)),
                as_of=self.as_of,
                installs=tuple(step.finished() for step in self.installs if step.says_something),
                variants={
                    name: tuple(step.finished() for step in steps if step.says_something)
                    for name, steps in self.variants.items()
                    if any(step.says_something for step in steps)
                },
                constraints=tuple(dict.fromkeys(self.constraints)),
                overrides=tuple(dict.fromkeys(self.overrides)),
                index_names=dict(self.index_names),
                asked=dict(self.asked),
                env=dict(self.env),
                run=dict(self.run),
                proposed=self.proposed,
                pins=self.pins,
                pinned_by=self.pinned_by,
                items=tuple(self.items),
                remarks=tuple(self.remarks),
            ),
            **others,  # type: ignore[arg-type]  # fields of a draft
        )


@dataclasses.dataclass(kw_only=True, slots=True)
class Step:
    """An install under way."""

    name: str
    requirements: list[str] = dataclasses.field(default_factory=list)
    index_url: str | None = None
    extra_index_urls: list[str] = dataclasses.field(default_factory=list)
    find_links: list[str] = dataclasses.field(default_factory=list)
    prebuilt: list[str] = dataclasses.field(default_factory=list)
    uninstalled: list[str] = dataclasses.field(default_factory=list)
    hashes: dict[str, tuple[PinFile, ...]] = dataclasses.field(default_factory=dict)
    """The files that each word allows which was given hashes: those of a sha256."""
    hashed_in: list[str] = dataclasses.field(default_factory=list)
    """Names of the files that give hashes."""
    alone: bool = False
    """Whether it installs nothing that its words require: `--no-deps`."""

    @property
    def says_something(self) -> bool:
        """Whether a spec needs it."""
        return bool(self.requirements or self.uninstalled)

    def finished(self) -> Install:
        """The install."""
        return Install(
            name=self.name,
            requirements=tuple(self.requirements),
            index_url=self.index_url,
            extra_index_urls=tuple(dict.fromkeys(self.extra_index_urls)),
            find_links=tuple(dict.fromkeys(self.find_links)),
            prebuilt=tuple(dict.fromkeys(self.prebuilt)),
            uninstalled=tuple(self.uninstalled),
        )


def own_python() -> str:
    """Minor version of the Python that runs the tool: taken where nothing says another."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def marker_of(text: str) -> str:
    """The marker at the end of a requirement or a source; empty without one."""
    address = "://" in text.partition(";")[0]
    found = re.search(r"\s;|;\s" if address else ";", text)
    return text[found.start() :].strip().removeprefix(";").strip() if found else ""


@functools.cache
def _checker(field: str) -> pydantic.TypeAdapter[Any]:
    kinds: dict[str, Any] = {
        "install": Stage.model_fields["install"].annotation,
        "apt": AptPackage,
        "env": EnvTable,
        "image": ImageName,
    }
    return pydantic.TypeAdapter(kinds[field])


def refusal(word: str, field: str = "install") -> str:
    """Why a spec does not take a word; empty where it does."""
    value = [word] if field == "install" else word
    return _refused(value, field)


def env_refusal(name: str, value: str) -> str:
    """Why a spec does not take a variable; empty where it does."""
    return _refused({name: value}, "env")


def _refused(value: object, field: str) -> str:
    try:
        _checker(field).validate_python(value)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "value_error":
            return str(first["ctx"]["error"])
        return "is nothing that a spec takes there"
    return ""


def pip_requirement(text: str) -> Requirement | None:
    """A requirement by name, parsed; None for anything else."""
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def minor_version(text: str) -> str | None:
    """The minor version of Python 3 in a text such as `3.10.4`; None without one."""
    found = re.search(r"(?<![\d.])3\.(\d{1,2})(?!\d)", text)
    return f"3.{int(found[1])}" if found else None


def holds_version(allowed: str | None, version: str) -> bool:
    """Whether some release of a minor version is within a specifier; true where that cannot be read."""
    try:
        specifier = SpecifierSet(allowed or "")
    except InvalidSpecifier:
        return True
    wish = parse_python(version)
    line = wish.line.removesuffix("t")
    numbers = range(30) if wish.patch is None else [wish.patch]
    patches: Iterable[str] = (f"{line}.{patch}" for patch in numbers)
    return any(specifier.contains(patch) for patch in patches)


def _first_line(file: pathlib.Path) -> str:
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            return stream.readline(100) if file.is_file() else ""
    except OSError:
        return ""


def is_there(place: pathlib.Path) -> bool:
    """Whether there is anything at a place that others named, whatever they wrote."""
    try:
        return place.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def is_file(place: pathlib.Path) -> bool:
    """Whether it is a file."""
    return is_there(place) and place.is_file()


def is_folder(place: pathlib.Path) -> bool:
    """Whether it is a folder."""
    return is_there(place) and place.is_dir()


def archive_or_folder(text: str) -> bool:
    """Whether a word names a place on this machine, as pip tells it from a requirement."""
    bare = text.partition(";")[0].strip()
    bare = bare.partition("[")[0] if not bare.startswith(".") else bare
    return (
        bare.startswith((".", "/", "~", "file:")) or bare.endswith(_ARCHIVES) or "/" in bare.partition("@")[0]
    )


def unwrapped(text: str) -> str | None:
    """What is to be installed editable by a word such as `-e ./x`; None for other words."""
    found = _EDITABLE.fullmatch(text.strip())
    return found[1] if found else None


def numbered(names: Iterable[str]) -> Iterator[str]:
    """Names, each made different from those before."""
    seen: set[str] = set()
    for name in names:
        fresh, number = name, 2
        while fresh in seen:
            fresh, number = f"{name}-{number}", number + 1
        seen.add(fresh)
        yield fresh
