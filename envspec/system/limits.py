"""Limits of what a spec, and what a spec is made from, may hold: far beyond real ones, read in seconds.

docs/spec.md states them to users.
"""

from __future__ import annotations

STAGES = 256
"""Stages of one spec. An image has a layer for each, and engines take no more than half as many."""

CARDS = 64
"""Cards that one target names."""

REQUIREMENTS = 5_000
"""Packages and wheels that all stages together name."""

NAMINGS = 100
"""Times that all stages together may name one package: each word is compared with those before it."""

REQUIREMENT = 1_000
"""Characters of one requirement."""

PARENTHESES = 50
"""Parentheses that one requirement may open: who reads markers goes down a step for each."""

PATH = 1_000
"""Characters of one path."""

PART = 255
"""Bytes of one part of a path: no file system takes longer ones. Source: NAME_MAX of limits.h(0p)."""

PATTERNS = 1_000
"""Patterns of files."""

PATTERN = 500
"""Characters of one pattern."""

PROGRAMS = 64
"""Programs of one environment."""

TRIALS = 100
"""Trials of one program."""

ARGUMENTS = 1_000
"""Words of one command."""

PORTS = 64
"""Further ports of one program, and its volumes."""

COPIES = 100
"""Files and folders that a spec copies by name: an image has a layer for each."""

COPIED_FILES = 100_000
"""Files of one copy; a folder with more is some other folder."""

COPIED_BYTES = 10 * 10**9
"""Bytes of one copy, which is a layer: common registries refuse larger ones, as GitHub's says of its own."""
