"""Reads `pyproject.toml`: the standards' own tables here, those of tools in files of their own.

Source: https://packaging.python.org/en/latest/specifications/pyproject-toml/ and PEP 735.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Mapping
from typing import Any

from packaging.utils import canonicalize_name

from envspec.ingest import scripts
from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import Drafting, pip_requirement, refusal
from envspec.ingest.entries import Entries, Path, read_toml
from envspec.ingest.requirements import Requirements
from envspec.ingest.tools import hatch, pdm, poetry, setup_files
from envspec.ingest.tools.steps import Steps
from envspec.ingest.tools.uv_settings import UvSettings
from envspec.spec.load import spelled

_METADATA = frozenset(
    [
        "version",
        "description",
        "readme",
        "license",
        "license-files",
        "authors",
        "maintainers",
        "keywords",
        "classifiers",
        "urls",
        "gui-scripts",
        "entry-points",
        "import-names",
        "import-namespaces",
    ]
)
"""Keys of `[project]` that say nothing of what is installed with it."""


def read_pyproject(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a `pyproject.toml` gives. Raises `SpecError`."""
    drafting, _ = draft_pyproject(file, wish)
    return drafting.finish()


def draft_pyproject(file: pathlib.Path, wish: Wish) -> tuple[Drafting, Steps]:
    """The same, for whoever has more to say of it. Raises `SpecError`."""
    entries = read_toml(file)
    poetry_name = entries.text("tool", "poetry", "name")
    name = entries.text("project", "name") or poetry_name
    drafting = Drafting(file, wish, name=name)
    if entries.get("project", "name") is not None:
        drafting.carry("name", entries.line("project", "name"))
    if poetry_name:
        drafting.carry("name", entries.line("tool", "poetry", "name"))
    _choose_python(entries, drafting)
    steps = Steps(drafting)
    uv = UvSettings(entries, drafting, steps)
    reader = _Standard(entries, drafting, steps, uv)
    reader.project()
    poetry.read(entries, drafting, steps)
    pdm.read(entries, drafting, steps)
    hatch.read(entries, drafting, steps)
    reader.groups()
    uv.finish()
    _own_project(entries, drafting)
    scripts.propose(entries, drafting)
    _rest(entries, drafting)
    return drafting, steps


def _choose_python(entries: Entries, drafting: Drafting) -> None:
    allowed = entries.text("project", "requires-python") or None
    if allowed is not None:
        drafting.carry(f"requires-python = {allowed}", entries.line("project", "requires-python"))
    said = poetry.allowed_python(entries, drafting)
    drafting.choose_python(allowed or said, drafting.file.name)


class _Standard:
    """The tables `[project]` and `[dependency-groups]`."""

    def __init__(self, entries: Entries, drafting: Drafting, steps: Steps, uv: UvSettings) -> None:
        self._entries = entries
        self._drafting = drafting
        self._steps = steps
        self._uv = uv

    def project(self) -> None:
        """What is always installed, and each extra as a variant."""
        entries = self._entries
        for text, line in entries.texts("project", "dependencies"):
            self._add("", text, line)
        for extra in entries.table("project", "optional-dependencies"):
            for text, line in entries.texts("project", "optional-dependencies", extra):
                self._add(canonicalize_name(extra), text, line, extra=extra)
        dynamic = [text for text, _ in entries.texts("project", "dynamic")]
        for number, text in enumerate(dynamic):
            line = entries.line("project", "dynamic", number)
            if text in {"dependencies", "optional-dependencies"}:
                if not self._dynamic(text, line):
                    why = "tells nothing by itself: what it stands for is known when the project is built"
                    self._drafting.leave(f"dynamic = {text}", line, why)
            else:
                self._drafting.aside(f"dynamic = {text}", line)

    def _dynamic(self, what: str, line: int | None) -> bool:
        """Read what a builder would fill in, where it says from which file; whether anything says so."""
        found = setup_files.dynamic_files(self._entries, what) or hatch.requirement_files(self._entries, what)
        for variant, file, place in found:
            step = self._steps.of(variant)
            self._drafting.carry(f"{what} from {file}", place)
            Requirements(self._drafting, step).read(self._drafting.folder / file)
        by_poetry = what == "dependencies" and bool(self._entries.table("tool", "poetry", "dependencies"))
        if said := bool(found) or by_poetry or setup_files.add_setup(self._drafting, self._steps, what):
            self._drafting.carry(f"dynamic = {what}", line)
        return said

    def groups(self) -> None:
        """Each group as a variant, with those that it includes. Raises `SpecError`."""
        groups = self._entries.table("dependency-groups")
        for group in groups:
            self._group(group, group, (group,), groups)

    def _group(self, into: str, group: str, path: tuple[str, ...], groups: Mapping[str, Any]) -> None:
        for number, entry in enumerate(self._entries.list("dependency-groups", group)):
            place: Path = ("dependency-groups", group, number)
            line, own = self._entries.line(*place), len(path) == 1
            self._entries.take(*place)
            if isinstance(entry, str):
                self._add(canonicalize_name(into), entry, line, group=into, counted=own)
                continue
            included = entry.get("include-group") if isinstance(entry, dict) and len(entry) == 1 else None
            known = {canonicalize_name(name): name for name in groups}
            name = known.get(canonicalize_name(included)) if isinstance(included, str) else None
            if name is None:
                raise self._entries.wrong(
                    place, "is neither a requirement nor the include of a group there is"
                )
            if name in path:
                raise self._entries.wrong(place, f"includes itself: {' -> '.join((*path, name))}")
            if len(path) > 30:
                raise self._entries.wrong(place, "includes more than 30 groups in each other")
            if own:
                self._drafting.carry(f"include-group {name}", line)
            self._group(into, name, (*path, name), groups)

    def _add(
        self,
        variant: str,
        text: str,
        line: int | None,
        *,
        extra: str = "",
        group: str = "",
        counted: bool = True,
    ) -> None:
        parsed = pip_requirement(text)
        own = canonicalize_name(self._drafting.name)
        if parsed is not None and canonicalize_name(parsed.name) == own:
            if parsed.extras and variant:
                self._themselves(variant, sorted(parsed.extras), (extra,))
            if counted:
                self._drafting.carry(text, line)
            return
        if parsed is None and variant == "" and not text.strip():
            self._drafting.leave(text, line, "is empty")
            return
        step, word, why = self._uv.placed(variant, text, extra=extra, group=group)
        if not counted:
            taken, refused = self._drafting.accepted(word) if not why else ("", why)
            if taken and not refused and taken not in step.requirements:
                step.requirements.append(taken)
        elif why:
            self._drafting.leave(text, line, why)
        else:
            self._drafting.require(step, word, line, shown=text)

    def _themselves(self, variant: str, extras: list[str], path: tuple[str, ...]) -> None:
        """Add the extras of the project that another names, as in `demo[a,b]`."""
        known = {
            canonicalize_name(name): name for name in self._entries.table("project", "optional-dependencies")
        }
        for extra in extras:
            name = known.get(canonicalize_name(extra))
            if name is None or name in path or len(path) > 30:
                continue
            for entry in self._entries.list("project", "optional-dependencies", name):
                if not isinstance(entry, str):
                    continue
                parsed = pip_requirement(entry)
                if parsed and canonicalize_name(parsed.name) == canonicalize_name(self._drafting.name):
                    self._themselves(variant, sorted(parsed.extras), (*path, name))
                else:
                    self._add(variant, entry, None, extra=name, counted=False)


