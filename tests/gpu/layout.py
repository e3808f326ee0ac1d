"""Where things stand for `scripts/gpu`, and how a part answers. The standard library alone."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
WHEELS = ROOT / "out" / "gpu"
TOOL = WHEELS / "tool"
"""Wheels of the program itself: they go into an environment of its own."""
SERVICE = WHEELS / "service"
"""Wheels of the speech service: they stand beside the packages of the machine."""
TRUE_FAULT = ("numba_cuda", "numba-cuda", "numba.cuda")
"""Where the one fault stands that is true of the environment we know: numba-cuda 0.30 on NumPy 2.5."""
LARGEST = 60_000_000
"""Bytes that may travel beside the tree."""


def answer(good: bool, said: str, **facts: Any) -> int:
    """Print how a part went as the last line, for `tests.gpu.__main__`; its exit code."""
    sys.stdout.write("\n" + json.dumps({"good": good, "said": said, **facts}) + "\n")
    return 0 if good else 1
