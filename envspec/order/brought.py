"""What is installed before the first stage: the setuptools of virtual environments and of Python's images."""

from __future__ import annotations

import json

from envspec.order.model import PipDistribution
from envspec.order.place import PipTarget
from envspec.spec.python_images import setuptools_of
from envspec.system.process import run_process

_BUNDLED = {7: "47.1.0", 8: "56.0.0", 9: "58.1.0", 10: "65.5.0", 11: "65.5.0"}
"""By minor version: the setuptools of `python -m venv`, which from 3.12 on brings none.

Source: Lib/ensurepip of CPython. The last releases of 3.9 to 3.11 have a newer one, as an interpreter tells.
"""

_ASK = "import ensurepip, json; print(json.dumps(getattr(ensurepip, '_SETUPTOOLS_VERSION', None)))"


def brought_by_image(image: str) -> tuple[PipDistribution, ...]:
    """What an official image of Python has besides pip; nothing for all others, of which nothing is known."""
    return _held(setuptools_of(image))


def brought_by_venv(place: PipTarget) -> tuple[PipDistribution, ...]:
    """What `python -m venv` installs besides pip: as an interpreter of this machine tells, or the usual."""
    usual = _BUNDLED.get(place.target.version[1])
    if usual is None or place.interpreter is None:
        return _held(usual)
    done = run_process([place.interpreter, "-I", "-c", _ASK], timeout=60)
    return _held(json.loads(done.stdout) if done.ok else usual)  # Debian has its ensurepip in another package


def _held(setuptools: str | None) -> tuple[PipDistribution, ...]:
    return (PipDistribution(name="setuptools", version=setuptools),) if setuptools else ()
