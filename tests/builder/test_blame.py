"""Which packages are blamed for an error, and which way each is moved first."""

import datetime as dt
from collections.abc import Mapping

import pytest
from packaging.specifiers import SpecifierSet

from builder.fix.blame import Turn, cure, turns
from envspec.lockfile.lock import Artifact, Lock
from envspec.system import rules
from envspec.system.finding import Finding
from tests.support.specs import lock

HELD = {"user": 2023, "provider": 2024, "helper": 2025, "other": 2020}
"""The year in which the locked version of each was uploaded."""


def held() -> Lock:
    return lock(*(artifact(name) for name in HELD))


def artifact(name: str) -> Artifact:
    file = f"{name}-2.0-py3-none-any.whl"
    return Artifact(
        name=name, version="2.0", stage="one", index="default", file=file, sha256="0" * 64, size=1
    )


def turns_for(
    *between: str, needs: Mapping[str, tuple[str, ...]] | None = None, message: str = "it breaks"
) -> list[tuple[str, str]]:
    error = rules.IMPORT_FAILS.finding(message, where="x", between=between)
    return shown(error, needs or {})


def shown(error: Finding, needs: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    found = turns(
        error, held(), age=lambda name: dt.datetime(HELD[name], 1, 1), needs=lambda n: needs.get(n, ())
    )
    return [(turn.name, "newer" if turn.newer else "older") for turn in found]


def test_a_provider_that_came_later_goes_back_before_its_user_goes_on() -> None:
    assert turns_for("user", "provider")[:2] == [("provider", "older"), ("user", "newer")]


def test_a_provider_that_is_older_than_its_user_goes_on_first() -> None:
    assert turns_for("user", "other")[:2] == [("other", "newer"), ("user", "older")]


def test_what_the_code_that_fails_requires_is_blamed_where_it_came_later() -> None:
    """Nothing names it: it is seen by its age alone."""
    found = turns_for("user", "provider", needs={"provider": ("helper", "other")})
    assert found[2] == ("helper", "older")
    assert ("other", "older") not in found


def test_nothing_is_guessed_where_a_name_is_missed() -> None:
    error = rules.NAME_GONE.finding("it is gone", between=("user", "provider"), lacks="provider.name")
    assert {name for name, _ in shown(error, {"provider": ("helper",)})} == {"user", "provider"}


def test_nothing_is_guessed_where_compiled_code_tells_which_two_do_not_fit() -> None:
    error = rules.WHEEL_NUMPY.finding("it was built before", between=("user", "provider"))
    assert {name for name, _ in shown(error, {"provider": ("helper",)})} == {"user", "provider"}


@pytest.mark.parametrize(
    ("hint", "demands"),
    [
        ("pin provider<2, or a user that was built for this provider", "<2"),
        ("pin provider>=1.20,<2, or another user", ">=1.20,<2"),
        ("pin provider below 81, or take a newer user", "<81"),
        ("provider 2.3.8 has it, which the other packages allow; or take a version of user", "==2.3.8"),
        ("pin the provider that user was built with, or another user", ""),
    ],
)
def test_the_cure_that_an_error_names_is_read(hint: str, demands: str) -> None:
    error = rules.WHEEL_NUMPY.finding("they do not fit", hint=hint, between=("user", "provider"))
    assert cure(error, "provider") == SpecifierSet(demands)
    assert not cure(error, "user")


def test_a_distribution_that_is_not_there_is_added() -> None:
    error = rules.STDLIB_GONE.finding("module imghdr is gone", where="user", between=("user", "heir"))
    found = turns(error, held(), age=lambda _: None, needs=lambda _: ())
    assert found[0] == Turn(name="heir", newer=False, added=True)
    assert found[1] == Turn(name="user", newer=True)


def test_where_nothing_is_said_of_both_sides_the_words_tell() -> None:
    assert turns_for(message="Provider 2.0 misses something of other")[0][0] in ("provider", "other")


def test_nobody_is_blamed_where_nothing_of_the_lock_is_named() -> None:
    assert turns_for(message="the sky is falling") == []
