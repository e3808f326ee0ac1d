"""Reads a running interpreter: what is installed there, as `pip freeze` would say it."""

from __future__ import annotations

import json
import pathlib

from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import Drafting
from envspec.ingest.frozen import Installed, frozen_word
from envspec.system.errors import OutsideError
from envspec.system.process import Completed, run_process

SCRIPT = """
import importlib.metadata, json, sys
found, more = {}, {}
for d in importlib.metadata.distributions():
    name = d.metadata["Name"]
    if name and name not in found:
        found[name] = d.version
        more[name] = [(d.read_text("INSTALLER") or "").strip(), d.read_text("direct_url.json") or ""]
print(json.dumps({"python": "%d.%d" % sys.version_info[:2], "found": found, "more": more}))
"""

"""What an interpreter is asked, as `python -I -c SCRIPT`; `versions_told` reads the answer.

Of two that are called the same the first counts, as it is the one that is imported.
"""


def versions_told(done: Completed, label: str) -> tuple[str, dict[str, str]]:
    """What an interpreter answered to `SCRIPT`, wherever it ran. Raises `OutsideError` when it did not."""
    version, found = _told(done, label)
    return version, {each.name: each.version for each in found}


def _told(done: Completed, label: str) -> tuple[str, list[Installed]]:
    try:
        facts = json.loads(done.stdout.splitlines()[-1]) if done.ok and done.stdout else None
    except ValueError:
        facts = None
    if facts is None:
        raise OutsideError(f"{label} is no working interpreter: {done.tail}")
    found = [
        Installed(name=name, version=version, installer=facts["more"][name][0], direct=facts["more"][name][1])
        for name, version in facts["found"].items()
    ]
    return facts["python"], found


def read_interpreter(python: pathlib.Path, wish: Wish) -> Draft:
    """The draft with every installed package pinned. Raises `OutsideError`."""
    version, found = _told(run_process([python, "-I", "-c", SCRIPT], timeout=60), str(python))
    drafting = Drafting(python, wish, name="environment")
    drafting.python = version
    add_installed(drafting, found)
    return drafting.finish()


def add_installed(drafting: Drafting, found: list[Installed]) -> None:
    """Add each installed distribution to one step, or name it with the reason. Raises `SpecError`."""
    step = drafting.step("packages")
    for each in sorted(found, key=lambda each: each.name.lower()):
        word, why = frozen_word(each)
        if why:
            drafting.leave(f"{each.name} {each.version}", None, why)
        elif word:
            drafting.require(step, word)
