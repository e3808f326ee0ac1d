"""Builds a wheel from a source distribution: in a sandbox, with pinned tools, once for a Python.

What builds it is fetched first, by us: the build itself has no network, no password of an index, and writes
into its own folder alone. It is first tried without a compiler: many packages only speed themselves up with
one, and a wheel without machine code is the same on every machine. Only when that fails is this machine's
compiler used.
"""

from __future__ import annotations

import importlib.resources
import json
import os
import pathlib
import shutil
import stat
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from envspec.lockfile.lock import File
from envspec.spec.target import Target
from envspec.supply import uv
from envspec.supply.pip_settings import PipSettings, scrub_addresses
from envspec.supply.relay import Relay, relay_for
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.descriptors import NOFOLLOW, NONBLOCK
from envspec.system.errors import BuildError
from envspec.system.home import holding
from envspec.system.kept import Kept
from envspec.system.machine import want_linux
from envspec.system.process import Completed, Words, run_process
from envspec.system.progress import SILENT, Progress
from envspec.system.sandbox import best_sandbox, run_sandboxed
from envspec.system.scratch import scratch_folder

EPOCH = "315532800"
"""SOURCE_DATE_EPOCH of every build: 1980-01-01, the first moment that a zip archive can hold."""

_LONGEST = 1 << 20
"""Bytes of an answer that is read."""

_NO_COMPILER = {"CC": "false", "CXX": "false", "CFLAGS": "", "CPPFLAGS": "", "LDFLAGS": ""}

_UNPACK = "import shutil, sys\nshutil.unpack_archive(*sys.argv[1:])"

_ASK = """
import importlib, json, os, sys
system = json.loads(sys.argv[1])
os.chdir(system["folder"])
sys.path[:0] = [os.path.abspath(path) for path in system["path"]]
module, _, name = system["backend"].partition(":")
backend = importlib.import_module(module)
for part in name.split(".") if name else ():
    backend = getattr(backend, part)
asked = getattr(backend, "get_requires_for_build_wheel", None)
with open(sys.argv[2], "w") as stream:
    json.dump(list(asked()) if asked else [], stream)
"""
"""Asks a backend what it needs besides, in its own Python; from 3.7 on."""


def built_wheel(
    sdist: File,
    *,
    store: Wheelhouse,
    target: Target,
    python: pathlib.Path,
    machine: PipSettings,
    progress: Progress = SILENT,
) -> File:
    """The wheel of a stored source distribution for the target, built now if it was not built before.

    `python` is an interpreter of the target's version. Raises `BuildError` with the build's last lines, and
    `OutsideError` when what the build needs cannot be had from its index.
    """
    kept: Kept[File] = Kept(store.root / "built", File)
    key = f"{sdist.sha256}-{target.python}-{target.machine}"
    with holding(kept.file(key)):
        known = kept.get(key)
        if known is not None and store.has(known):
            return known
        want_linux(
            f"{sdist.file} has to be built, on Linux",
            hint="lock on Linux, pin a version that has a wheel, or give one under `wheels`",
        )
        progress.note(f"building a wheel from {sdist.file}: its index has none")
        if lacks := best_sandbox().lacks:
            progress.note(f"no whole sandbox is allowed here: what builds {sdist.file} {lacks}")
        wheel = _build(store.path(sdist), store, python, machine)
        kept.put(key, wheel)
    return wheel


def _build(sdist: pathlib.Path, store: Wheelhouse, python: pathlib.Path, machine: PipSettings) -> File:
    with scratch_folder("build") as folder:
        with relay_for(machine) as relay:
            done = _attempt(sdist, folder, python, relay)
            if not done.ok:
                relay.refuse_failure()
        wheels = sorted((folder / "out").glob("*.whl"))
        if not done.ok or not wheels:
            raise done.refusal or BuildError(
                f"no wheel could be built from {sdist.name}\n{scrub_addresses(done.tail)}",
                hint="pin a version that has a wheel, or give one under `wheels`; "
                "a build with machine code needs a compiler and the headers of its libraries",
            )
        return store.add(wheels[0])


