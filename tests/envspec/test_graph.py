"""Who needs whom, and which stage a package belongs to."""

from collections.abc import Callable

from packaging.requirements import Requirement

from envspec.resolve.graph import assign, chain, closure
from envspec.spec.target import Target
from envspec.supply.core_metadata import WheelMetadata, parse_metadata
from tests.support.counting import steps_of

HERE = Target(python="3.11", machine="x86_64", glibc=(2, 36))


def solution(**requires: str) -> dict[str, WheelMetadata]:
    """Packages and what they require, separated by commas."""
    return {
        name.replace("_", "-"): parse_metadata(
            f"Name: {name}\nVersion: 1\n".encode()
            + "".join(f"Requires-Dist: {each}\n" for each in wanted.split(",") if each).encode()
        )
        for name, wanted in requires.items()
    }


def roots(*texts: str) -> list[Requirement]:
    return [Requirement(text) for text in texts]


SOLVED = solution(
    app="web>=1,numpy,win-only ; sys_platform == 'win32',fast ; extra == 'speed'",
    web="loop,templates",
    loop="web",
    templates="",
    numpy="",
    fast="numpy,turbo[max]",
    turbo="fuel ; extra == 'max'",
    fuel="",
    win_only="",
)


def test_everything_that_is_needed_is_found_once_even_in_circles() -> None:
    assert closure(roots("app"), SOLVED, HERE) == ("app", "web", "numpy", "loop", "templates")


def test_extras_bring_what_they_ask_for() -> None:
    found = closure(roots("App[speed]"), SOLVED, HERE)
    assert {"fast", "turbo", "fuel"} <= set(found)


def test_a_package_taken_twice_with_other_extras_is_looked_at_twice() -> None:
    assert "fuel" in closure(roots("turbo", "turbo[max]"), SOLVED, HERE)


def test_markers_of_the_roots_count_too() -> None:
    assert closure(roots("numpy ; python_version < '3'"), SOLVED, HERE) == ()


def test_what_is_removed_takes_what_only_it_needs_along() -> None:
    left = closure(roots("app"), SOLVED, HERE, without=frozenset({"web"}))
    assert left == ("app", "numpy")


def test_what_others_need_as_well_stays() -> None:
    left = closure(roots("app", "templates"), SOLVED, HERE, without=frozenset({"web"}))
    assert set(left) == {"app", "numpy", "templates"}


def test_a_package_goes_to_the_first_stage_that_needs_it() -> None:
    stages = [("one", roots("web")), ("two", roots("app", "templates"))]
    assert assign(stages, SOLVED, HERE) == {
        "web": "one", "loop": "one", "templates": "one", "app": "two", "numpy": "two",
    }  # fmt: skip


def test_a_stage_whose_packages_all_stand_gets_none() -> None:
    stages = [("one", roots("app")), ("two", roots("numpy"))]
    assert "two" not in assign(stages, SOLVED, HERE).values()


def test_the_chain_is_the_shortest_way() -> None:
    assert chain("numpy", roots("app[speed]"), SOLVED, HERE) == ("app[speed]", "numpy")
    assert chain("fuel", roots("app[speed]"), SOLVED, HERE) == (
        "app[speed]", 'fast; extra == "speed"', ['turbo[max]', ' extra == "max"'][0],
        'fuel; extra == "max"',
    )  # fmt: skip


def test_nothing_leads_to_what_nobody_needs() -> None:
    assert chain("win-only", roots("app"), SOLVED, HERE) == ()


def test_giving_stages_is_linear_in_their_number() -> None:
    """All stages need the same packages, which only the first of them has to be followed through."""
    known = solution(**{f"p{n}": f"p{n + 1}" for n in range(30)})

    def given(size: int) -> Callable[[], object]:
        stages = [(f"s{n}", roots("p0")) for n in range(size)]
        return lambda: assign(stages, known, HERE)

    assert steps_of(given(40)) < 10 * steps_of(given(1))
