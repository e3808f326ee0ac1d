"""Which findings of the judge count for a plan: what a program runs as a script is tried by the program."""

from __future__ import annotations

import pytest

from builder.flow.check import _counts
from builder.values.plan import make_plan
from envspec.system import rules
from tests.support.specs import lock, spec, stage

SCRIPT = '[run]\ncommand = ["python", "-m", "pok"]\n'
TRIED = "[[run.trial]]\n"


@pytest.mark.parametrize(
    ("programs", "counts"),
    [
        (SCRIPT + TRIED, False),
        (SCRIPT + 'kind = "service"\n', False),
        (SCRIPT, True),  # a job that nobody runs before it ships
        ('[run]\ncommand = ["python", "-m", "other"]\n' + TRIED, True),
        ("", True),
    ],
)
def test_a_script_need_not_be_importable_where_its_program_is_tried(programs: str, counts: bool) -> None:
    plan = make_plan(spec(stage("one", "six==1.17.0"), tail=programs), lock())
    failed = rules.IMPORT_FAILS.finding("pok: SystemExit: 2", where="pok")
    assert _counts(failed, plan) is counts
