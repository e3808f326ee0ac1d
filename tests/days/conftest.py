"""Every test here carries the marker of its tier."""

import pathlib

import pytest

HERE = pathlib.Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make rest` runs a choice of each file, `make days` all of it."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("days")
