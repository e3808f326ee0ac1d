"""The draft: what was understood of somebody else's description, before it is a spec."""

from __future__ import annotations

import dataclasses

LIMIT = 128 << 10
"""Largest Dockerfile or `cog.yaml` in bytes: their readers need seconds for it."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Install:
    """One `pip install`, whoever wrote it down."""

    name: str
    """Name for its stage."""
    requirements: tuple[str, ...]
    index_url: str | None = None
    """The index it was told to use instead of the machine's."""
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    uninstalled: tuple[str, ...] = ()
    """What a `pip uninstall` took away right after it."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """An environment as somebody described it."""

    name: str
    python: str | None = None
    """Minor version, when the description tells it."""
    image: str | None = None
    apt: tuple[str, ...] = ()
    installs: tuple[Install, ...] = ()
    notes: tuple[str, ...] = ()
    """What could not be carried over, a sentence each."""