def _attempt(sdist: pathlib.Path, folder: pathlib.Path, python: pathlib.Path, relay: Relay) -> Completed:
    """The last step that was taken, which is the build itself where all went well."""
    tools = folder / "tools"
    own = tools / "bin" / "python"
    command: Words = [uv.uv_program(), "venv", "--quiet", "--no-project", "--no-config", "--python", python]
    env = uv.uv_environment(PipSettings()) | {"UV_CACHE_DIR": str(folder / "cache")}
    run_process([*command, tools], env=env, timeout=120, check=True)
    done = _run([own, "-I", "-c", _UNPACK, sdist, folder / "source"], folder)
    system = _build_system(folder / "source")
    if done.ok and system["requires"]:
        done = _install(system["requires"], tools, relay)
    if done.ok:
        done = _run([own, "-I", "-c", _ASK, json.dumps(system), folder / "asked.json"], folder)
    more = _answer(folder / "asked.json")
    if done.ok and more:
        done = _install([*system["requires"], *more], tools, relay)
    if not done.ok:
        return done
    command = [uv.uv_program(), "build", "--wheel", "--no-create-gitignore", "--no-config", "--offline"]
    command += ["--no-build-isolation", "--python", own, "--out-dir", folder / "out", sdist]
    done = _run(command, folder)
    return done if done.ok or not shutil.which("cc") else _run(command, folder, {})


def _build_system(source: pathlib.Path) -> dict[str, Any]:
    """What builds the project: `requires`, `backend`, `path` and its `folder`. Source: PEP 517, PEP 518."""
    folder = next(iter(sorted(source.glob("*/"))), source)
    try:
        said = tomllib.loads(_text(folder / "pyproject.toml"))["build-system"]
        requires = [str(word) for word in said["requires"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        said, requires = {}, ["setuptools>=40.8.0"]
    return {
        "folder": str(folder),
        "requires": requires,
        "backend": said.get("build-backend", "setuptools.build_meta:__legacy__"),
        "path": said.get("backend-path", []),
    }


def _answer(file: pathlib.Path) -> list[str]:
    """The words that a step of the build wrote; none where it wrote something else: it may write anything."""
    try:
        words = json.loads(_text(file))
    except (ValueError, RecursionError):
        return []
    return [str(word) for word in words] if isinstance(words, list) else []


def _text(file: pathlib.Path) -> str:
    """What a step of the build wrote, never through a link to somewhere else; empty where it is no file."""
    try:
        handle = os.open(file, os.O_RDONLY | NOFOLLOW | NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as stream:
        return (
            stream.read(_LONGEST).decode("utf-8", "replace") if stat.S_ISREG(os.fstat(handle).st_mode) else ""
        )


def _install(requirements: Sequence[str], tools: pathlib.Path, relay: Relay) -> Completed:
    """Fetch what builds it: wheels alone, since what is built for it would run outside of the sandbox."""
    constraints = importlib.resources.files(__package__) / "build-constraints.txt"
    with (
        importlib.resources.as_file(constraints) as file,
        scratch_folder("index") as private,
    ):
        wanted = private / "requirements.txt"
        wanted.write_text("".join(f"{' '.join(line.split())}\n" for line in requirements))
        command: Words = [uv.uv_program(), "pip", "install", "--quiet", "--only-binary", ":all:"]
        command += ["--python", tools / "bin" / "python", "--constraints", file]
        command += ["--config-file", uv.write_settings(private, relay.machine)]
        command += ["--link-mode", "copy"]  # a link that goes later would look like a change of the cache
        command += ["--requirements", wanted]
        return uv.run_with_cache(command, env=uv.uv_environment(relay.machine), timeout=1800)


def _run(command: Words, folder: pathlib.Path, extra: Mapping[str, str] = _NO_COMPILER) -> Completed:
    """Run a step of the build in the sandbox."""
    env = {**uv.without_secrets(uv.uv_environment(PipSettings())), **extra}
    env |= {"UV_CACHE_DIR": str(folder / "cache"), "SOURCE_DATE_EPOCH": EPOCH, "PYTHONHASHSEED": "0"}
    env["PATH"] = os.pathsep.join((str(folder / "tools" / "bin"), os.environ.get("PATH", os.defpath)))
    return run_sandboxed(command, env=env, writable=[folder], cwd=folder, timeout=1800)
