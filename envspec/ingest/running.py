"""Reads a running interpreter: what is installed there, as `pip freeze` would say it."""

from __future__ import annotations

import json
import pathlib

from envspec.ingest.draft import Draft, Install
from envspec.system.errors import OutsideError
from envspec.system.process import Completed, run_process

SCRIPT = """
import importlib.metadata, json, sys
found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions() if d.metadata["Name"]}
print(json.dumps({"python": "%d.%d" % sys.version_info[:2], "found": found}))
"""

"""What an interpreter is asked, as `python -I -c SCRIPT`; `versions_told` reads the answer."""

_TOOLS = {"pip", "wheel", "envspec"}
"""What environments have for their own management, and need not be asked for."""


def installed_versions(python: pathlib.Path) -> tuple[str, dict[str, str]]:
    """Minor version and version by name of everything that an interpreter has. Raises `OutsideError`."""
    return versions_told(run_process([python, "-I", "-c", SCRIPT], timeout=60), str(python))


def versions_told(done: Completed, label: str) -> tuple[str, dict[str, str]]:
    """What an interpreter answered to `SCRIPT`, wherever it ran. Raises `OutsideError` when it did not."""
    try:
        facts = json.loads(done.stdout.splitlines()[-1]) if done.ok and done.stdout else None
    except ValueError:
        facts = None
    if facts is None:
        raise OutsideError(f"{label} is no working interpreter: {done.tail}")
    return facts["python"], facts["found"]


def read_interpreter(python: pathlib.Path) -> Draft:
    """The draft with every installed package pinned. Raises `OutsideError`."""
    version, found = installed_versions(python)
    pins = sorted(f"{name}=={has}" for name, has in found.items() if name.lower() not in _TOOLS)
    return Draft(
        name="environment", python=version, installs=(Install(name="packages", requirements=tuple(pins)),)
    )
