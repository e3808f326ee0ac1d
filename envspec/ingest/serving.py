"""Reads what servers of models are described with: BentoML's `bentofile.yaml` and Truss's `config.yaml`.

Source: https://docs.bentoml.com/en/latest/reference/bentoml/bento-build-options.html and
https://docs.baseten.co/reference/truss-configuration.
"""

from __future__ import annotations

import pathlib
import re

from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import Drafting, env_refusal, minor_version, refusal
from envspec.ingest.entries import Entries, read_yaml
from envspec.ingest.indexes import add_index
from envspec.ingest.pins import hashed_pins
from envspec.ingest.requirements import Requirements
from envspec.spec.load import spelled

_SERVER = "is the server's own business: give the program that starts it as `[run] command`"


def read_bentofile(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a `bentofile.yaml` gives. Raises `SpecError`."""
    entries = read_yaml(file)
    drafting = Drafting(file, wish)
    return _read(
        entries,
        drafting,
        python=("docker", "python_version"),
        image=("docker", "base_image"),
        apt=("docker", "system_packages"),
        env=("docker", "env"),
        packages=("python", "packages"),
        named=("python", "requirements_txt"),
    )


def read_truss(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a Truss's `config.yaml` gives. Raises `SpecError`."""
    entries = read_yaml(file)
    drafting = Drafting(file, wish, name=entries.text("model_name"))
    if entries.get("model_name") is not None:
        drafting.carry("model_name", entries.line("model_name"))
    return _read(
        entries,
        drafting,
        python=("python_version",),
        image=("base_image", "image"),
        apt=("system_packages",),
        env=("environment_variables",),
        packages=("requirements",),
        named=("requirements_file",),
    )


def _read(
    entries: Entries,
    drafting: Drafting,
    *,
    python: tuple[str, ...],
    image: tuple[str, ...],
    apt: tuple[str, ...],
    env: tuple[str, ...],
    packages: tuple[str, ...],
    named: tuple[str, ...],
) -> Draft:
    if said := entries.text(*python):
        version = minor_version(re.sub(r"^py(\d)\.?(\d+)$", r"\1.\2", said))
        drafting.python = drafting.python or version
        if version:
            drafting.carry(f"{spelled(python)}: {said}", entries.line(*python))
        else:
            drafting.leave(
                f"{spelled(python)}: {said}", entries.line(*python), "is none that a spec can have"
            )
    drafting.choose_python(None, drafting.file.name)
    step = drafting.step("packages")
    for key, kind in (("index_url", "index"), ("extra_index_url", "extra"), ("find_links", "links")):
        found = entries.get("python", key)
        urls = list(entries.texts("python", key)) if isinstance(found, list) else []
        if isinstance(found, str):
            urls = [(entries.text("python", key), entries.line("python", key))]
        for url, line in urls:
            add_index(drafting, step, kind, url, line, shown=f"{key}: {url}")
    reader = Requirements(drafting, step)
    for text, line in entries.texts(*packages):
        reader.text_line(text, line or 0, drafting.file)
    if file := entries.text(*named):
        drafting.carry(f"{spelled(named)}: {file}", entries.line(*named))
        reader.read(drafting.folder / file)
    for text, line in entries.texts(*apt):
        if why := refusal(text, "apt"):
            drafting.leave(text, line, why)
        else:
            drafting.apt.append(text)
            drafting.carry(text, line)
    for name in entries.table(*env) if isinstance(entries.get(*env), dict) else ():
        value, line = entries.text(*env, name), entries.line(*env, name)
        if why := env_refusal(name, value):
            drafting.leave(f"{name}={value}", line, why)
        else:
            drafting.env[name] = value
            drafting.carry(f"{name}={value}", line)
    base = entries.text(*image)
    good = bool(base) and not refusal(base, "image")
    if good:
        drafting.carry(f"{spelled(image)}: {base}", entries.line(*image))
    elif base:
        drafting.leave(f"{spelled(image)}: {base}", entries.line(*image), "is no image's name")
    for path, size in entries.rest():
        drafting.leave(spelled(path), entries.line(*path), _SERVER, size=size)
    return drafting.finish(**hashed_pins(drafting), image=base if good else None)
