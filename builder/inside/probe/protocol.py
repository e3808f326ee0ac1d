"""What the probe and the judge agree on: how facts and progress look on the way between them."""

from __future__ import annotations

FORMAT = 2
"""Version of the facts, which `report` has the types of."""
MARK = "\x1e"
"""Stands before the facts on standard output: what the interpreter's own start printed comes before it."""
PROGRESS = "_envspec_probe: "
"""Stands before every line on standard error that tells how far the probe is."""
READING = 0.5
"""Share of the time for imports that reading what code uses of others has at least, when they took it all."""
