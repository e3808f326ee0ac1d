"""What the tests of the judge share."""

from __future__ import annotations

import pathlib

import pytest

from .environments import Environment


@pytest.fixture
def environment(tmp_path: pathlib.Path) -> Environment:
    return Environment(tmp_path / "env")
