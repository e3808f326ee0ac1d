"""Pins: which of several words about a package counts."""

import pytest

from envspec.spec.pins import repins, replaced
from tests.support.specs import spec, stage


def counting(*stages: str) -> dict[str, tuple[str, list[str]]]:
    """The word that counts and those it takes the place of, by package."""
    return {
        name: (str(repin.word.requirement), [str(word.requirement) for word in repin.instead_of])
        for name, repin in repins(spec(*stages)).items()
    }


@pytest.mark.parametrize(
    ("first", "second"), [("x>=2", "x==1"), ("x==2", "x==1"), ("X<1,>=0.5", "x==1.0"), ("x==1.*", "x==2.1")]
)
def test_a_later_pin_takes_the_place_of_what_it_contradicts(first: str, second: str) -> None:
    assert counting(stage("a", first), stage("b", second)) == {"x": (second, [first])}


@pytest.mark.parametrize(
    "stages",
    [
        (stage("a", "x==1", "x==2"),),  # a stage that contradicts itself
        (stage("a", "x==1"), stage("b", "x>=2")),  # a range moves no pin
        (stage("a", "x>=1"), stage("b", "x==2")),
        (stage("a", "x==2"), stage("b", "x==2.0")),
        (stage("a", "x==1 ; python_version < '3'"), stage("b", "x==2")),
    ],
)
def test_nothing_else_does(stages: tuple[str, ...]) -> None:
    assert counting(*stages) == {}


def test_the_last_of_several_counts_and_what_agrees_with_it_stays() -> None:
    stages = [stage("a", "x>=1"), stage("b", "x==2"), stage("c", "x==3")]
    assert counting(*stages) == {"x": ("x==3", ["x==2"])}
    assert replaced(spec(*stages)) == {"stage[1].install[0]"}


def test_a_pin_that_comes_back_replaces_both() -> None:
    stages = [stage("a", "x==1"), stage("b", "x==2"), stage("c", "x==1")]
    assert counting(*stages) == {"x": ("x==1", ["x==1", "x==2"])}
