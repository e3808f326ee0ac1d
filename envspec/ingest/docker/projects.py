"""Commands of a RUN that install what a project's own files say: uv, Poetry, PDM, Pipenv and conda."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from envspec.ingest.conda import add_conda_words, conda_draft
from envspec.ingest.docker.programs import UNKNOWN
from envspec.ingest.draft import Wish
from envspec.ingest.drafting import Drafting, Step, is_file
from envspec.ingest.locks import pdm_lock, pipfile_lock, poetry_lock
from envspec.ingest.locks.uv_lock import read_uv_lock
from envspec.ingest.pipfile import pipfile_draft
from envspec.ingest.pyproject import draft_pyproject

if TYPE_CHECKING:
    from envspec.ingest.docker.run import Runner

_LOCKS = {
    "uv.lock": read_uv_lock,
    "poetry.lock": poetry_lock.read_poetry_lock,
    "pdm.lock": pdm_lock.read_pdm_lock,
    "Pipfile.lock": pipfile_lock.read_pipfile_lock,
}
"""Locks beside a project's file, which its installer follows."""

_FILES = {"pipenv": "Pipfile", "conda-env": "environment.yml"}

_VALUES = {
    "--extra",
    "-E",
    "--extras",
    "--group",
    "-G",
    "--only-group",
    "--with",
    "--only",
    "--without",
    "--no-group",
}
_PICK = {"--extra", "-E", "--extras", "--group", "-G", "--with", "--only-group", "--only"}
_OTHER_VALUES = {"--python", "-p", "--directory", "--project", "-C", "--package", "--no-install-package"}


def install_project(runner: Runner, kind: str, words: Sequence[str], text: str, folder: str) -> None:
    """Add what the file says that the command installs from. Raises `SpecError`."""
    drafting, line = runner.drafting, runner.line
    if kind == "conda":
        step = runner.new_step()
        add_conda_words(drafting, step, words, line)
        if step.says_something:
            runner.image.steps.append(step)
        return
    options = _Options(words)
    name = options.file or _FILES.get(kind, "pyproject.toml")
    file = runner.file(name, folder)
    if file is None:
        drafting.leave(text, line, f"installs what {name} says, which the image does not get from here")
        return
    drafting.carry(text, line)
    for word in words:
        if "$" in word:
            drafting.leave(word, line, UNKNOWN)
    wish = Wish(python=drafting.python, folder=drafting.wish.folder)
    part = _drafted(kind, file, wish)
    _merge(runner, part, options, file.name)
    picked = frozenset(name for image in runner.image.whole() for name in image.picked)
    for name, reader in _LOCKS.items():
        if is_file(file.parent / name):
            held = reader(file.parent / name, dataclasses.replace(wish, picked=picked))
            pins = [dataclasses.replace(pin, loose=pin.requires is not None) for pin in held.pins]
            drafting.pins, drafting.pinned_by = tuple(pins), held.pinned_by


def _drafted(kind: str, file: pathlib.Path, wish: Wish) -> Drafting:
    if kind == "conda-env":
        return conda_draft(file, wish)
    if kind == "pipenv":
        return pipfile_draft(file, wish)
    return draft_pyproject(file, wish)[0]


def _merge(runner: Runner, part: Drafting, options: _Options, label: str) -> None:
    drafting, steps = runner.drafting, runner.image.steps
    known = {(item.text, item.line, item.file) for item in drafting.items}
    for item in part.items:
        entry = (item.text, item.line, item.file or label)
        if entry not in known:
            _repeat(drafting, item.text, item.line, item.why, item.file or label, item.size)
    if drafting.python is None:
        drafting.python = part.python
        drafting.remarks += part.remarks
    have = {word for image in runner.image.whole() for step in image.steps for word in step.requirements}
    wanted: list[Step] = []
    if not options.only:
        wanted += [step for step in part.installs if step.name != "project" or not options.without_project]
    chosen = {canonicalize_name(name) for name in options.picked}
    for name, variant in part.variants.items():
        if name in chosen or (options.all_extras and name not in {"dev", "test", "docs", "lint"}):
            wanted += variant
            runner.image.picked.add(name)
            drafting.variants.pop(name, None)
        elif not have.issuperset(word for step in variant for word in step.requirements):
            drafting.variants.setdefault(name, variant)
    for step in wanted:
        fresh = [word for word in step.requirements if word not in have]
        step.requirements[:] = fresh
        if step.says_something:
            steps.append(step)
    if part.proposed and not (options.only or options.without_project):
        drafting.run, drafting.proposed = part.run, part.proposed
    drafting.constraints += part.constraints
    drafting.overrides += part.overrides
    drafting.index_names |= part.index_names
    drafting.asked |= part.asked
    drafting.as_of = drafting.as_of or part.as_of


def _repeat(drafting: Drafting, text: str, line: int | None, why: str, file: str, size: int) -> None:
    if why:
        drafting.leave(text, line, why, file=file, size=size)
    else:
        drafting.carry(text, line, file=file, size=size)


class _Options:
    """The options of an installing command that say what of a project is installed."""

    def __init__(self, words: Sequence[str]) -> None:
        self.picked: list[str] = []
        self.only = False
        self.all_extras = "--all-extras" in words
        self.without_project = bool(
            {"--no-install-project", "--no-emit-project", "--no-root", "--no-self"} & set(words)
        )
        self.without_project |= any(word.startswith(("--only=", "--only-group")) for word in words)
        self.file = ""
        waiting = list(reversed(words))
        while waiting:
            word = waiting.pop()
            name, given, value = word.partition("=")
            if name in _VALUES | {"-f", "--file"} | _OTHER_VALUES and not given:
                value = waiting.pop() if waiting else ""
            if name in {"-f", "--file"}:
                self.file = value
            elif name in _PICK:
                self.picked += value.replace(",", " ").split()
                self.only |= name in {"--only-group", "--only"} and "main" not in value.split(",")
