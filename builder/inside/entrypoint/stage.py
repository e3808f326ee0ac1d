"""Runs inside a build: makes the empty environment, then installs one stage after the other.

    python TOOLS prepare --into ENVIRONMENT [--copy-to FOLDER]
    python TOOLS install STAGE --into ENVIRONMENT [--copy-to FOLDER [--date SECONDS]] [--cache FOLDER]

TOOLS holds this program and `prepare.json`, which says whether the image carries its standard library
compiled. STAGE is a folder with `stage.json`, `requirements.txt` and `wheels/`. `--copy-to` is for engines
without mounts, and for what is edited all day: what the step adds to the image is also put below that folder,
for a later `COPY --from`, which gives the same layer for the same files where `--date` dates them. `--cache`
keeps what modules were compiled to from one build to the next.
A failure ends with 1 and one line on standard output that starts with `FAILURE`.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from .. import guard, trim
from ..names import canonical_name
from ..places import FAILURE, USER, USER_ID

_TOOLS = pathlib.Path(__file__).resolve().parents[3]


_COMPILE = """
import sys
sys.path.insert(0, sys.argv[1])
from builder.inside.entrypoint import compile
sys.exit(compile.main(sys.argv[2:]))
"""
"""Compiles, in a process of its own: what this one has loaded must not count."""


class StageError(Exception):
    """What is wrong, which requirement it concerns, and what to do."""

    def __init__(self, message: str, requirement: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.facts = {"message": message, "requirement": requirement, "hint": hint}


def main(arguments: list[str]) -> int:
    """The program: see the head of the file."""
    parser = argparse.ArgumentParser(prog="stage")
    parser.add_argument("command", choices=("prepare", "install"))
    parser.add_argument("stage", nargs="?", type=pathlib.Path)
    parser.add_argument("--into", type=pathlib.Path, required=True)
    parser.add_argument("--copy-to", type=pathlib.Path)
    parser.add_argument("--date", type=int)
    parser.add_argument("--cache")
    options = parser.parse_args(arguments)
    root = pathlib.Path("/")
    before = _tree(options.into) if options.copy_to else set()
    extra = []
    try:
        if options.command == "prepare":
            prepare(options.into, root / "etc")
            extra = [root / "etc" / "passwd", root / "etc" / "group"]
        else:
            install(options.stage, options.into, options.cache)
        if options.copy_to:
            # A classic engine loses track of empty layers: a file that is there already goes along.
            added = sorted(_tree(options.into) - before) or [options.into / "pyvenv.cfg"]
            _copy_out([*added, *extra], root, options.copy_to)
            if options.date is not None:
                _date(options.copy_to, options.date)
        if options.command == "prepare" and json.loads((_TOOLS / "prepare.json").read_text())["compiled"]:
            _compile(str(options.copy_to or ""), "library")
    except StageError as error:
        name = options.stage.name if options.stage else "base"
        sys.stdout.write(f"\n{FAILURE}{json.dumps({'stage': name, **error.facts})}\n")
        return 1
    return 0


def _compile(*words: str) -> None:
    """Run the program that compiles, as it is run for images made without an engine. Raises `StageError`.

    Packages compile what they bring in scripts of their own, which do not run where a base is laid out from
    its packages alone.
    """
    command = [sys.executable, "-B", "-s", "-S", "-W", "ignore", "-c", _COMPILE, str(_TOOLS), *words]
    env = {"PATH": os.defpath, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip()
        raise StageError(f"its modules could not be compiled\n{said}", "", "set `compile = false`")


def prepare(environment: pathlib.Path, etc: pathlib.Path) -> None:
    """Make an empty virtual environment of this interpreter, and the user that the service runs as."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    site = environment / "lib" / version / "site-packages"
    site.mkdir(parents=True)
    programs = environment / "bin"
    programs.mkdir()
    (programs / "python").symlink_to(sys.executable)
    for name in ("python3", version):
        (programs / name).symlink_to("python")
    home = pathlib.Path(sys.executable).parent
    full = ".".join(map(str, sys.version_info[:3]))
    (environment / "pyvenv.cfg").write_text(
        f"home = {home}\ninclude-system-site-packages = false\nversion = {full}\n"
    )
    _add(etc / "passwd", f"{USER}:x:{USER_ID}:{USER_ID}::/tmp:/usr/sbin/nologin\n")
    _add(etc / "group", f"{USER}:x:{USER_ID}:\n")


