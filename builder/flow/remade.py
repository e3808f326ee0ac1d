"""Says of a build what of it was made anew and why, and what was taken from before.

<home>/builds/     what the last build of each spec was made of, by its file, variant and backend
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping, Sequence

from builder.values.plan import Plan
from builder.values.tool import tool_digest
from envspec.spec.model import digest_of
from envspec.spec.part import Part
from envspec.system.home import tool_home
from envspec.system.kept import Kept
from envspec.system.progress import Progress
from envspec.system.quoting import listed

_NAMED = 3
"""Changes that are named; more are counted."""


class Built(Part):
    """What a build was made of, as far as that tells why the next one makes something anew."""

    tool: str
    """Digest of envspec itself."""
    base: str
    """Digest of all that the base is."""
    stages: tuple[StageBuilt, ...]
    payload: str | None
    copies: tuple[str, ...]


class StageBuilt(Part):
    """One stage of it."""

    name: str
    wheels: Mapping[str, tuple[str, str]]
    """Version and sha256 by name."""
    trim: tuple[str, ...]


class Heard(Progress):
    """Hands everything on, and keeps what was begun."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.titles: list[str] = []

    def step(self, title: str) -> None:
        self.titles.append(title)
        self._progress.step(title)

    def note(self, text: str) -> None:
        self.titles.append(text)
        self._progress.note(text)

    def begin(self, title: str, total: int) -> None:
        self._progress.begin(title, total)

    def begin_transfer(self, title: str, size: int) -> None:
        self._progress.begin_transfer(title, size)

    def advance(self, title: str, amount: int) -> None:
        self._progress.advance(title, amount)

    def end(self, title: str) -> None:
        self._progress.end(title)


def kept_builds() -> Kept[Built]:
    """What the last builds were made of."""
    return Kept(tool_home() / "builds", Built)


def build_key(spec: pathlib.Path, variant: str | None, backend: str) -> str:
    """Name of what the builds of a spec by one backend were made of."""
    return digest_of([str(spec.absolute()), variant, backend]).removeprefix("sha256:")


def built_of(plan: Plan) -> Built:
    """What a plan is made of."""
    base = [plan.python, plan.patch, plan.machine, plan.base.model_dump(mode="json"), plan.compiled]
    return Built(
        tool=tool_digest(),
        base=digest_of(base),
        stages=tuple(
            StageBuilt(
                name=stage.name,
                wheels={wheel.name: (wheel.version, wheel.sha256) for wheel in stage.wheels},
                trim=stage.trim,
            )
            for stage in plan.stages
        ),
        payload=plan.payload.digest if plan.payload else None,
        copies=tuple(copy.digest for copy in plan.copies),
    )


def remade(before: Built, now: Built, titles: Sequence[str]) -> str:
    """The line that says what was made anew, why, and what was not; `titles` are those of its steps."""
    made = [stage.name for stage in now.stages if _was_made(stage, titles)]
    kept = [stage.name for stage in now.stages if stage.name not in made and stage.wheels]
    what = _made_words(made, now, before)
    why = [each for each in _changes(before, now) if each != what]
    if made and not _explained(before, now, made[0]):
        why = ["another envspec" if before.tool != now.tool else "what was kept of them is gone", *why]
    said = f"made anew: {what} ({listed(why, most=_NAMED)})" if why else f"made anew: {what}"
    return f"{said}; reused: {listed(kept)}" if kept else said


def _explained(before: Built, now: Built, first: str) -> bool:
    """Whether the base, or something of the first stage that was made or of one before it, changed."""
    count = next(number for number, stage in enumerate(now.stages, 1) if stage.name == first)
    return before.base != now.base or before.stages[:count] != now.stages[:count]


def _was_made(stage: StageBuilt, titles: Sequence[str]) -> bool:
    """Whether a step of a build was for that stage, or for a layer of one of its wheels."""
    own = {f"stage {stage.name}", f"layer stage {stage.name}"}
    own |= {f"layer {name} {version}" for name, (version, _) in stage.wheels.items()}
    return any(title in own for title in titles)


def _made_words(made: Sequence[str], now: Built, before: Built) -> str:
    names = [stage.name for stage in now.stages]
    if not made:
        return "the payload" if now.payload != before.payload else "what stands above the packages"
    if len(made) == len(names) > 1:
        return "all stages"
    if len(made) > 1 and list(made) == names[-len(made) :]:
        return f"{made[0]} and all later stages"
    return listed(made)


def _changes(before: Built, now: Built) -> Iterator[str]:
    """What is another than before, the lowest first."""
    if before.base != now.base:
        yield "the base"
    old = {name: each for stage in before.stages for name, each in stage.wheels.items()}
    stood = {name: stage.name for stage in before.stages for name in stage.wheels}
    trims = {stage.name: stage.trim for stage in before.stages}
    for stage in now.stages:
        for name, (version, sha256) in stage.wheels.items():
            if name not in old:
                yield f"{name} {version} (new)"
            elif old[name][0] != version:
                yield f"{name} {old[name][0]} → {version}"
            elif old[name][1] != sha256:
                yield f"the wheel of {name}"
            elif stood[name] != stage.name:
                yield f"the stage of {name}"
        if trims.get(stage.name, stage.trim) != stage.trim:
            yield f"what {stage.name} leaves out"
    here = {name for stage in now.stages for name in stage.wheels}
    yield from (f"{name} (gone)" for name in old if name not in here)
    if before.copies != now.copies:
        yield "what is copied"
    if before.payload != now.payload:
        yield "the payload"
