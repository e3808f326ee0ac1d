"""From a draft to the text of a first spec."""

from __future__ import annotations

import datetime as dt
import re
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envspec.ingest.draft import Draft, Install
from envspec.ingest.drafting import numbered, own_python
from envspec.system.toml import array_of

_LONG = 2
"""Words of an array that stand on one line."""

_STARTED = """
# Nothing that was read says what is started. As a program of the image:
# [run]
# command = ["python", "-m", "{name}"]  # "{{host}}" and "{{port}}" stand for where it listens
# port = 8000
# health = "/healthz"
{copy}"""
"""What stands below a spec without a program: the few keys that make one of it, to be filled in."""

_COPIED = """# [[copy]]  # no code of this folder is in the image yet: only what the stages install
# from = "."
# to = "/srv/app"
# owner = "app"  # who programs run as: they may write there
"""
"""What stands there besides, where a spec neither installs nor copies the code beside it."""

_RESERVED = {"default", "spec"}


def spec_text(draft: Draft) -> str:
    """A spec that says what the draft says, with its notes as comments.

    A package that a later install pins anew is kept where it stands first, with the last word on its version
    and all its extras: that is what running the installs one after another would have left.
    """
    document = tomlkit.document()
    for note in draft.notes:
        document.add(tomlkit.comment(_one_line(note)))
    document.add("name", tomlkit.item(name_of(draft.name)))
    document.add("python", tomlkit.item(draft.python or own_python()))
    if draft.as_of:
        document.add("as-of", tomlkit.item(dt.date.fromisoformat(draft.as_of[:10])))
    for key, words in (("constraints", draft.constraints), ("overrides", draft.overrides)):
        if words:
            document.add(key, array_of(words, multiline=len(words) > _LONG))
    said = {"image": draft.image, "apt": list(draft.apt), "build-apt": list(draft.build_apt)}
    base = {key: value for key, value in said.items() if value}
    for key, table in (("base", base), ("env", dict(draft.env))):
        if table:
            document.add(key, tomlkit.item(table))
    indexes = _index_names(draft)
    if indexes:
        extra = {url for install in _all(draft) for url in (*install.extra_index_urls, *install.find_links)}
        asked: dict[str, bool | str] = {**dict.fromkeys(extra, True), **draft.asked}
        table = tomlkit.table(is_super_table=True)
        for url, name in indexes.items():
            how = {"default": True} if asked.get(url) == "default" else {"extra": asked.get(url)}
            table.add(name, {"url": url, **{key: value for key, value in how.items() if value}})
        document.add("index", table)
    names = stage_names(draft)
    document.add("stage", _stages(settled(draft.installs), names, indexes))
    if removed := sorted({name for install in draft.installs for name in install.uninstalled}):
        document.add("remove", {"packages": removed})
    if draft.run:
        document.add("run", tomlkit.item(dict(draft.run)))
    if draft.copies:
        copies = tomlkit.aot()
        for copy in draft.copies:
            copies.append(tomlkit.item(dict(copy)))
        document.add("copy", copies)
    if draft.variants:
        document.add("variant", _variants(draft, names, indexes))
    text = tomlkit.dumps(document)
    if draft.run:
        return text
    own = any(
        word.removeprefix("-e ").startswith(".") for each in draft.installs for word in each.requirements
    )
    copied = "" if own or draft.copies else _COPIED
    return text + _STARTED.format(name=name_of(draft.name).replace("-", "_"), copy=copied)


def name_of(text: str) -> str:
    """A text as a spec takes it for a name."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:100].rstrip("-._") or "environment"


def stage_names(draft: Draft) -> list[str]:
    """Names of the draft's installs, each different."""
    return list(numbered(name_of(install.name) for install in draft.installs))


def _variants(draft: Draft, taken: Sequence[str], indexes: Mapping[str, str]) -> Any:
    table = tomlkit.table(is_super_table=True)
    titles = numbered(map(name_of, draft.variants))
    for title, installs in zip(titles, draft.variants.values(), strict=True):
        names = list(numbered([*taken, *(name_of(install.name) for install in installs)]))[len(taken) :]
        once = [(install, list(dict.fromkeys(install.requirements))) for install in installs]
        overlay = tomlkit.table(is_super_table=True)
        overlay.add("stage", _stages(once, names, indexes))
        table.add(title, overlay)
    return table


