"""Healthy sets of popular packages: locked, judged, built and imported for real; none is refused."""

import pathlib

import pytest

from bench import healthy

pytestmark = pytest.mark.network


@pytest.mark.parametrize("name", healthy.QUICK)
def test_a_healthy_set_is_not_refused(
    name: str, shared_home: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVSPEC_HOME", str(shared_home))
    outcome = healthy.tried(name)
    assert outcome.fault == "", "it should import"
    assert outcome.alarms == ()


def test_every_set_says_what_it_needs() -> None:
    for name, wanted in healthy.sets().items():
        assert wanted.keys() == {"python", "as-of", "install", "imports"}, name
        assert len(wanted["imports"]) > 0, name
