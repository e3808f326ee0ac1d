"""Asks a project's own backend for its wheel, in a sandbox: nothing to write but one folder, nobody to reach.

What builds it is fetched first, by us, as wheels alone. It is first tried without a compiler: many packages
only speed themselves up with one, and a wheel without machine code is the same on every machine. Only when
that fails is this machine's compiler used; a root that was made for builds has its own.

Source: PEP 517, PEP 518, PEP 660.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
import os
import pathlib
import shutil
import stat
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envspec.spec.model import BUILD_TIMEOUT
from envspec.supply import uv
from envspec.supply.build_root import THIS_MACHINE, BuildRoot
from envspec.supply.pip_settings import PipSettings
from envspec.supply.relay import Relay
from envspec.system.descriptors import NOFOLLOW, NONBLOCK
from envspec.system.process import Completed, Words, run_process

EPOCH = "315532800"
"""SOURCE_DATE_EPOCH of every build: 1980-01-01, the first moment that a zip archive can hold."""

_LONGEST = 1 << 20
"""Bytes of an answer that is read, and of each stream that is kept of what a step says."""

_VERSIONS = (
    "SETUPTOOLS_SCM_PRETEND_VERSION",
    "PBR_VERSION",
    "PDM_BUILD_SCM_VERSION",
    "POETRY_DYNAMIC_VERSIONING_BYPASS",
    "UV_DYNAMIC_VERSIONING_BYPASS",
)
"""Variables that tell backends a version; what begins with the first one tells it to one package alone."""

_NO_COMPILER = {"CC": "false", "CXX": "false", "CFLAGS": "", "CPPFLAGS": "", "LDFLAGS": ""}

_UNPACK = """
import shutil, sys, tarfile, warnings
warnings.simplefilter("ignore")
tarfile.TarFile.chown = lambda *words, **more: None
shutil.unpack_archive(*sys.argv[1:3])
"""
"""What is unpacked belongs to who builds it, not to who packed it: a build could not write there."""

_CALL = """
import importlib, json, os, sys
system, hook, words, answer = json.loads(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
os.chdir(system["folder"])
sys.path[:] = [path for path in sys.path if path]
sys.path[:0] = [os.path.abspath(path) for path in system["path"]]
module, _, name = system["backend"].partition(":")
backend = importlib.import_module(module)
for part in name.split(".") if name else ():
    backend = getattr(backend, part)
asked = getattr(backend, hook, None)
said = asked(*words) if asked else None
with open(answer, "w") as stream:
    json.dump([said] if isinstance(said, str) else list(said or ()), stream)
"""
"""Calls a hook of a backend in its own Python, from 3.7 on. PEP 517: the project's folder is the current one,
and not on Python's path."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """How the build of a wheel ended."""

    done: Completed
    """The last step that was taken."""
    step: str
    """What that was, such as `build_wheel`."""
    wheel: pathlib.Path | None = None
    tools: tuple[str, ...] = ()
    """What it was built with, in exact versions."""
    requires: tuple[str, ...] = ()
    """What the project says that builds it."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class BuildRoom:
    """Where builds find what they need: the one place that decides it."""

    python: pathlib.Path
    """An interpreter of the target's version."""
    relay: Relay
    """Through which what builds is fetched."""
    offline: bool = False
    root: BuildRoot = THIS_MACHINE
    """Where the project's own steps are run."""
    timeout: float = BUILD_TIMEOUT
    """Seconds that one step may take."""


def build_wheel(
    archive: pathlib.Path,
    folder: pathlib.Path,
    room: BuildRoom,
    *,
    subdirectory: str = "",
    tools: Sequence[str] = (),
    hook: str = "build_wheel",
) -> Attempt:
    """Build the project of an archive in an empty folder. `tools` are exact versions of what builds it.

    A step that fails ends it. Raises `OutsideError` for what keeps it from being tried at all.
    """
    own = folder / "tools" / "bin" / "python"
    command: Words = [
        uv.uv_program(),
        "venv",
        "--quiet",
        "--no-project",
        "--no-config",
        "--python",
        room.python,
    ]
    env = uv.uv_environment(PipSettings()) | {"UV_CACHE_DIR": str(folder / "cache")}
    run_process([*command, folder / "tools"], env=env, timeout=120, check=True)
    done = _unpack(archive, folder, room)
    system = build_system(_project(folder / "source", subdirectory))
    requires = tuple(system["requires"])
    if not done.ok:
        return Attempt(done=done, step="unpack", requires=requires)
    if requires and not (done := _install(requires, tools, folder, room)).ok:
        return Attempt(done=done, step="install", requires=requires)
    asking = hook.replace("build_", "get_requires_for_build_")
    made_with = compiling(folder) if room.root.key else _NO_COMPILER
    done = _call(system, asking, [], folder, room, made_with)
    if not done.ok:
        return Attempt(done=done, step=asking, requires=requires)
    more = _answer(folder / "answer.json")
    if more and not (done := _install([*requires, *more], tools, folder, room)).ok:
        return Attempt(done=done, step="install", requires=requires)
    used = _freeze(own, folder)
    (folder / "out").mkdir()
    done = _call(system, hook, [str(folder / "out")], folder, room, made_with)
    if not done.ok and not done.timed_out and not room.root.key and room.root.compiles:
        fresh = _unpack(archive, _emptied(folder), room)
        words = [str(folder / "out")]
        done = _call(system, hook, words, folder, room, compiling(folder)) if fresh.ok else fresh
    wheels = sorted((folder / "out").glob("*.whl"))
    made = wheels[0] if done.ok and wheels and stat.S_ISREG(wheels[0].lstat().st_mode) else None
    return Attempt(done=done, step=hook, wheel=made, tools=used, requires=requires)


def _unpack(archive: pathlib.Path, folder: pathlib.Path, room: BuildRoom) -> Completed:
    """On this machine, wherever the build is run: what packs archives need not be there."""
    own = folder / "tools" / "bin" / "python"
    here = dataclasses.replace(room, root=THIS_MACHINE)
    return _run([own, "-I", "-c", _UNPACK, archive, folder / "source"], folder, here, _NO_COMPILER)


def told_versions() -> dict[str, str]:
    """The variables of this run that tell backends a version: a wheel depends on them."""
    return {name: os.environ[name] for name in sorted(os.environ) if name.startswith(_VERSIONS)}


def compiling(folder: pathlib.Path) -> dict[str, str]:
    """Variables of a build with machine code, in which nothing tells where it was built."""
    return {"CFLAGS": f"-ffile-prefix-map={folder}=.", "CXXFLAGS": f"-ffile-prefix-map={folder}=."}


def _emptied(folder: pathlib.Path) -> pathlib.Path:
    shutil.rmtree(folder / "source", ignore_errors=True)
    return folder


def _project(source: pathlib.Path, subdirectory: str) -> pathlib.Path:
    """The project's folder in an unpacked archive, which may have one above it, and never through a link."""
    inside = sorted(entry for entry in source.glob("*") if entry.is_dir() and not entry.is_symlink())
    top = source if (source / "pyproject.toml").exists() or not inside else inside[0]
    return top / subdirectory


def build_system(folder: pathlib.Path) -> dict[str, Any]:
    """What builds the project: `requires`, `backend`, `path` and its `folder`. Source: PEP 517, PEP 518."""
    try:
        said = tomllib.loads(read_plain(folder / "pyproject.toml"))["build-system"]
        requires = [str(word) for word in said["requires"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        said, requires = {}, ["setuptools>=40.8.0"]
    return {
        "folder": str(folder),
        "requires": requires,
        "backend": said.get("build-backend", "setuptools.build_meta:__legacy__"),
        "path": said.get("backend-path", []),
    }


def _call(
    system: Mapping[str, Any],
    hook: str,
    words: Sequence[str],
    folder: pathlib.Path,
    room: BuildRoom,
    extra: Mapping[str, str],
) -> Completed:
    own = folder / "tools" / "bin" / "python"
    command: Words = [own, "-c", _CALL, json.dumps(system), hook, json.dumps(words), folder / "answer.json"]
    return _run(command, folder, room, extra)


def _answer(file: pathlib.Path) -> list[str]:
    """The words that a step of the build wrote; none where it wrote something else: it may write anything."""
    try:
        words = json.loads(read_plain(file))
    except (ValueError, RecursionError):
        return []
    return [str(word) for word in words] if isinstance(words, list) else []


def read_plain(file: pathlib.Path) -> str:
    """A file of foreign code's, never through a link to somewhere else; empty where it is no file."""
    try:
        handle = os.open(file, os.O_RDONLY | NOFOLLOW | NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as stream:
        return (
            stream.read(_LONGEST).decode("utf-8", "replace") if stat.S_ISREG(os.fstat(handle).st_mode) else ""
        )


def _install(
    requirements: Sequence[str], tools: Sequence[str], folder: pathlib.Path, room: BuildRoom
) -> Completed:
    """Fetch what builds it: wheels alone, since what is built for it would run outside of the sandbox.

    Our own versions count where the project leaves them open, and those of `tools` over ours.
    """
    ours = [line for line in _constraints() if not _named(line, tools)]
    done = _fetched(requirements, [*tools, *_fitting(ours, requirements)], folder, room)
    if done.ok or tools or "No solution found" not in done.stderr:
        return done
    return _fetched(requirements, [], folder, room)  # what it needs through others contradicts ours


def _fetched(
    requirements: Sequence[str], constraints: Sequence[str], folder: pathlib.Path, room: BuildRoom
) -> Completed:
    private = folder / "index"
    private.mkdir(exist_ok=True)
    wanted, held = private / "requirements.txt", private / "constraints.txt"
    wanted.write_text("".join(f"{' '.join(line.split())}\n" for line in requirements))
    held.write_text("".join(f"{line}\n" for line in constraints))
    command: Words = [uv.uv_program(), "pip", "install", "--quiet", "--only-binary", ":all:"]
    command += ["--python", folder / "tools" / "bin" / "python", "--constraints", held]
    command += ["--config-file", uv.write_settings(private, room.relay.machine)]
    command += ["--link-mode", "copy"]  # a link that goes later would look like a change of the cache
    command += ["--offline"] * room.offline + ["--requirements", wanted]
    done = uv.run_with_cache(command, env=uv.uv_environment(room.relay.machine), timeout=room.timeout)
    shutil.rmtree(private, ignore_errors=True)
    return done


def _constraints() -> list[str]:
    file = importlib.resources.files(__package__) / "build-constraints.txt"
    lines = (line.partition("#")[0].strip() for line in file.read_text("utf-8").splitlines())
    return [line for line in lines if line]


def _named(line: str, tools: Iterable[str]) -> bool:
    name = canonicalize_name(Requirement(line).name)
    return any(canonicalize_name(tool.partition("==")[0]) == name for tool in tools)


def _fitting(constraints: Iterable[str], requirements: Iterable[str]) -> list[str]:
    """Of our versions those that a project's own words allow."""
    words = []
    for text in requirements:
        try:
            words.append(Requirement(text))
        except InvalidRequirement:
            continue  # uv says what is wrong with it
    fitting = []
    for line in constraints:
        ours = Requirement(line)
        version = next(iter(ours.specifier)).version
        asked = [word for word in words if canonicalize_name(word.name) == canonicalize_name(ours.name)]
        if all(word.url is None and word.specifier.contains(version) for word in asked):
            fitting.append(line)
    return fitting


def _freeze(own: pathlib.Path, folder: pathlib.Path) -> tuple[str, ...]:
    """What is installed beside the build, in exact versions."""
    command: Words = [uv.uv_program(), "pip", "freeze", "--no-config", "--python", own]
    env = uv.uv_environment(PipSettings()) | {"UV_CACHE_DIR": str(folder / "cache")}
    done = run_process(command, env=env, timeout=120, check=True)
    return tuple(sorted(line for line in done.stdout.splitlines() if "==" in line))


def _run(command: Words, folder: pathlib.Path, room: BuildRoom, extra: Mapping[str, str]) -> Completed:
    """Run a step of the build in its root."""
    env = {**uv.without_secrets(uv.uv_environment(PipSettings())), **extra}
    env = {name: value for name, value in env.items() if not name.startswith("PYTHON")}
    env |= told_versions()
    env |= {"UV_CACHE_DIR": str(folder / "cache"), "SOURCE_DATE_EPOCH": EPOCH, "PYTHONHASHSEED": "0"}
    env["PATH"] = os.pathsep.join((str(folder / "tools" / "bin"), room.root.path))
    env["VIRTUAL_ENV"] = str(folder / "tools")
    if (rustup := pathlib.Path.home() / ".rustup").is_dir():  # which the sandbox's home has not
        env.setdefault("RUSTUP_HOME", str(rustup))
    return room.root.run(command, env=env, folder=folder, timeout=room.timeout, keep=_LONGEST)