def _stages(
    installs: Sequence[tuple[Install, Sequence[str]]], names: Sequence[str], indexes: Mapping[str, str]
) -> Any:
    stages = tomlkit.aot()
    for (install, requirements), name in zip(installs, names, strict=True):
        if not requirements:
            continue
        stage = tomlkit.table()
        stage.add("name", name)
        stage.add("install", array_of(requirements, multiline=len(requirements) > _LONG))
        if install.prebuilt:
            stage.add("prebuilt", list(install.prebuilt))
        if install.index_url:
            stage.add("index", indexes[install.index_url])
        stages.append(stage)
    return stages


def _one_line(note: str) -> str:
    """The note without what would end a comment of TOML, or may not stand in one."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", note).strip()


def _all(draft: Draft) -> Iterator[Install]:
    yield from draft.installs
    for installs in draft.variants.values():
        yield from installs


def _index_names(draft: Draft) -> dict[str, str]:
    """Name of every index by its address: the description's own, or the last part of the address."""
    urls = dict.fromkeys(draft.asked)
    for install in _all(draft):
        own = [install.index_url] if install.index_url else []
        urls |= dict.fromkeys([*own, *install.extra_index_urls, *install.find_links])
    names = [name_of(draft.index_names.get(url) or _last_part(url)) for url in urls]
    chosen = numbered(f"index-{name}" if name in _RESERVED else name for name in names)
    return dict(zip(urls, chosen, strict=True))


def _last_part(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    path = [part for part in parts.path.split("/") if part not in {"", "simple", "index.html", "whl"}]
    host = (parts.hostname or "index").split(".")
    return "-".join([host[-2] if len(host) > 1 else host[0], *(path[-1:])]).removesuffix(".html")


def settled(installs: Sequence[Install]) -> list[tuple[Install, list[str]]]:
    """Each install with the words that are left for it."""
    later: dict[str, list[tuple[int, Requirement, str]]] = {}
    for number, install in enumerate(installs):
        for text in install.requirements:
            if (parsed := _parsed(text)) is not None:
                later.setdefault(canonicalize_name(parsed.name), []).append((number, parsed, text))
    words = {name: _last_words(said) for name, said in later.items()}
    places = {name: _place(said, installs) for name, said in later.items()}
    result = []
    for number, install in enumerate(installs):
        kept: dict[str, None] = {}
        for text in install.requirements:
            parsed = _parsed(text)
            if parsed is None:
                kept[text] = None
            else:
                name = canonicalize_name(parsed.name)
                kept |= dict.fromkeys(words[name] if number == places[name] else ())
        result.append((install, list(kept)))
    return result


def _place(said: list[tuple[int, Requirement, str]], installs: Sequence[Install]) -> int:
    """Which install keeps a package: the first that names it, or the last that has an index of its own."""
    own = [number for number, _, _ in said if installs[number].index_url]
    return own[-1] if own else said[0][0]


def _last_words(said: list[tuple[int, Requirement, str]]) -> list[str]:
    """What counts of all that is said of one package: the last that says a version, and all extras."""
    numbers = [number for number, parsed, _ in said if parsed.specifier] or [said[0][0]]
    counting = [(parsed, text) for number, parsed, text in said if number == numbers[-1]]
    # a bare name says nothing that another word does not
    counting = [each for each in counting if each[0].specifier or each[0].marker] or counting[:1]
    others = {extra for _, parsed, _ in said for extra in parsed.extras}
    found = []
    for parsed, text in counting:
        lacking = others - parsed.extras
        parsed.extras |= lacking
        found.append(str(parsed) if lacking else text)
    return found


def _parsed(text: str) -> Requirement | None:
    """A requirement by name; None for sources, each of which stands for itself."""
    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        return None
    return None if parsed.url else parsed