def _own_project(entries: Entries, drafting: Drafting) -> None:
    """The project's own code, where it is a package: a source tree of the spec."""
    entries_said = entries.get("build-system")
    package = entries.take("tool", "uv", "package")
    mode = entries.take("tool", "poetry", "package-mode")
    for key, value, path in (
        ("package", package, ("tool", "uv", "package")),
        ("package-mode", mode, ("tool", "poetry", "package-mode")),
    ):
        if value is not None:
            drafting.carry(f"{key} = {str(value).lower()}", entries.line(*path))
    is_package = package is not False and mode is not False and (entries_said is not None or package is True)
    named = bool(entries.get("project", "name") or entries.get("tool", "poetry", "name"))
    if entries_said is None:
        if is_package and named:
            _install_itself(drafting)
        return
    entries.take("build-system")
    size, line = entries.size("build-system"), entries.line("build-system")
    if not is_package or not named:
        drafting.aside("[build-system]", line, size=size)
        return
    word = drafting.path(".")
    why = "stands outside the folder of the spec" if word is None else refusal(word)
    if why or word is None:
        drafting.leave("the project itself, [build-system]", line, why, size=size)
        return
    drafting.step("project").requirements.append(word)
    drafting.carry("the project itself, [build-system]", line, size=size)


def _install_itself(drafting: Drafting) -> None:
    word = drafting.path(".")
    if word is not None and not refusal(word):
        drafting.step("project").requirements.append(word)
    else:
        drafting.remark("the project's own code is not installed by the spec")


def _rest(entries: Entries, drafting: Drafting) -> None:
    """What no reader took: metadata and other tools' tables are aside, all else is left with its name."""
    for path, size in entries.rest():
        text, line = spelled(path), entries.line(*path)
        shown = f"[{text}]" if isinstance(entries.get(*path), dict) else text
        if (path[0] == "project" and (len(path) == 1 or path[1] in _METADATA)) or (
            path[0] == "tool" and len(path) > 1 and not _concerns(path)
        ):
            drafting.aside(shown, line, size=size)
        else:
            drafting.leave(shown, line, _NAMED.get(path[1:3], "is not carried over"), size=size)


_OWN_BUSINESS = {
    "uv": r"required-version|cache-dir|preview|concurrent-.*|python-.*|link-mode|compile-bytecode|pip"
    r"|build-backend|cache-keys|managed|environments|required-environments|conflicts|add-bounds"
    r"|check-url|publish-url|trusted-publishing|native-tls|fork-strategy|keyring-provider",
    "poetry": r"version|description|authors|maintainers|license|readme|homepage|repository|keywords"
    r"|documentation|classifiers|packages|include|exclude|plugins|urls|build|requires-poetry|requires-plugins",
    "pdm": r"build|version|scripts|distribution|publish|plugins|ignore_package_warnings|options|python",
    "hatch": r"build|version|publish|metadata|workspace",
}
"""Keys of tools' tables that say how they go about it, not what is installed."""


_NAMED: dict[tuple[str | int, ...], str] = {
    ("uv", "default-groups"): "is not carried over: each group is a variant of its own",
    ("uv", "exclude-newer-package"): "has no place in a spec: give a stage of its own an `as-of`",
    ("uv", "resolution"): "has no place in a spec: it takes the newest versions that work together",
}
"""Why keys that concern what is installed are not carried over, where there is more to say than that."""


def _concerns(path: Path) -> bool:
    """Whether a table of a tool says what is installed."""
    tool = str(path[1])
    if tool not in {*_OWN_BUSINESS, "setuptools", "conda-lock", "pixi", "cibuildwheel"}:
        return False
    if tool in {"setuptools", "cibuildwheel"}:
        return tool == "setuptools" and "dynamic" in path
    pattern = _OWN_BUSINESS.get(tool)
    return not (pattern and len(path) > 2 and re.fullmatch(pattern, str(path[2])))
