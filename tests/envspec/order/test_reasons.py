"""Who wants what of whom, on environments made of metadata."""

from envspec.order import reasons
from envspec.order.model import PipDistribution
from envspec.spec.target import Target

MARKERS = Target(python="3.11", machine="x86_64", glibc=(2, 36)).markers()


def environment(*items: PipDistribution) -> dict[str, PipDistribution]:
    return {item.name: item for item in items}


def test_the_requirement_that_moved_an_earlier_pin_is_named() -> None:
    after = environment(
        PipDistribution(name="pandas", version="3.1.1", requires=("numpy>=2.0.2", "tzdata")),
        PipDistribution(name="numpy", version="2.4.6"),
    )
    assert reasons.because("numpy", "1.23.5", after, ["pandas"], MARKERS) == (
        "pandas 3.1.1 needs numpy>=2.0.2",
    )


def test_the_stage_itself_may_be_the_reason() -> None:
    after = environment(PipDistribution(name="numpy", version="2.0.0"))
    assert reasons.because("numpy", "1.0", after, ["NumPy>=2"], MARKERS) == ("the stage asks for NumPy>=2",)


def test_a_change_that_nothing_forces_says_so() -> None:
    after = environment(PipDistribution(name="a", version="2"))
    assert reasons.because("a", "1", after, ["b"], MARKERS) == ("pip prefers it while it resolves the stage",)


def test_requirements_of_other_platforms_and_pythons_do_not_apply() -> None:
    there = environment(
        PipDistribution(
            name="a",
            version="1",
            requires=(
                "b; sys_platform == 'win32'",
                "c; python_version < '3.8'",
                "d; python_version >= '3.11'",
            ),
        )
    )
    assert reasons.unsatisfied(there, [], MARKERS) == ("a 1 needs d, which is not installed",)


def test_extras_count_when_somebody_asked_for_them() -> None:
    there = environment(
        PipDistribution(name="a", version="1", requires=("b[fast]",)),
        PipDistribution(name="b", version="1", requires=("c>=2; extra == 'fast'", "d; extra == 'slow'")),
        PipDistribution(name="c", version="1"),
    )
    assert reasons.unsatisfied(there, [], MARKERS) == ("b 1 needs c>=2; c 1 is installed",)
    assert "b 1 needs d, which is not installed" in reasons.unsatisfied(there, ["b[slow]"], MARKERS)


def test_extras_that_ask_for_each_other_come_to_an_end() -> None:
    there = environment(
        PipDistribution(name="a", version="1", requires=("a[y]; extra == 'x'", "a[x]; extra == 'y'"))
    )
    assert reasons.unsatisfied(there, ["a[x]"], MARKERS) == ()


def test_what_is_no_requirement_is_passed_over() -> None:
    there = environment(PipDistribution(name="a", version="1", requires=("!!", "b (>=1")))
    assert reasons.unsatisfied(there, ["./local.whl", "https://example.invalid/x.whl"], MARKERS) == ()
