"""`envspec simulate`: what plain pip would do with stages, Dockerfile or requirements, run as they stand."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator

import click

from builder.cli.bars import shown_progress
from builder.cli.init import wished_python
from builder.cli.options import PLACE, quiet_option, variant_option
from builder.cli.streams import say_document, say_text
from builder.flow.described import drafted_place
from builder.flow.project import is_described
from envspec import order
from envspec.ingest import read as descriptions
from envspec.ingest.draft import Draft, Wish
from envspec.ingest.write import name_of
from envspec.order import PipTarget, Simulation
from envspec.spec import load
from envspec.spec.model import Spec, Stage
from envspec.spec.python import parse_python
from envspec.spec.target import Target, host_target, target_of
from envspec.spec.words import SourceWord
from envspec.supply.page import RemoteFile
from envspec.supply.pip_settings import ask_pip
from envspec.supply.relay import Relay, relay_for
from envspec.supply.sources import Sources
from envspec.system.interpreter import known_interpreter
from envspec.system.machine import runs_linux
from envspec.system.progress import Progress
from envspec.system.quoting import listed

DEFAULT_PYTHON = "3.11"
"""Where neither the user nor the file names one."""


@click.command()
@click.argument("place", metavar="[SPEC|FILE]", required=False, type=PLACE)
@variant_option
@click.option("--python", help="Python of a Dockerfile or requirements file that does not tell it.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Exit with 1 if a stage changes what an earlier one installed.")
@quiet_option
def simulate(
    place: pathlib.Path | None,
    variant: str | None,
    python: str | None,
    form: str,
    strict: bool,
    quiet: bool,
) -> int:
    """Say what plain pip would do with the stages of SPEC, or the pip lines of FILE, one after another.

    pip is asked what it would install: nothing is installed, and no spec or lock is changed. It ends with 1
    where pip would fail.
    """
    with shown_progress(quiet=quiet) as progress:
        found = simulate_place(place, variant, python, progress)
    if form == "json":
        say_document(json.dumps(found.as_dict(), indent=2) + "\n")
    else:
        say_text(simulation_text(found).removesuffix("\n"))
    return 1 if found.refused or (strict and found.moved) else 0


def simulate_place(
    place: pathlib.Path | None, variant: str | None, python: str | None, progress: Progress
) -> Simulation:
    """Simulate a spec, or any description that `envspec init` reads.

    Raises `SpecError`, `UsageError` and `OutsideError`.
    """
    if place is not None and is_described(place):
        wish = Wish(python=wished_python(python), folder=descriptions.folder_of(place))
        draft = drafted_place(place, wish)
        for note in draft.notes:
            progress.note(note)
        with relay_for(ask_pip(), progress.note) as relay:
            stages = list(_drafted(draft, wish.folder, relay, progress))
            target = host_target(parse_python(draft.python or DEFAULT_PYTHON).line)
            return _simulated(stages, target, draft.image, relay, progress)
    file = load.find_spec(place)
    spec = load.load_spec(file, variant)
    sources = Sources(spec, ask_pip()).within(file.parent)
    with relay_for(sources.machine, progress.note) as relay:
        stages = list(_stages(spec, sources, relay, progress))
        return _simulated(stages, target_of(spec), spec.image, relay, progress)


def _simulated(
    stages: list[order.PipStage], target: Target, image: str | None, relay: Relay, progress: Progress
) -> Simulation:
    where = _place(target)
    return order.simulate_stages(
        stages,
        where,
        installed=order.brought_by_image(image) if image else order.brought_by_venv(where),
        variables=relay.machine.pip_environment(),
        check=lambda refused: relay.refuse_failure() if refused else relay.refuse_trouble(),
        progress=progress,
    )


def _place(target: Target) -> PipTarget:
    # Elsewhere than on Linux pip is made to believe in the target: an interpreter from here would not be it.
    here = known_interpreter(target.python, target.patch) if runs_linux() else None
    return PipTarget(target=target, interpreter=here)


def _stages(spec: Spec, sources: Sources, relay: Relay, progress: Progress) -> Iterator[order.PipStage]:
    """Each stage as one `pip install`; what the spec removes is uninstalled after the last."""
    for number, stage in enumerate(spec.stage, 1):
        offered = [(wheel.name, sources.spec_wheel(wheel)) for wheel in stage.wheels]
        wheels = [f"{name} @ {relay.file(file).url}" for name, file in offered]
        index = relay.index(sources.index_url(stage.index), stage.index) if stage.index else None
        yield order.PipStage(
            name=stage.name,
            requirements=(*_words(stage, sources.folder, relay, progress), *wheels),
            options=("--index-url", index) if index else (),
            remove=spec.remove.packages if number == len(spec.stage) else (),
        )


def _words(stage: Stage, folder: pathlib.Path, relay: Relay, progress: Progress) -> Iterator[str]:
    """What pip is given of a stage's words: no source that it would build, since nothing is run here."""
    for text, word in zip(stage.install, stage.words, strict=True):
        if not isinstance(word, SourceWord):
            yield text
        elif word.is_wheel:
            url = word.place if word.kind == "url" else (folder / word.place).absolute().as_uri()
            wanted = word.requirement(word.name)
            wanted.url = relay.file(RemoteFile(file=word.file_name, url=url)).url
            yield str(wanted)
        else:
            progress.note(f"{word.shown} is left out with what it requires: pip would build it first")


def _drafted(
    draft: Draft, folder: pathlib.Path, relay: Relay, progress: Progress
) -> Iterator[order.PipStage]:
    if draft.constraints or draft.overrides:
        progress.note("constraints and overrides are left out")
    asked = [url for url, how in draft.asked.items() if how != "default"]  # pip knows no order
    own = next((url for url, how in draft.asked.items() if how == "default"), None)
    for install in draft.installs:
        besides = [*install.extra_index_urls, *asked]
        options: list[str] = []
        if only := install.index_url or own:  # pip asks the others that it is set up with all the same
            options += ["--index-url", relay.index(only)]
            besides += ask_pip().extra_index_urls
        for url in besides:
            options += ["--extra-index-url", relay.index(url)]
        for place in install.find_links:
            options += ["--find-links", relay.links(place)]
        stage = Stage(name=name_of(install.name), install=install.requirements)
        yield order.PipStage(
            name=install.name,
            requirements=tuple(_words(stage, folder, relay, progress)),
            options=tuple(options),
            remove=install.uninstalled,
        )


def simulation_text(simulation: Simulation) -> str:
    """For people: a line a stage, then what it changed and what it left unsatisfied."""
    brought = [f"{name} {version}" for name, version in simulation.base.items()]
    lines = [f"the base brings {listed(brought)}"] if brought else []
    for stage in simulation.stages:
        lines.append(f"stage {stage.name}: {len(stage.added)} added, {len(stage.installed)} installed")
        for change in stage.changes:
            moved = f"-> {change.after}" if change.after else "is removed"
            reason = f", because {'; '.join(change.because)}" if change.because else ""
            lines.append(f"  {change.name} {change.before} {moved}{reason}")
        lines += [f"  unsatisfied: {entry}" for entry in stage.unsatisfied]
        if stage.problem:
            lines.append(f"  pip would install nothing: {stage.problem}")
    if simulation.emulated:
        lines.append("the target's Python is not on this machine: its markers and tags were put on")
    return "\n".join(lines) + "\n"
