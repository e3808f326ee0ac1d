"""Reads conda's `environment.yml`: its names as those of the package index, what has none there named.

Source: https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html and
https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html.
"""

from __future__ import annotations

import functools
import importlib.resources
import pathlib
import re
from collections.abc import Sequence

from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import Drafting, Step, env_refusal, minor_version
from envspec.ingest.entries import read_yaml
from envspec.ingest.pins import hashed_pins
from envspec.ingest.requirements import Requirements
from envspec.spec.load import spelled

OWN = {
    "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    "libopencv": "opencv-python-headless",
    "faiss-cpu": "faiss-cpu",
    "faiss-gpu": "faiss-gpu-cu12",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "tensorflow-gpu": "tensorflow",
    "dgl-cuda11.3": "dgl",
    "ninja": "ninja",
    "cython": "cython",
    "msgpack-python": "msgpack",
    "torchtriton": "triton",
    "pytorch-cuda": "",
    "pytorch-mutex": "",
    "fenics-dolfinx": "",
}
"""What the table does not tell: packages of packages, and of other channels; empty without a counterpart."""

_TOOLS = {"pip", "setuptools", "wheel", "conda", "mamba"}
_FOREIGN = re.compile(r"(r|perl|bioconductor|ros|go|julia|font|sysroot)[-_].*|_.*|cuda-.*|gcc_.*|gxx_.*")
_SPEC = re.compile(r"(?:[\w./-]+::)?([A-Za-z0-9_][\w.-]*)\s*(.*)", re.DOTALL)
_NONE = "is no package of Python's index: what needs it may bring its own, or add it to `[base] apt`"
_CHANNEL = "is conda's: packages come from the package index"
_BUILD = "is one of conda's: the package index has files of its own of that version"


