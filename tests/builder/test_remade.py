"""What is said of a build that made something anew: what, why, and what it took from before."""

import pytest

from builder.flow.remade import Built, Heard, StageBuilt, remade
from tests.support.fakes import Recorder


def stage(name: str, **wheels: str) -> StageBuilt:
    """A stage with these versions."""
    return StageBuilt(
        name=name, wheels={each: (version, version) for each, version in wheels.items()}, trim=()
    )


BEFORE = Built(
    tool="1",
    base="1",
    stages=(
        stage("numeric", numpy="1.0", scipy="1.0"),
        stage("audio", soundfile="1.0"),
        stage("web", flask="1"),
    ),
    payload="1",
    copies=(),
)
NUMERIC, AUDIO, WEB = BEFORE.stages
NEWER = stage("numeric", numpy="1.1", scipy="1.0")


@pytest.mark.parametrize(
    ("now", "titles", "line"),
    [
        (
            {"stages": (NEWER, AUDIO, WEB)},
            ["stage numeric", "stage audio", "stage web"],
            "made anew: all stages (numpy 1.0 → 1.1)",
        ),
        (
            {"stages": (NUMERIC, stage("audio", soundfile="1.1"), WEB)},
            ["stage audio", "stage web"],
            "made anew: audio and all later stages (soundfile 1.0 → 1.1); reused: numeric",
        ),
        (
            {"stages": (NEWER, AUDIO, WEB)},
            ["layers", "layer numpy 1.1"],
            "made anew: numeric (numpy 1.0 → 1.1); reused: audio, web",
        ),
        (
            {"stages": (NUMERIC, AUDIO, stage("web", flask="1", jinja2="3"))},
            ["layer stage web"],
            "made anew: web (jinja2 3 (new)); reused: numeric, audio",
        ),
        (
            {"payload": "2"},
            ["image"],
            "made anew: the payload; reused: numeric, audio, web",
        ),
        (
            {"base": "2"},
            ["stage numeric", "stage audio", "stage web"],
            "made anew: all stages (the base)",
        ),
        (
            {"copies": ("1",)},
            ["image"],
            "made anew: what stands above the packages (what is copied); reused: numeric, audio, web",
        ),
    ],
)
def test_what_is_said(now: dict[str, object], titles: list[str], line: str) -> None:
    assert remade(BEFORE, BEFORE.model_copy(update=now), titles) == line


def test_what_nothing_in_the_spec_explains_has_another_cause() -> None:
    newer = BEFORE.model_copy(update={"tool": "2", "payload": "2"})
    titles = ["stage numeric", "stage audio", "stage web"]
    assert remade(BEFORE, newer, titles) == "made anew: all stages (another envspec, the payload)"
    forgotten = BEFORE.model_copy(update={"payload": "2"})
    said = (
        "made anew: audio and all later stages (what was kept of them is gone, the payload); reused: numeric"
    )
    assert remade(BEFORE, forgotten, titles[1:]) == said


def test_many_changes_are_counted() -> None:
    gone = BEFORE.model_copy(update={"stages": (stage("numeric", a="1", b="1", c="1"),)})
    assert "a 1 (new), b 1 (new), c 1 (new) and" in remade(BEFORE, gone, ["stage numeric"])


def test_what_is_heard_is_handed_on() -> None:
    class Loud(Recorder):
        def begin(self, title: str, total: int) -> None:
            self.said.append(f"{title} {total}")

    loud = Loud()
    heard = Heard(loud)
    heard.step("image")
    heard.note("layer x")
    heard.begin_transfer("fetch", 3)
    assert loud.said == ["image", "layer x", "fetch 3"]
    assert heard.titles == ["image", "layer x"]
