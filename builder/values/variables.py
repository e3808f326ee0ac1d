"""The variables of `[env]`, as an environment at some place has them."""

from __future__ import annotations

from collections.abc import Mapping

SITE, PREFIX = "{site}", "{prefix}"
"""What stands for the environment's site-packages and for its folder; other braces are left alone."""


def expanded(env: Mapping[str, str], prefix: str, python: str) -> dict[str, str]:
    """The variables of an environment in the folder `prefix`; `python` is its minor version: `3.11`."""
    places = {SITE: f"{prefix}/lib/python{python}/site-packages", PREFIX: prefix}
    return {name: _placed(value, places) for name, value in env.items()}


def _placed(value: str, places: Mapping[str, str]) -> str:
    for mark, place in places.items():
        value = value.replace(mark, place)
    return value
