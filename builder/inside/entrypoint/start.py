"""The image's entrypoint: `serve` or a program's name (the doctor, then it), `doctor`, `health`, any command.

`serve` is the main program. It gets further words, and replaces this process, so that signals reach it.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import sys
from collections.abc import Iterable
from typing import Any

from .. import health, program
from . import doctor, driver, gpu

FACTS = pathlib.Path(__file__).resolve().parents[3] / "environment.json"
MISMATCH = 78
"""Exit code when the doctor refuses: `EX_CONFIG` of BSD's sysexits."""
NOTES = ("/dev/shm", "/tmp")  # noqa: S108 - a container's own
"""Where a container notes which program it runs: the first of these that can be written to."""
NOTE = "envspec-program"
ANYWHERE = "0.0.0.0"  # noqa: S104 - a container is reached from outside


def main(arguments: list[str]) -> int:
    """The program: see the head of the file."""
    facts: dict[str, Any] = json.loads(FACTS.read_text(encoding="utf-8"))
    command, *more = arguments or ["serve"]
    programs = facts["programs"]
    if command == "health":
        return _health(facts, more[0] if more else _noted(programs))
    _temporary()
    name = program.MAIN if command == "serve" else command
    if name not in programs and command not in ("serve", "doctor"):
        return _become(arguments, otherwise=programs)
    if not _examined(facts):
        return MISMATCH
    if name in programs:
        return _start(facts, name, more)
    if command == "serve":
        sys.stderr.write(f"the image has no main program; its programs: {_known(programs)}\n")
        return MISMATCH
    return 0


def _start(facts: dict[str, Any], name: str, more: list[str]) -> int:
    """Become a program, as the user and in the folder that it wants."""
    wanted = facts["programs"][name]
    env = program.variables(name, facts["programs"], facts.get("env", {}), os.environ)
    _note(name)
    if "user" in wanted and (wrong := _switch(wanted["user"], env)):
        sys.stderr.write(f"{name}: {wrong}\n")
        return MISMATCH
    if "folder" in wanted and name != program.MAIN:
        with contextlib.suppress(OSError):  # its first word may be elsewhere: it says so itself
            os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(env)
    return _become([*program.words(wanted["command"], ANYWHERE, wanted.get("port")), *more])


def _switch(wanted: str, env: dict[str, str]) -> str:
    """Become another user than the image's, which only root can; why it cannot be, or nothing.

    Who is not root goes on as who it is, and says so: the container may have been given its user on purpose.
    """
    import pwd  # only here: few programs have a user of their own

    named, _, group = wanted.partition(":")
    try:
        known = pwd.getpwuid(int(named)) if named.isdigit() else pwd.getpwnam(named)
        number, own, home = known.pw_uid, known.pw_gid, known.pw_dir
    except KeyError:
        if not named.isdigit():
            return f"there is no user {named}"
        number = own = int(named)
        home = ""
    if number == os.geteuid():
        return ""
    if os.geteuid() != 0:
        sys.stderr.write(f"this program is meant for another user: --user {wanted} starts it as that\n")
        return ""
    os.setgroups([])
    os.setgid(int(group) if group else own)
    os.setuid(number)
    env.update({"HOME": home} if home else {})
    return ""


def _note(name: str) -> None:
    for folder in NOTES:
        with contextlib.suppress(OSError), pathlib.Path(folder, NOTE).open("w") as stream:
            stream.write(name)
            return


def _noted(programs: dict[str, Any]) -> str:
    """The program that this container runs; the main one where it runs none of them."""
    for folder in NOTES:
        with contextlib.suppress(OSError), pathlib.Path(folder, NOTE).open() as stream:
            name = stream.read(200)
            if name in programs:
                return name
    return program.MAIN


def _health(facts: dict[str, Any], name: str) -> int:
    """0 where the program can work, or nothing says how that is seen."""
    wanted = facts["programs"].get(name)
    if wanted is None:
        sys.stderr.write(f"the image has no program {name}\n")
        return 1
    if "health" not in wanted:
        return 0
    env = program.variables(name, facts["programs"], facts.get("env", {}), os.environ)
    port = wanted.get("port")
    wish = wanted["health"]
    if "command" in wish:
        wish = {"command": program.words(wish["command"], ANYWHERE, port)}
    well, seen = health.asked(wish, port, env, wanted.get("folder"))
    if not well:
        sys.stdout.write(seen + "\n")
    return 0 if well else 1


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


def _become(command: list[str], otherwise: Iterable[str] | None = None) -> int:
    """Become a command; of a word that somebody typed, `otherwise` are the programs that may be meant."""
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"{program.refusal(command[0], error)}\n")
        if otherwise is not None and isinstance(error, FileNotFoundError) and "/" not in command[0]:
            sys.stderr.write(
                f"it is neither a program of this image ({_known(otherwise)}) nor a command that it has; "
                "any command may stand there with its words, such as: python -c 'print(1)'\n"
            )
        return 127


def _known(programs: Iterable[str]) -> str:
    return ", ".join(sorted(programs)) or "none"