def read_environment(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that an `environment.yml` gives. Raises `SpecError`."""
    drafting = conda_draft(file, wish)
    return drafting.finish(**hashed_pins(drafting))


def conda_draft(file: pathlib.Path, wish: Wish) -> Drafting:
    """The same, for whoever has more to say of it. Raises `SpecError`."""
    entries = read_yaml(file)
    drafting = Drafting(file, wish, name=entries.text("name"))
    if entries.get("name") is not None:
        drafting.carry("name", entries.line("name"))
    listed = entries.list("dependencies")
    for entry in listed:
        found = _SPEC.fullmatch(entry.strip()) if isinstance(entry, str) else None
        if found and found[1].lower() == "python" and drafting.python is None:
            drafting.python = minor_version(found[2])
    drafting.choose_python(None, file.name)
    step = drafting.step("conda")
    for number, entry in enumerate(listed):
        line = entries.line("dependencies", number)
        if isinstance(entry, str):
            entries.take("dependencies", number)
            add_conda_word(drafting, step, entry, line)
        elif isinstance(entry, dict) and "pip" in entry:
            reader = Requirements(drafting, drafting.step("pip"))
            for text, place in entries.texts("dependencies", number, "pip"):
                reader.text_line(text, place or line or 0, file)
    for text, line in entries.texts("channels"):
        drafting.leave(f"channel {text}", line, _CHANNEL)
    for name in entries.table("variables"):
        value, line = entries.text("variables", name), entries.line("variables", name)
        if why := env_refusal(name, value):
            drafting.leave(f"{name}={value}", line, why)
        else:
            drafting.env[name] = value
            drafting.carry(f"{name}={value}", line)
    for path, size in entries.rest():
        why = "is the place where conda put it" if path[0] == "prefix" else "is not carried over"
        drafting.leave(spelled(path), entries.line(*path), why, size=size)
    return drafting


def add_conda_words(drafting: Drafting, step: Step, words: Sequence[str], line: int | None) -> None:
    """Add what `conda install` is told on its command line."""
    takes = {"-c", "--channel", "-n", "--name", "-p", "--prefix", "--solver", "--override-channels"}
    waiting = list(reversed(words))
    said = False
    while waiting:
        word = waiting.pop()
        if word in takes - {"--override-channels"}:
            value = waiting.pop() if waiting else ""
            if word in {"-c", "--channel"}:
                drafting.leave(f"{word} {value}", line, _CHANNEL)
                said = True
        elif not word.startswith("-"):
            add_conda_word(drafting, step, word, line)
            said = True
    if not said:
        drafting.carry(" ".join(words), line)


def add_conda_word(drafting: Drafting, step: Step, word: str, line: int | None) -> None:
    """Add one of conda's specifications, such as `numpy=1.26` or `pytorch::pytorch>=2`."""
    found = _SPEC.fullmatch(word.strip())
    if found is None or "$" in word:
        drafting.leave(word, line, "is nothing that conda would know")
        return
    name, rest = found[1].lower(), found[2]
    if name == "python" or name in _TOOLS:
        drafting.carry(word, line)
        _leave_conda(drafting, word, name, rest, line)
        return
    title = index_name(name)
    if title is None:
        drafting.leave(word, line, _NONE)
        return
    versions = pip_versions(rest)
    if versions is None:
        drafting.leave(word, line, "asks for versions in a way that the package index does not know")
        return
    if drafting.require(step, f"{title}{versions}", line, shown=word):
        _leave_conda(drafting, word, name, rest, line)


def _leave_conda(drafting: Drafting, word: str, name: str, rest: str, line: int | None) -> None:
    """Name what a specification that was carried over says of conda's own: a channel and a build."""
    if channel := word.strip().rpartition("::")[0]:
        drafting.leave(f"channel {channel} of {name}", line, _CHANNEL)
    if build := build_of(rest):
        drafting.leave(f"build {build} of {name}", line, _BUILD)


def index_name(name: str) -> str | None:
    """The name that one of conda's packages bears on the package index; None where it has no counterpart."""
    if name in OWN:
        return OWN[name] or None
    table = _table()
    if name in table:
        return table[name] or None
    return None if _FOREIGN.fullmatch(name) else name


@functools.cache
def _table() -> dict[str, str]:
    """Index name by conda's name where they differ; empty where there is none on the index."""
    text = importlib.resources.files("envspec.ingest").joinpath("conda_names.txt").read_text("utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {name: other for name, _, other in (line.partition("=") for line in lines)}


def build_of(text: str) -> str:
    """The build that a specification asks for behind its version; empty without one."""
    text = text.strip()
    if bracket := re.fullmatch(r"\[(.*)\]", text, re.DOTALL):
        found = re.search(r"(?:^|[,\s])build(?:_number)?\s*=\s*['\"]?([^'\"\],]+)", bracket[1])
    else:
        found = re.fullmatch(r"(?:=?=?\s*[\w.!+*]+=|[<>=!~]=?\s*[\w.!+]+\s+)([\w.*]+)", text)
    return found[1].strip() if found and found[1].strip() != "*" else ""


def pip_versions(text: str) -> str | None:
    """conda's limits of a version as pip has them; builds are left out. None for what pip cannot say.

    `=1.26` means any 1.26, `=1.26.4=py311_0` and `==1.26.4` exactly that, `1.26|1.27` either of both.
    """
    text = text.strip()
    bracket = re.fullmatch(r"\[.*?version\s*=\s*['\"]?([^'\"\],]+)['\"]?.*\]", text)
    text = (bracket[1] if bracket else text).strip().strip("'\"")
    if not text or text == "*":
        return ""
    if "|" in text:
        return None
    if build := re.fullmatch(r"=?=?\s*([\w.!+*]+)=([\w.*]+)", text):
        exact = build[1]
        return f"=={exact}"
    if build := re.fullmatch(r"([<>=!~]=?\s*[\w.!+]+)\s+\w+", text):
        text = build[1]
    if fuzzy := re.fullmatch(r"=?\s*([\w.!+]+?)(\.?\*)?", text):
        version = fuzzy[1]
        exact_enough = not text.startswith("=") and not fuzzy[2]
        if not re.fullmatch(r"v?\d[\w.!+]*", version):
            return None
        if exact_enough or (re.fullmatch(r"\d+\.\d+\.\d+(\.\d+)*", version) and not fuzzy[2]):
            return f"=={version}"
        return f"=={version}.*"
    parts = [re.sub(r"\s+", "", part) for part in text.split(",")]
    if all(re.fullmatch(r"(==|!=|>=|<=|~=|>|<)\d[\w.!+]*(\.\*)?", part) for part in parts):
        bare = [
            part.removesuffix(".*") if part[:2] in {">=", "<="} or part[0] in "<>" else part for part in parts
        ]
        return ",".join(bare)
    return None
