"""Reads `cog.yaml`. Source: https://cog.run/yaml/."""

from __future__ import annotations

import pathlib

from envspec.ingest.docker.image import Image
from envspec.ingest.docker.run import Runner
from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import Drafting, minor_version, refusal
from envspec.ingest.entries import read_yaml
from envspec.ingest.pins import hashed_pins
from envspec.ingest.requirements import Requirements
from envspec.spec.load import spelled
from envspec.system.errors import Problem, SpecError

_LEFT = {
    "predict": "names a class that Cog serves: give the program that starts it as `[run] command`",
    "train": "names a function that Cog calls: give a program of `[run]`",
    "image": "is the name that Cog gives its image",
    "concurrency": "is Cog's own business",
}


def read_cog(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a `cog.yaml` gives. Raises `SpecError`."""
    entries = read_yaml(file)
    drafting = Drafting(file, wish)
    if not isinstance(entries.get("build"), dict):
        raise SpecError(str(file), (Problem(path="build", message="missing"),))
    said, line = entries.text("build", "python_version"), entries.line("build", "python_version")
    if said:
        version = minor_version(said)
        drafting.python = drafting.python or version
        if version:
            drafting.carry(f"python_version: {said}", line)
        else:
            drafting.leave(f"python_version: {said}", line, "is none that a spec can have")
    drafting.choose_python(None, file.name)
    if (gpu := entries.text("build", "gpu")).lower() in {"true", "yes", "on"}:
        why = "asks for a CUDA image: give cards in `[target] gpu`, and a variant its own base and index"
        drafting.leave(f"gpu: {gpu}", entries.line("build", "gpu"), why)
    elif gpu:
        drafting.carry(f"gpu: {gpu}", entries.line("build", "gpu"))
    for text, place in entries.texts("build", "system_packages"):
        if why := refusal(text, "apt"):
            drafting.leave(text, place, why)
        else:
            drafting.apt.append(text)
            drafting.carry(text, place)
    step = drafting.step("packages")
    reader = Requirements(drafting, step)
    for text, place in entries.texts("build", "python_packages"):
        reader.text_line(text, place or 0, file)
    if named := entries.text("build", "python_requirements"):
        drafting.carry(f"python_requirements: {named}", entries.line("build", "python_requirements"))
        reader.read(file.parent / named)
    image = Image(name="", base="", line=0, workdir="/src")
    runner = Runner(drafting, image, drafting.folder)
    for key in ("pre_install", "run"):
        for number, entry in enumerate(entries.list("build", key)):
            line, size = entries.line("build", key, number), entries.size("build", key, number)
            entries.take("build", key, number)
            text = entry.get("command", "") if isinstance(entry, dict) else entry
            if not isinstance(text, str):
                raise entries.wrong(("build", key, number), "must be one word, without items")
            drafting.carry(f"{key}: {text}", line, size=size)
            try:
                runner.script(text, line or 0)
            except ValueError as error:
                raise entries.wrong(("build", key, number), str(error)) from error
    drafting.installs += image.steps
    drafting.apt += image.apt
    for path, size in entries.rest():
        why = _LEFT.get(str(path[0]), "is not carried over")
        drafting.leave(spelled(path), entries.line(*path), why, size=size)
    return drafting.finish(**hashed_pins(drafting))
