"""Fixtures of the abuse tier: one server for all tests that leave it as they found it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.service.abuse.attack import QUICK, Victim, judge_log


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/abuse/" in item.nodeid:
            item.add_marker(pytest.mark.abuse)


@pytest.fixture(scope="module")
def one() -> Iterator[Victim]:
    """A server with short waits; no process of it may have ended when all is over."""
    running = Victim(QUICK)
    before = (running.webs, running.voices, running.codecs)
    assert all(before)
    try:
        yield running
        complaints = [line for line in running.log().splitlines() if '"level": "info"' not in line]
        assert (running.webs, running.voices, running.codecs) == before, complaints[-5:]
    finally:
        log = running.stop()
    judge_log(log)
