"""From a draft to the text of a first spec."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import tomlkit
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envspec.ingest.draft import Draft, Install
from envspec.system.toml import array_of


def spec_text(draft: Draft) -> str:
    """A spec that says what the draft says, with its notes as comments.

    A package named twice is kept where it stands first, with the last word on its version: that is what
    running the installs one after another would have left.
    """
    document = tomlkit.document()
    for note in draft.notes:
        document.add(tomlkit.comment(_one_line(note)))
    document.add("name", tomlkit.item(_name(draft.name)))
    document.add("python", tomlkit.item(draft.python or f"{sys.version_info.major}.{sys.version_info.minor}"))
    base = tomlkit.table()
    if draft.image and "$" not in draft.image:
        base.add("image", draft.image)
    if draft.apt:
        base.add("apt", list(draft.apt))
    if base:
        document.add("base", base)
    indexes = {url: f"index-{number}" for number, url in enumerate(_urls(draft), 1)}
    if indexes:
        table = tomlkit.table(is_super_table=True)
        for url, name in indexes.items():
            table.add(name, {"url": url})
        document.add("index", table)
    stages = tomlkit.aot()
    for install, requirements in _settled(draft.installs):
        stage = tomlkit.table()
        stage.add("name", install.name)
        stage.add("install", array_of(requirements, multiline=len(requirements) > 2))
        if own := _own_index(install):
            stage.add("index", indexes[own])
        stages.append(stage)
    document.add("stage", stages)
    if removed := sorted({name for install in draft.installs for name in install.uninstalled}):
        document.add("remove", {"packages": removed})
    return tomlkit.dumps(document)


def _one_line(note: str) -> str:
    """The note without what would end a comment of TOML, or may not stand in one."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", note).strip()


def _own_index(install: Install) -> str | None:
    return install.index_url or next(iter(install.extra_index_urls), None)


def _urls(draft: Draft) -> Iterator[str]:
    yield from dict.fromkeys(url for install in draft.installs if (url := _own_index(install)))


def _settled(installs: tuple[Install, ...]) -> Iterator[tuple[Install, list[str]]]:
    last = {
        _key(text): text
        for install in installs
        for text in install.requirements
        if Requirement(text).specifier
    }
    seen: set[str] = set()
    for install in installs:
        fresh = [text for text in dict.fromkeys(install.requirements) if _key(text) not in seen]
        seen.update(map(_key, fresh))
        if fresh:
            yield install, [last.get(_key(text), text) for text in fresh]


def _key(text: str) -> str:
    return canonicalize_name(Requirement(text).name)


def _name(name: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:100].rstrip("-._") or "environment"
