"""The second solver: pip-tools, for pip's own answer to the same question."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import re
import sys
from collections.abc import Iterator, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from envspec.resolve.limits import all_limits
from envspec.resolve.prefer import NOTHING, Preferences
from envspec.resolve.solution import Solved, UnsatisfiableError
from envspec.resolve.uv_solver import named_indexes, own_words
from envspec.resolve.uv_solver import solve_with_uv as uv_solve
from envspec.source.package import SourcePackage
from envspec.spec.model import Spec
from envspec.spec.pins import repins
from envspec.spec.target import Target
from envspec.supply import uv
from envspec.supply.page import RemoteFile
from envspec.supply.pip_settings import PipSettings, scrub_addresses
from envspec.supply.relay import relay_for
from envspec.supply.sources import Sources
from envspec.system.errors import OutsideError
from envspec.system.home import holding, tool_home
from envspec.system.interpreter import find_interpreter
from envspec.system.kept import touch
from envspec.system.machine import want_linux
from envspec.system.process import Completed, Words
from envspec.system.progress import SILENT, Progress
from envspec.system.sandbox import run_sandboxed
from envspec.system.scratch import scratch_folder
from envspec.system.seen import note_tree, settled


def solve_with_pip_tools(
    spec: Spec,
    target: Target,
    sources: Sources,
    *,
    own: Sequence[SourcePackage] = (),
    prefer: Preferences = NOTHING,
    progress: Progress = SILENT,
) -> tuple[Solved, ...]:
    """What pip would choose if it were given all stages at once; what `prefer` names moves only if it must.

    pip has no index per package, so the files of named indexes are chosen first and handed to it by address.
    The files of its choice are then looked up by uv, version for version.

    Raises `UnsatisfiableError` and `OutsideError`, as the first solver does; `OutsideError` also for what pip
    cannot: `as-of` a date, and a later pin that counts over an earlier one.
    """
    if spec.as_of or any(stage.as_of for stage in spec.stage):
        raise OutsideError("pip-tools cannot resolve `as-of` a date", hint="use --resolver uv")
    if anew := repins(spec):
        names = ", ".join(sorted(anew))
        raise OutsideError(
            f"pip-tools cannot let a later pin count over an earlier one: {names}", hint="use --resolver uv"
        )
    if spec.overrides:
        raise OutsideError("pip-tools knows no overrides", hint="use --resolver uv")
    progress.note("pip-tools resolves for the platform of this machine")
    pins = dict(_pins(_compiled(spec, target, sources, own, prefer)))
    return uv_solve(spec, target, sources, own=own, only=pins, progress=progress)


def _compiled(
    spec: Spec, target: Target, sources: Sources, own: Sequence[SourcePackage], prefer: Preferences
) -> str:
    with scratch_folder("pip-tools") as folder:
        wanted = folder / "requirements.in"
        limits = folder / "constraints.txt"
        limited = all_limits(spec, target, sources.machine, prefer)
        limits.write_text("".join(f"{limit}\n" for limit in limited))
        lines = [*own_words(own, folder), *_wanted(spec, target, sources), f"-c {limits.name}"]
        wanted.write_text("\n".join(lines) + "\n")
        out = folder / "out.txt"  # what stands there is pip-tools' preference
        out.write_text("".join(f"{name}=={version}\n" for name, version in prefer.versions.items()))
        command: Words = [_tool(target, sources.machine), "-m", "piptools", "compile", "--quiet"]
        command += ["--no-header", "--no-annotate", "--strip-extras", "--allow-unsafe", "--no-emit-index-url"]
        command += ["--no-emit-find-links", "--no-emit-trusted-host", "--resolver", "backtracking"]
        command += ["--output-file", out, wanted]
        # A source distribution may tell what it requires only when it is run: pip then runs it.
        with sources.relay.running() as relay:
            env = relay.machine.pip_environment() | {"PIP_TOOLS_CACHE_DIR": str(folder)}
            done = run_sandboxed(command, env=env, cwd=folder, timeout=1800, writable=[folder], fetches=True)
            relay.refuse_trouble()  # pip goes on without an index that it cannot ask
        if not done.ok:
            sources.relay.refuse_failure()
            if done.refusal:
                raise done.refusal
            said = scrub_addresses(_said(done))
            if "ResolutionImpossible" in done.stderr or "No matching distribution" in done.stderr:
                raise UnsatisfiableError(said)
            raise OutsideError(f"pip-tools could not resolve\n{said}")
        return out.read_text()


def _said(done: Completed) -> str:
    """The last lines of pip-tools; of a traceback, in which it ends where pip gives up, what it says."""
    if "Traceback (most recent call last)" not in done.stderr:
        return done.tail
    *_, raised = re.split(r"^[A-Za-z_][\w.]*: ", done.stderr, flags=re.MULTILINE)
    return raised.strip()


def _wanted(spec: Spec, target: Target, sources: Sources) -> Iterator[str]:
    named = named_indexes(spec)
    for stage in spec.stage:
        for wheel in stage.wheels:
            remote = sources.spec_wheel(wheel)
            yield f"{wheel.name} @ {sources.relay.file(remote).url}"
        for requirement in stage.requirements:
            name = canonicalize_name(requirement.name)
            if name in named and named[name].index is not None:
                files = sources.files(named[name].index or "", name)
                best = _best(requirement, files, target)
                if files and not best and all(file.yanked is not None for file in files):
                    # Another index, which pip would ask instead, is not the one that was named.
                    raise UnsatisfiableError(f"No matching distribution found for {requirement}")
                yield f"{name} @ {sources.relay.file(best).url}" if best else str(requirement)
            else:
                yield str(requirement)


def _best(requirement: Requirement, files: tuple[RemoteFile, ...], target: Target) -> RemoteFile | None:
    """The newest wheel that fits and was not withdrawn, the best-tagged of that version."""
    fitting = [
        (parse_wheel_filename(file.file)[1], -rank, file)
        for file in files
        if file.file.endswith(".whl") and (rank := target.rank(file.file)) is not None
    ]
    pinned = any(word.operator in {"==", "==="} for word in requirement.specifier)
    allowed = [
        (version, rank, file)
        for version, rank, file in fitting
        if requirement.specifier.contains(version) and (pinned or file.yanked is None)  # PEP 592
    ]
    return max(allowed, key=lambda entry: entry[:2])[2] if allowed else None


def _pins(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        words = line.split("#")[0].strip()
        if not words:
            continue
        requirement = Requirement(words)
        if requirement.url:
            yield canonicalize_name(requirement.name), str(parse_wheel_filename(_last(requirement.url))[1])
        else:
            yield canonicalize_name(requirement.name), next(iter(requirement.specifier)).version


def _last(url: str) -> str:
    return url.split("#")[0].rsplit("/", 1)[-1].replace("%2B", "+")


def _named(target: Target) -> str:
    return target.python if target.patch is None else f"{target.release}{'t' * target.free_threaded}"


def _tool(target: Target, machine: PipSettings) -> pathlib.Path:
    """A Python of the target's version that has pip-tools: pip resolves for the Python it runs on.

    Raises `OutsideError` on another system than Linux, for which that would be.
    """
    want_linux(
        "pip-tools solves for the system that it runs on",
        hint="leave --resolver away: uv solves for Linux wherever it runs",
    )
    base = find_interpreter(target.python, target.patch)
    if base == pathlib.Path(os.path.realpath(sys.executable)):
        return pathlib.Path(sys.executable)
    version = importlib.metadata.version("pip-tools") if target.version >= (3, 9) else "7.4.1"
    folder = tool_home() / "tools" / f"pip-tools-{version}-{_named(target)}"
    with holding(folder):
        python = folder / "bin" / "python"
        if not settled(folder):
            with relay_for(machine) as relay:
                env = uv.uv_environment(relay.machine)
                made = uv.run_with_cache(
                    [uv.uv_program(), "venv", "--clear", "-p", base, folder], env=env, timeout=120
                )
                settings = uv.write_settings(folder, relay.machine)
                command: Words = [uv.uv_program(), "pip", "install", "--config-file", settings, "-p", python]
                command += ["--compile-bytecode"]  # what Python wrote later nobody could tell from damage
                command += ["--link-mode", "copy"]  # nothing in common with a cache that may be thrown away
                command += [f"pip-tools=={version}", "pip"]
                done = uv.run_with_cache(command, env=env, timeout=600) if made.ok else made
                settings.unlink()
                if not done.ok:
                    relay.refuse_trouble()
                    raise OutsideError(f"pip-tools cannot be installed\n{scrub_addresses(done.tail)}")
            note_tree(folder, folder)
        touch(folder)
    return python
