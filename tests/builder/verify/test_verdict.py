"""The verdict as a value."""

from __future__ import annotations

import dataclasses

import pytest

from builder.values.verdict import Installed, Verdict
from envspec.system.finding import Finding, Severity

WARNING = Finding(rule="EV251", severity=Severity.WARNING, message="m", where="w")
VERDICT = Verdict(
    target="python",
    findings=(WARNING,),
    python="3.11.7",
    platform="linux-x86_64, glibc 2.36",
    distributions=(Installed(name="numpy", version="1.23.5", size=7),),
    counts={"imports": 3},
    timings={"total": 1.5},
)


def test_only_errors_keep_from_shipping() -> None:
    error = dataclasses.replace(WARNING, severity=Severity.ERROR)
    assert VERDICT.ships
    assert not dataclasses.replace(VERDICT, findings=(error,)).ships


def test_the_json_form_gives_the_same_verdict_back() -> None:
    assert Verdict.from_dict(VERDICT.as_dict()) == VERDICT
    assert VERDICT.as_dict()["version"] == 1


def test_a_newer_form_is_refused() -> None:
    with pytest.raises(ValueError, match="form 2"):
        Verdict.from_dict({**VERDICT.as_dict(), "version": 2})
