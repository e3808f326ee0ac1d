"""`[tool.poetry]`: dependencies, groups, extras and sources, read with Poetry's own library.

Source: https://python-poetry.org/docs/pyproject/ and https://python-poetry.org/docs/dependency-specification/.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from packaging.utils import canonicalize_name

from envspec.ingest.drafting import Drafting, pip_requirement
from envspec.ingest.entries import Entries, Path
from envspec.ingest.indexes import add_index, bare_url, is_public, plain_url
from envspec.ingest.tools.steps import Steps

_TOP = ("tool", "poetry")

_SAYS_WHERE = frozenset({"source", "git", "path", "url", "file"})

_STANDARD_COUNTS = "limits what Poetry locks alone: [project] dependencies says what is installed"


def allowed_python(entries: Entries, drafting: Drafting) -> str | None:
    """Which Pythons the project allows, as a specifier; None where it does not say."""
    path = (*_TOP, "dependencies", "python")
    said = entries.get(*path)
    if not isinstance(said, str):
        return None
    entries.take(*path)
    drafting.carry(f"python = {said}", entries.line(*path))
    text, _ = requirement_text("python", said)
    parsed = pip_requirement(text) if text else None
    return str(parsed.specifier) if parsed else None


def read(entries: Entries, drafting: Drafting, steps: Steps) -> None:
    """Add what the table says. Raises `SpecError`."""
    if entries.get(*_TOP) is not None:
        entries.table(*_TOP)
        _Poetry(entries, drafting, steps).read()


class _Poetry:
    def __init__(self, entries: Entries, drafting: Drafting, steps: Steps) -> None:
        self._entries = entries
        self._drafting = drafting
        self._steps = steps
        self._indexes: dict[str, str | None] = {}
        self._extras: dict[str, list[str]] = {}

    def read(self) -> None:
        entries = self._entries
        self._read_sources()
        for extra in entries.table(*_TOP, "extras"):
            for text, line in entries.texts(*_TOP, "extras", extra):
                self._extras.setdefault(canonicalize_name(text), []).append(canonicalize_name(extra))
                self._drafting.carry(f"extra {extra}: {text}", line)
        standard = entries.get("project", "dependencies") is not None
        self._table((*_TOP, "dependencies"), "", enriches=standard)
        self._table((*_TOP, "dev-dependencies"), "dev")
        for group in entries.table(*_TOP, "group"):
            variant = "" if group == "main" else canonicalize_name(group)
            self._table((*_TOP, "group", group, "dependencies"), variant)
            for text, line in entries.texts(*_TOP, "group", group, "include-groups"):
                self._drafting.leave(
                    f"include-groups: {text}", line, "is not carried over: lay both variants over"
                )
            if entries.take(*_TOP, "group", group, "optional") is not None:
                line = entries.line(*_TOP, "group", group, "optional")
                self._drafting.carry(f"group {group} optional", line)

    def _read_sources(self) -> None:
        entries = self._entries
        for number in range(len(entries.list(*_TOP, "source"))):
            path = (*_TOP, "source", number)
            entry = entries.row(*path)
            name, url = str(entry.get("name", "")), str(entry.get("url", ""))
            line, size = entries.line(*path), entries.size(*path)
            address, why = plain_url(url) if url else ("", "")
            if why:
                self._drafting.leave(f"source {name}", line, why, size=size)
                continue
            public = not address or is_public(address)
            self._indexes[name.lower()] = "" if public else bare_url(address)
            if public or entry.get("priority") == "explicit":
                if not public:
                    self._drafting.index_names[bare_url(address)] = name
                self._drafting.carry(f"source {name}", line, size=size)
                continue
            self._drafting.index_names[bare_url(address)] = name
            kind = "last" if entry.get("priority") == "supplemental" else "extra"
            add_index(
                self._drafting, self._steps.main, kind, address, line, shown=f"source {name}", size=size
            )

    def _table(self, path: Path, variant: str, *, enriches: bool = False) -> None:
        entries = self._entries
        for name in entries.table(*path):
            place: Path = (*path, name)
            if name.lower() == "python" and variant == "":
                continue
            found = entries.take(*place)
            if found == []:
                self._drafting.leave(f"{name} = []", entries.line(*place), "says no version")
                continue
            listed = found if isinstance(found, list) else [found]
            for number, wanted in enumerate(listed):
                line = entries.line(*place, number) if isinstance(found, list) else entries.line(*place)
                size = entries.size(*place, number) if isinstance(found, list) else entries.size(*place)
                self._dependency(name, wanted, variant, line, size, enriches=enriches)

    def _dependency(
        self, name: str, wanted: Any, variant: str, line: int | None, size: int, *, enriches: bool
    ) -> None:
        drafting = self._drafting
        shown = f"{name} = {_shown(wanted)}"
        table: Mapping[str, Any] = wanted if isinstance(wanted, dict) else {"version": wanted}
        if enriches and "extra" in str(table.get("markers", "")):
            self._enrich_extras(name, table, shown, line, size)
            return
        if enriches and not _SAYS_WHERE & table.keys():
            drafting.leave(shown, line, _STANDARD_COUNTS, size=size)
            return
        text, why = self._word(name, table)
        if why:
            drafting.leave(shown, line, why, size=size)
            return
        variants = [variant]
        if table.get("optional") is True:
            variants = self._extras.get(canonicalize_name(name), [])
            if not variants:
                drafting.leave(shown, line, "is optional, and no extra names it", size=size)
                return
        url = None
        if "source" in table:
            url = self._indexes.get(str(table["source"]).lower())
            if url is None:
                drafting.leave(shown, line, "is to come from a source that a spec cannot name", size=size)
                return
        for number, each in enumerate(variants):
            step = self._steps.of(each, url or "")
            if enriches:
                self._enrich(name, text, step.requirements, moved=bool(url))
            if enriches or number:
                word, refused = drafting.accepted(text)
                if word and not refused and word not in step.requirements:
                    step.requirements.append(word)
            else:
                drafting.require(step, text, line, shown=shown, size=size)
        if enriches:
            drafting.carry(shown, line, size=size)

    def _enrich_extras(
        self, name: str, table: Mapping[str, Any], shown: str, line: int | None, size: int
    ) -> None:
        """Send what extras of `[project]` ask for to the source that their marker says."""
        drafting = self._drafting
        url = self._indexes.get(str(table.get("source", "")).lower())
        chosen = [extra for extra in drafting.variants if drafting.wants(str(table["markers"]), extra)]
        moved = False
        for extra in chosen if url else ():
            for step in list(drafting.variants[extra]):
                for word in list(step.requirements):
                    parsed = pip_requirement(word)
                    if parsed and canonicalize_name(parsed.name) == canonicalize_name(name):
                        step.requirements.remove(word)
                        self._steps.of(extra, url or "").requirements.append(word)
                        moved = True
        if moved or (chosen and url == ""):
            drafting.carry(shown, line, size=size)
        else:
            drafting.leave(
                shown, line, "does not count on the target, or names a source that no spec can", size=size
            )

    def _enrich(self, name: str, text: str, words: list[str], *, moved: bool) -> None:
        """`[project]` says the dependency; Poetry's table says where it comes from."""
        places = [words] + ([self._steps.main.requirements] if moved else [])
        for place in places:
            for word in list(place):
                parsed = pip_requirement(word)
                if parsed and canonicalize_name(parsed.name) == canonicalize_name(name):
                    place.remove(word)
                    if "@" not in text and str(parsed.specifier):
                        words.append(word)

    def _word(self, name: str, table: Mapping[str, Any]) -> tuple[str, str]:
        listed = table.get("extras")
        extras = [extra for extra in listed if isinstance(extra, str)] if isinstance(listed, list) else []
        title = name + (f"[{','.join(extras)}]" if extras else "")
        if not any(key in table for key in ("git", "url", "path", "file")):
            text, why = requirement_text(name, dict(table))
            return text, why
        plain = {key: table[key] for key in ("markers", "python", "platform") if key in table}
        bare, why = requirement_text(name, {**plain, "version": "*"})
        if why:
            return "", why
        marker = bare.partition(";")[2].strip()
        tail = f" ; {marker}" if marker else ""
        below = f"#subdirectory={table['subdirectory']}" if "subdirectory" in table else ""
        if "git" in table:
            revision = next((str(table[key]) for key in ("rev", "tag", "branch") if key in table), "")
            address = str(table["git"])
            return f"{title} @ git+{address}{f'@{revision}' if revision else ''}{below}{tail}", ""
        if "url" in table:
            return f"{title} @ {table['url']}{below}{tail}", ""
        path = str(table.get("path") or table.get("file"))
        found, why = self._drafting.source(path + (f"[{','.join(extras)}]" if extras else ""), marker=marker)
        return (f"-e {found}" if found and table.get("develop") is True else found), why