def _add(file: pathlib.Path, line: str) -> None:
    text = file.read_text() if file.is_file() else ""
    if f":x:{USER_ID}:" not in text:
        file.write_text((text if not text or text.endswith("\n") else text + "\n") + line)


def install(folder: pathlib.Path, environment: pathlib.Path, cache: str | None = None) -> None:
    """Install the stage's wheels, prove that nothing before them moved, trim and compile.

    Raises `StageError`.
    """
    stage: dict[str, Any] = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
    sys.stdout.write(f"stage {folder.name}: {len(stage['wheels'])} wheels\n")
    sys.stdout.flush()
    (site,) = environment.glob("lib/python*/site-packages")
    if stage["wheels"]:
        _run_uv(folder, stage, environment)
    wrong = guard.check(site, stage["pins"])
    if wrong:
        raise StageError(
            "it moved what stood before it: " + "; ".join(wrong),
            _blamed(stage["wheels"], "; ".join(wrong)),
            "one of its wheels writes over another package: leave it out or pin another version",
        )
    if stage["trim"]:
        trim.trim(site, stage["trim"])
    if stage["modules"]:
        _compile("", "loaded", json.dumps({"site": str(site), "modules": stage["modules"], "cache": cache}))


def _run_uv(folder: pathlib.Path, stage: Mapping[str, Any], environment: pathlib.Path) -> None:
    command = [str(_TOOLS / "uv"), "pip", "install", "--no-config", "--no-index", "--offline", "--no-deps"]
    command += ["--require-hashes", "--no-progress", "--find-links", str(folder / "wheels")]
    command += ["--python", str(environment / "bin" / "python")]
    # What is unpacked beside the environment is linked into it and written once; out of a cache it would be
    # copied, which takes twice as long.
    command += ["--no-cache", "--link-mode", "hardlink"]
    command += ["--requirement", str(folder / "requirements.txt")]
    variables = {"PATH": os.defpath, "HOME": "/nonexistent", "UV_NO_INSTALLER_METADATA": "1"}
    variables["TMPDIR"] = str(environment.parent)
    try:
        done = subprocess.run(
            command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except OSError as error:
        raise StageError(
            f"its installer cannot run here: {error}",
            "",
            "is the base on musl? then say it: [base] libc = 'musl'",
        ) from error
    said = done.stdout.decode("utf-8", "replace")
    sys.stdout.write(said)
    if done.returncode:
        last = "\n".join([line for line in said.splitlines() if line.strip()][-12:])
        raise StageError(
            f"it could not be installed\n{last}",
            _blamed(stage["wheels"], said),
            "the wheel may be damaged or not made for this base: lock again, or pin another version",
        )


def _blamed(wheels: list[dict[str, str]], text: str) -> str:
    """The stage's requirement that the text names; empty when it names none of them, or several."""
    plain = canonical_name(text)
    found = [w for w in wheels if re.search(rf"(?<![a-z0-9-]){re.escape(w['name'])}(?![a-z0-9])", plain)]
    return f"{found[0]['name']}=={found[0]['version']}" if len(found) == 1 else ""


def _tree(folder: pathlib.Path) -> set[pathlib.Path]:
    """Every file and link below the folder."""
    return {
        file
        for top, folders, files in os.walk(str(folder))
        for file in (pathlib.Path(top, name) for name in [*files, *folders])
        if file.is_symlink() or not file.is_dir()
    }


def _copy_out(files: list[pathlib.Path], root: pathlib.Path, place: pathlib.Path) -> None:
    """Put the files below `place`, at their paths from `root`; linked where the file system can."""
    if place.exists():
        shutil.rmtree(str(place))
    place.mkdir(parents=True)
    for file in files:
        target = place / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(str(file), str(target), follow_symlinks=False)
        except OSError:
            shutil.copy2(str(file), str(target), follow_symlinks=False)


def _date(place: pathlib.Path, seconds: int) -> None:
    """Date all that stands below the folder, from the inside out."""
    for top, folders, files in os.walk(str(place), topdown=False):
        for name in [*files, *folders]:
            os.utime(str(pathlib.Path(top, name)), (seconds, seconds), follow_symlinks=False)
    os.utime(str(place), (seconds, seconds))
