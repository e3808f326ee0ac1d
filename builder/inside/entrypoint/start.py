"""The image's entrypoint: `serve` (the doctor, then the service), `doctor`, `health`, or any command.

The service replaces this process, so that signals reach it.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
from collections.abc import Iterable
from typing import Any

from . import doctor, driver, gpu, health

FACTS = pathlib.Path(__file__).resolve().parents[3] / "environment.json"
MISMATCH = 78
"""Exit code when the doctor refuses: `EX_CONFIG` of BSD's sysexits."""


def main(arguments: list[str]) -> int:
    """The program: see the head of the file."""
    facts: dict[str, Any] = json.loads(FACTS.read_text(encoding="utf-8"))
    command = arguments[0] if arguments else "serve"
    if command == "health":
        return 0 if health.status(facts["port"], facts["health"]) == 200 else 1
    _temporary()
    if command not in ("serve", "doctor"):
        return _become(arguments)
    if not _examined(facts):
        return MISMATCH
    return _become(facts["command"]) if command == "serve" else 0


def _examined(facts: dict[str, Any]) -> bool:
    locked = _told(doctor.examine(facts, os.environ))
    if not locked:
        sys.stdout.write("refusing to start: this is not the environment that was locked; build it again\n")
    # Only an environment that is meant for a card asks for one: asking wakes the cards, which takes a second.
    meant = not facts.get("gpu") or _told(gpu.examine(facts, driver.ask(), os.environ))
    if not meant:
        sys.stdout.write(
            "refusing to start: this is not a machine that the environment was proved for; "
            f"{gpu.SETTING}={gpu.OPTIONAL} starts it all the same\n"
        )
    sys.stdout.flush()
    return locked and meant


def _told(lines: Iterable[tuple[bool, str]]) -> bool:
    """Print the lines; whether all of them are well."""
    well = True
    for good, text in lines:
        sys.stdout.write(f"[{'OK' if good else 'FAIL'}] {text}\n")
        well = well and good
    return well


def _temporary() -> None:
    """Under a read-only root only the shared memory can be written: temporary files go there then."""
    if "TMPDIR" not in os.environ and not os.access("/tmp", os.W_OK):  # noqa: S108
        os.environ["TMPDIR"] = "/dev/shm"  # noqa: S108


def _become(command: list[str]) -> int:
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be run: {error.strerror}\n")
        return 127
