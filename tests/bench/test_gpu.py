"""The bench of sets for cards: how sets are read, and when a verdict on one is right."""

from __future__ import annotations

import pytest

from bench import gpu
from bench.gpu import Verdict
from envspec.spec.load import parse_spec
from envspec.system import rules


def test_every_set_is_a_spec_and_every_rule_is_one() -> None:
    for name, wanted in gpu.sets().items():
        spec = parse_spec(gpu.spec_text(name, wanted))
        assert spec.target.driver == wanted["driver"]
        assert set(wanted.get("rules", ())) <= rules.RULES.keys()
        assert bool(wanted.get("rules")) == bool(wanted.get("why"))
    assert set(gpu.QUICK) <= gpu.sets().keys()


@pytest.mark.parametrize(
    ("expected", "said", "right"),
    [
        ((), (), True),
        ((), ("EV170",), False),
        (("EV170",), ("EV170",), True),
        (("EV170",), ("EV101",), False),  # refused, for another cause
        (("EV170",), (), False),
    ],
)
def test_a_broken_set_is_refused_by_what_names_its_fault(
    expected: tuple[str, ...], said: tuple[str, ...], right: bool
) -> None:
    verdict = Verdict(
        name="x", expected=frozenset(expected), errors=dict.fromkeys(said, "because"), solved=True
    )
    assert verdict.right is right
