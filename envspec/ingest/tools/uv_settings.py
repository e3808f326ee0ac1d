"""`[tool.uv]`: sources, indexes, constraints, overrides, workspaces and groups.

Source: https://docs.astral.sh/uv/reference/settings/.
"""

from __future__ import annotations

import itertools
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from envspec.ingest.drafting import Drafting, Step, pip_requirement
from envspec.ingest.entries import Entries, read_toml
from envspec.ingest.tools.steps import Steps
from envspec.ingest.tools.uv_indexes import read_indexes
from envspec.system.errors import SpecError

_MEMBERS = 500
"""Members of a workspace that are looked at."""


class UvSettings:
    """What `[tool.uv]` says; a file without it says nothing."""

    def __init__(self, entries: Entries, drafting: Drafting, steps: Steps) -> None:
        self._entries = entries
        self._drafting = drafting
        self._steps = steps
        self._sources = {
            canonicalize_name(name): (name, found)
            for name, found in entries.table("tool", "uv", "sources").items()
        }
        self._used: set[str] = set()
        self._indexes = read_indexes(entries, drafting, steps)
        self._read_lists()
        self._members: dict[str, pathlib.Path] = {}
        if entries.get("tool", "uv", "workspace") is not None:
            self._members = dict(self._workspace())

    def _read_lists(self) -> None:
        entries, drafting = self._entries, self._drafting
        for key, goal in (
            ("constraint-dependencies", drafting.constraints),
            ("override-dependencies", drafting.overrides),
        ):
            for text, line in entries.texts("tool", "uv", key):
                parsed = pip_requirement(text)
                overrides = goal is drafting.overrides  # one that does not hold here takes its package away
                word, why = (text, "") if overrides else drafting.accepted(text)
                if parsed is None or parsed.url or parsed.extras:
                    why = "is none by name and version"
                if why:
                    drafting.leave(f"{key}: {text}", line, why)
                else:
                    goal.append(word)
                    drafting.carry(f"{key}: {text}", line)
        newest = entries.take("tool", "uv", "exclude-newer")
        if newest is not None:
            line, said = entries.line("tool", "uv", "exclude-newer"), str(newest)
            if re.match(r"\d{4}-\d\d-\d\d", said):
                drafting.as_of = said[:10]
                drafting.carry(f"exclude-newer = {said}", line)
            else:
                drafting.leave(f"exclude-newer = {said}", line, "is no date: write one as `as-of`")
        for key in ("no-build-package", "no-binary-package"):
            for text, line in entries.texts("tool", "uv", key):
                if key == "no-build-package":
                    self._steps.main.prebuilt.append(text)
                    drafting.carry(f"{key}: {text}", line)
                else:
                    drafting.leave(
                        f"{key}: {text}", line, "has no place in a spec: a wheel is taken where one fits"
                    )
        for text, line in entries.texts("tool", "uv", "dev-dependencies"):
            step, word, why = self.placed("dev", text, group="dev")
            if why:
                drafting.leave(text, line, why)
            else:
                drafting.require(step, word, line, shown=text)

    def placed(self, variant: str, text: str, *, extra: str = "", group: str = "") -> tuple[Step, str, str]:
        """The step and the word of a requirement, as its source has it, and why it has none."""
        step = self._steps.of(variant)
        parsed = pip_requirement(text)
        if parsed is None or parsed.url:
            return step, text, ""
        name = canonicalize_name(parsed.name)
        if name not in self._sources:
            return step, text, ""
        self._used.add(name)
        found = self._sources[name][1]
        for source in found if isinstance(found, list) else [found]:
            if not isinstance(source, dict) or not self._applies(source, extra, group):
                continue
            marker = f" ; {parsed.marker}" if parsed.marker else ""
            extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
            if "index" in source:
                url = self._indexes.get(str(source["index"]))
                if url is None:
                    return step, "", f"is to come from index {source['index']}, which a spec cannot name"
                return self._steps.of(variant, url), text, ""
            word, why = self._source_word(parsed.name, extras, source, marker)
            return step, word, why
        return step, text, ""

    def _applies(self, source: Mapping[str, Any], extra: str, group: str) -> bool:
        if (marker := source.get("marker")) and not self._drafting.wants(str(marker)):
            return False
        for key, given in (("extra", extra), ("group", group)):
            if key in source and canonicalize_name(str(source[key])) != canonicalize_name(given or "-"):
                return False
        return True

    def _source_word(self, name: str, extras: str, source: Mapping[str, Any], marker: str) -> tuple[str, str]:
        if "git" in source:
            revision = next((str(source[key]) for key in ("rev", "tag", "branch") if key in source), "")
            address = f"git+{str(source['git']).removeprefix('git+')}" + (f"@{revision}" if revision else "")
            below = f"#subdirectory={source['subdirectory']}" if "subdirectory" in source else ""
            return f"{name}{extras} @ {address}{below}{marker}", ""
        if "url" in source:
            below = f"#subdirectory={source['subdirectory']}" if "subdirectory" in source else ""
            return f"{name}{extras} @ {source['url']}{below}{marker}", ""
        path = source.get("path")
        if source.get("workspace") is True:
            path = self._members.get(canonicalize_name(name))
            if path is None:
                return "", "is a member of the workspace that was not found"
        if path is None:
            return "", "has a source of a kind that is not known here"
        word, why = self._drafting.source(f"{path}{extras}", marker=marker.strip(" ;"))
        return (f"-e {word}" if word and source.get("editable") is True else word), why

    def _workspace(self) -> Iterator[tuple[str, pathlib.Path]]:
        """The members by canonical name, with their folders. Nothing outside of the folder is looked at."""
        entries, folder = self._entries, self._drafting.folder
        patterns = list(entries.texts("tool", "uv", "workspace", "members"))
        excluded = [text for text, _ in entries.texts("tool", "uv", "workspace", "exclude")]
        for number, text in enumerate(excluded):
            line = entries.line("tool", "uv", "workspace", "exclude", number)
            self._drafting.carry(f"workspace exclude: {text}", line)
        for pattern, line in patterns:
            found = 0
            try:
                places = itertools.islice(folder.glob(pattern), _MEMBERS) if safe_pattern(pattern) else ()
                for place in sorted(places):
                    relative = place.relative_to(folder)
                    if any(relative.match(each) for each in excluded) or not place.is_dir():
                        continue
                    if name := member_name(place):
                        found += 1
                        yield canonicalize_name(name), relative
            except (ValueError, OSError, NotImplementedError):
                found = 0
            if found:
                self._drafting.carry(f"workspace member {pattern}", line)
            else:
                self._drafting.leave(f"workspace member {pattern}", line, "has no project there")

    def finish(self) -> None:
        """Say what became of each source; a workspace without a project of its own installs its members."""
        entries, drafting = self._entries, self._drafting
        for key, (name, _) in self._sources.items():
            place = ("tool", "uv", "sources", name)
            entries.take(*place)
            line, size = entries.line(*place), entries.size(*place)
            if key in self._used:
                drafting.carry(f"source of {name}", line, size=size)
            else:
                drafting.leave(
                    f"source of {name}", line, "belongs to a package that nothing asks for", size=size
                )
        if self._members and entries.get("project") is None:
            step = drafting.step("members")
            for path in self._members.values():
                word, why = drafting.source(str(path))
                if not why and drafting.accepted(word)[1] == "":
                    step.requirements.append(word)
                else:
                    drafting.remark(f"member {path} is not installed: {why or drafting.accepted(word)[1]}")


def safe_pattern(pattern: str) -> bool:
    """Whether a pattern of folders stays below its folder, and is of a depth that can be walked."""
    parts = pathlib.PurePosixPath(pattern).parts
    return (
        bool(parts)
        and not pattern.startswith("/")
        and ".." not in parts
        and parts.count("**") == 0
        and len(parts) < 8
    )


def member_name(folder: pathlib.Path) -> str:
    """Name of the project in a folder; empty where there is none that can be read."""
    try:
        found = read_toml(folder / "pyproject.toml").get("project", "name")
    except SpecError:
        return ""
    return found if isinstance(found, str) else ""
