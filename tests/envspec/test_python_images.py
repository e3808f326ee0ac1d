"""The Debian of official images of Python whose tags name none."""

import pytest

from envspec.spec.python_images import NEWEST, SUITES, setuptools_of, suite_of
from envspec.spec.target import GLIBC

DIGEST = "@sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("image", "suite"),
    [
        ("python:3.12-slim", "trixie"),
        ("python:3.13", "trixie"),
        ("python:3.8-slim", "bookworm"),
        ("python:3.11.9-slim", "bookworm"),
        ("python:3.11.13-slim", "trixie"),
        ("python:3.9.5", "buster"),
        ("python:3.15-rc-slim", NEWEST),
        ("python:3.15.0rc1", NEWEST),
        ("python:slim", NEWEST),
        ("python", NEWEST),
        ("docker.io/library/python:3-slim", NEWEST),
        ("localhost:5000/hub/library/python:3.12", "trixie"),
    ],
)
def test_a_tag_tells_its_debian(image: str, suite: str) -> None:
    assert suite_of(image) == suite


@pytest.mark.parametrize(
    ("image", "suite"),
    [("python:3.12-slim", "bookworm"), ("python:3.12.11-slim", "trixie"), ("python:latest", None)],
)
def test_a_digest_may_be_of_an_older_build(image: str, suite: str | None) -> None:
    assert suite_of(image + DIGEST) == suite


@pytest.mark.parametrize(
    "image",
    ["mine", "corp/python:3.12", "host:5000/python:3.12", "python:3.12-alpine", "python:3.5", "python:3.7.1"],
)
def test_what_is_no_such_tag_tells_nothing(image: str) -> None:
    assert suite_of(image) is None


def test_every_debian_of_theirs_is_known_by_its_glibc() -> None:
    """Buster has the glibc that is assumed where none is known."""
    assert {suite for suites in SUITES.values() for suite, _ in suites} - {"buster"} <= GLIBC.keys()


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("python:3.11-slim", "79.0.1"),
        ("python:3.11-alpine3.20" + DIGEST, "79.0.1"),
        ("python:3.10.8-slim-bullseye", "63.2.0"),
        ("python:3.12", None),
        ("python:3.8.1", None),
        ("python:latest", None),
        ("mine:3.11", None),
    ],
)
def test_a_tag_tells_its_setuptools(image: str, version: str | None) -> None:
    assert setuptools_of(image) == version