def _shown(wanted: Any) -> str:
    if isinstance(wanted, dict):
        return "{" + ", ".join(f"{key} = {value}" for key, value in wanted.items()) + "}"
    return str(wanted)


def requirement_text(name: str, constraint: str | dict[str, Any]) -> tuple[str, str]:
    """A dependency as Poetry has it, as a requirement; or why it is none."""
    text, why = _asked(name, constraint)
    if why:
        return "", why
    head, _, marker = text.partition(" ; ")
    title, _, versions = head.partition(" (")
    versions = versions.removesuffix(")")
    if "||" in versions:
        first, *_, last = (part.split(",") for part in versions.split("||"))
        bounds = [part.strip() for part in (first[0], last[-1])]
        versions = ",".join(bound for bound in bounds if bound.startswith((">", "<")))
    return f"{title}{versions.strip()}" + (f"; {marker}" if marker else ""), ""


def _asked(name: str, constraint: str | dict[str, Any]) -> tuple[str, str]:
    if isinstance(constraint, dict):
        kept = ("version", "extras", "markers", "python", "platform")
        constraint = {key: value for key, value in constraint.items() if key in kept}
        constraint.setdefault("version", "*")
        if any(not isinstance(value, str | list) for value in constraint.values()):
            return "", "is not written as Poetry has it"
    elif not isinstance(constraint, str):
        return "", "is not written as Poetry has it"
    if max(map(len, map(str, constraint.values() if isinstance(constraint, dict) else [constraint]))) > 1000:
        return "", "is longer than any constraint"
    factory = _factory()
    try:
        return str(factory.create_dependency(name, constraint).to_pep_508()), ""
    except RecursionError:
        return "", "is nested too deeply"
    except Exception as error:  # noqa: BLE001 - Poetry's library has no base of its errors
        return "", f"is nothing that Poetry reads: {' '.join(str(error).split())}"


@functools.cache
def _factory() -> Any:
    from poetry.core.factory import Factory  # it takes half a second to load

    return Factory
