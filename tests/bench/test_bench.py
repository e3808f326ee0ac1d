"""The benchmarks' own machinery: values, turns, table, picture, and a run that survives a failing one."""

from __future__ import annotations

import importlib
import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import __main__ as runner
from bench.measured import PER_SECOND, SECONDS, Measured, Side, Size, Skipped
from bench.plot import plot
from bench.steps import StepError, command, interleaved, peak
from bench.table import table

FAST = Measured(
    name="build",
    unit=SECONDS,
    goal=2.0,
    sides=(Side(name="ours", values=(1.0, 2.0, 4.0)), Side(name="theirs", values=(3.0, 6.0, 8.0))),
)
BUSY = Measured(
    name="requests",
    unit=PER_SECOND,
    goal=300.0,
    sides=(Side(name="ours", values=(200.0,)), Side(name="a <b>", values=(100.0, 100.0), note="v1")),
)


def test_ratios_say_how_many_times_better_the_own_side_is() -> None:
    assert FAST.ratio(FAST.sides[1]) == 3.0  # the median of 3, 3 and 2, round by round
    assert BUSY.ratio(BUSY.sides[1]) == 2.0
    assert FAST.ratio(FAST.sides[0]) is None


def test_goals_are_compared_the_right_way_round() -> None:
    assert FAST.reached
    assert BUSY.reached is False


def test_a_value_survives_json() -> None:
    again = Measured.from_dict(json.loads(json.dumps(BUSY.as_dict())))
    assert again == BUSY


def test_sides_take_turns_and_the_first_round_does_not_count() -> None:
    order: list[str] = []

    def note(name: str, value: float) -> float:
        order.append(name)
        return value

    sides = interleaved({"a": lambda: note("a", len(order)), "b": lambda: note("b", len(order))}, runs=2)
    assert order == ["a", "b"] * 3
    assert [side.values for side in sides] == [(2, 4), (3, 5)]


def test_a_step_that_gives_nothing_is_timed() -> None:
    (side,) = interleaved({"sleep": command(["sleep", "0.05"])}, runs=1, warm_up=0)
    assert 0.05 <= side.median < 5


def test_a_command_that_fails_stops_the_measurement() -> None:
    with pytest.raises(StepError, match="ended with 1"):
        command(["false"])()
    with pytest.raises(StepError, match="ended with 3"):
        peak([sys.executable, "-c", "raise SystemExit(3)"])()
    command(["false"], expected=(1,))()


def test_memory_is_that_of_the_command() -> None:
    small = peak([sys.executable, "-c", "pass"])()
    large = peak([sys.executable, "-c", "x = b'x' * 100_000_000"])()
    assert 90 < large - small < 120


def test_table_and_picture_show_every_side_and_what_was_left_out() -> None:
    results: dict[str, list[Measured | Skipped]] = {
        "speed": [FAST, BUSY, Skipped(name="podman", why="is not here")]
    }
    text = table(results)
    assert "| speed: build " in text
    assert "≤ 2.00 s: yes" in text
    assert "≥ 300.0 1/s: NO" in text
    assert "not measured: speed: podman: is not here" in text
    drawn = ET.fromstring(plot(results))
    bars = list(drawn.iter("{http://www.w3.org/2000/svg}rect"))
    assert len(bars) == 1 + 4
    assert "a <b>" in {node.text for node in drawn.iter("{http://www.w3.org/2000/svg}text")}


def test_a_failing_benchmark_keeps_what_it_found_and_ends_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def bad(size: Size) -> Iterator[Measured]:
        yield FAST
        command(["false"])()

    modules = {
        "bench.bad": types.SimpleNamespace(measurements=bad),
        "bench.good": types.SimpleNamespace(measurements=lambda size: iter(())),
    }
    monkeypatch.setattr(importlib, "import_module", modules.__getitem__)
    monkeypatch.setattr(runner, "BENCHMARKS", ("bad", "good"))

    assert runner.main(["--quick", "--output", str(tmp_path / "out")]) == 1

    held = json.loads((tmp_path / "out" / "bench.json").read_text())["benchmarks"]
    assert set(held) == {"bad", "good"}
    assert [one["name"] for one in held["bad"]["results"]] == ["build", "the rest"]
    assert held["bad"]["quick"] is True
    assert "bad failed: false ended with 1" in capsys.readouterr().err
    assert (tmp_path / "out" / "plot.svg").read_text().startswith("<svg")
