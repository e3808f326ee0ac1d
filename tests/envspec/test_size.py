"""What stages add, and the budget."""

import contextlib
import pathlib

import pytest

from envspec.proof.size import added, size_findings
from envspec.supply.wheel import Wheel
from envspec.system.finding import Finding
from envspec.system.quoting import shown
from tests.support.specs import artifact, lock, spec, stage
from tests.support.wheels import wheel

BIG = "x = 1\n" * 200_000  # 1.2 MB, and next to nothing in a wheel


def found(tmp_path: pathlib.Path, tail: str = "[base]\nhost = true") -> list[Finding]:
    """Findings about a large and a small package, each in a stage of its own."""
    large = wheel(tmp_path, "large", files={"large.py": BIG, "tests/data.py": BIG})
    small = wheel(tmp_path, "small", files={"small.py": "x = 1\n"})
    wanted = spec(stage("first", "small==1.0"), stage("second", "large==1.0"), tail=tail)
    held = lock(artifact(small, stage="first"), artifact(large, stage="second"), stages=("first", "second"))
    with contextlib.ExitStack() as stack:
        wheels = {file.name.split("-")[0]: stack.enter_context(Wheel(file)) for file in (large, small)}
        return list(size_findings(wanted, added(wanted, held, wheels)))


def test_stages_are_told_largest_first(tmp_path: pathlib.Path) -> None:
    (only,) = found(tmp_path)
    assert (only.rule, only.severity) == ("EV150", "info")
    assert only.message.startswith("the stages add 2.4 MB from ")
    assert only.message.index("second 2.4 MB (large 2.4 MB)") < only.message.index("first ")


def test_files_that_are_trimmed_do_not_count(tmp_path: pathlib.Path) -> None:
    (only,) = found(tmp_path, '[base]\nhost = true\n[remove]\nfiles = ["tests/**"]')
    assert "second 1.2 MB" in only.message


@pytest.mark.parametrize(("budget", "rules"), [("2.5 MB", ["EV150"]), ("2 MB", ["EV150", "EV151"])])
def test_more_than_the_budget_is_an_error(tmp_path: pathlib.Path, budget: str, rules: list[str]) -> None:
    said = found(tmp_path, f'[base]\nhost = true\nbudget = "{budget}"')
    assert [each.rule for each in said] == rules


def test_the_error_names_the_excess_and_the_largest(tmp_path: pathlib.Path) -> None:
    _, error = found(tmp_path, '[base]\nhost = true\nbudget = "2 MB"')
    assert (error.severity, error.where) == ("error", "base.budget")
    assert "more than the budget of 2 MB" in error.message
    assert "large 2.4 MB, small " in error.hint


def test_bytes_for_people() -> None:
    assert [shown(number) for number in (999, 53_540_000, 10**9)] == ["999 bytes", "53.5 MB", "1.0 GB"]
