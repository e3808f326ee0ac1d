"""Stages one after another, against a resolver that answers from a table."""

from collections.abc import Iterable

import pytest

from envspec.order import PipStage, PipTarget, simulate_stages
from envspec.order.model import PipDistribution
from envspec.order.pip import Refusal
from envspec.order.simulate import run
from envspec.spec.target import Target
from envspec.system.errors import UsageError

PLACE = PipTarget(target=Target(python="3.11", machine="x86_64", glibc=(2, 36)))
MARKERS = PLACE.markers
NUMPY_1 = PipDistribution(name="numpy", version="1.23.5")
NUMPY_2 = PipDistribution(name="numpy", version="2.4.6")
SCIPY = PipDistribution(name="scipy", version="1.11.4", requires=("numpy<1.28,>=1.21",))
PANDAS = PipDistribution(name="pandas", version="3.1.1", requires=("numpy>=2.0.2",))


class TableResolver:
    """Knows what each stage would install, and remembers what it was told to hold."""

    def __init__(self, answers: dict[str, tuple[PipDistribution, ...] | str]) -> None:
        self.answers = answers
        self.held: list[set[str]] = []

    def hold(self, distributions: Iterable[PipDistribution]) -> None:
        self.held.append({f"{item.name} {item.version}" for item in distributions})

    def would_install(self, stage: PipStage) -> tuple[PipDistribution, ...]:
        answer = self.answers[stage.name]
        if isinstance(answer, str):
            raise Refusal(answer)
        return answer


def stages(*names: str, **remove: tuple[str, ...]) -> list[PipStage]:
    return [PipStage(name=name, requirements=(name,), remove=remove.get(name, ())) for name in names]


def test_a_later_stage_moves_an_earlier_pin() -> None:
    resolver = TableResolver({"numeric": (NUMPY_1, SCIPY), "pandas": (NUMPY_2, PANDAS)})
    first, second = run(stages("numeric", "pandas"), resolver, MARKERS)
    assert first.changes == ()
    assert first.added == ("numpy", "scipy")
    (change,) = second.changes
    assert (change.name, change.before, change.after) == ("numpy", "1.23.5", "2.4.6")
    assert change.because == ("pandas 3.1.1 needs numpy>=2.0.2",)
    assert second.unsatisfied == ("scipy 1.11.4 needs numpy<1.28,>=1.21; numpy 2.4.6 is installed",)
    assert resolver.held == [set(), {"numpy 1.23.5", "scipy 1.11.4"}]


def test_a_removal_is_a_change_with_consequences() -> None:
    resolver = TableResolver({"numeric": (NUMPY_1, SCIPY), "last": ()})
    *_, last = run(stages("numeric", "last", last=("NumPy", "absent")), resolver, MARKERS)
    assert [(c.name, c.after) for c in last.changes] == [("numpy", "")]
    assert last.unsatisfied == ("scipy 1.11.4 needs numpy<1.28,>=1.21, which is not installed",)
    assert last.installed == {"scipy": "1.11.4"}


def test_the_stage_that_pip_refuses_is_the_last() -> None:
    resolver = TableResolver({"a": (NUMPY_1,), "b": "no matching distribution", "c": ()})
    outcomes = run(stages("a", "b", "c"), resolver, MARKERS)
    assert [outcome.name for outcome in outcomes] == ["a", "b"]
    assert outcomes[1].problem == "no matching distribution"
    assert outcomes[1].installed == {"numpy": "1.23.5"}


def test_what_was_there_before_counts_as_earlier() -> None:
    old = PipDistribution(name="setuptools", version="65.5.0")
    new = PipDistribution(name="setuptools", version="80.10.2")
    (outcome,) = run(stages("a"), TableResolver({"a": (new,)}), MARKERS, installed=[old])
    assert [(c.before, c.after) for c in outcome.changes] == [("65.5.0", "80.10.2")]


def test_options_are_no_requirements() -> None:
    with pytest.raises(UsageError, match="--upgrade is an option"):
        simulate_stages([PipStage(name="a", requirements=("--upgrade",))], PLACE)
