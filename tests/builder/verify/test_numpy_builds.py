"""Modules that were built for another NumPy and imported all the same: when that is an error."""

from __future__ import annotations

import pytest

from builder.judge.rules.abi import judge_numpy_builds
from envspec.proof.abi.numpy import NumpyFacts
from tests.builder.verify.facts import DISTRIBUTIONS, distribution, facts


@pytest.mark.parametrize(
    ("output", "severity", "words"),
    [
        ("", "warning", "may fail in use"),
        ("AttributeError: _ARRAY_API not found", "error", "what it does with arrays crashes"),
    ],
)
def test_what_numpy_refused_its_interface_is_an_error(output: str, severity: str, words: str) -> None:
    tried = {"module": "unlike._fast", "file": "x", "output": output, "bytes": len(output)}
    there = [*DISTRIBUTIONS, distribution("numpy", "2.0.0", ["numpy"])]
    seen = facts(tried, distributions=there)
    (found,) = judge_numpy_builds(seen, {"jot": {"unlike._fast": NumpyFacts(headers=1)}})
    assert (str(found.severity), found.where) == (severity, "unlike._fast")
    assert words in found.message
