"""The first solver: `uv pip compile`, one joint solution of all stages."""

from __future__ import annotations

import functools
import pathlib
import re
import sys
import sysconfig
import tomllib
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tomlkit
from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel, Pylock
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from envspec.lockfile.lock import DEFAULT_INDEX, SPEC_WHEEL
from envspec.resolve.limits import all_limits
from envspec.resolve.prefer import NOTHING, Preferences
from envspec.resolve.refusal import unbuilt_source
from envspec.resolve.solution import Solved, UnsatisfiableError
from envspec.resolve.stub import write_stub
from envspec.resolve.view import until, write_view, young_enough
from envspec.source.package import SourcePackage
from envspec.spec.model import Spec, Stage
from envspec.spec.pins import repins, replaced
from envspec.spec.target import Target
from envspec.supply import uv
from envspec.supply.page import RemoteFile
from envspec.supply.pip_settings import scrub_addresses
from envspec.supply.sources import Sources
from envspec.system.errors import OutsideError
from envspec.system.interpreter import known_interpreter
from envspec.system.process import Completed
from envspec.system.progress import SILENT, Progress
from envspec.system.scratch import scratch_folder
from envspec.system.toml import array_of

_QUESTION = "the-spec-that-asks"
"""What the question to uv is called: not like the spec, which may bear the name of a package it installs."""

_NEWEST_PLATFORM = 40
"""uv knows platforms up to manylinux_2_40; wheels for newer ones do not exist yet."""

_TROUBLE = ("Failed to fetch", "error sending request", "Request failed", "dns error", "Could not connect")
"""What uv says when the network is the trouble, not the requirements."""

_UNREADABLE = re.compile(
    r"\b(\S+) (ha(?:s|ve) (?:invalid metadata|inconsistent metadata|an invalid package format))"
)
"""What uv says of a file that its index broke."""

_UNBUILT = re.compile(r"Failed to (?:download and )?build [`']([\w.-]+==[\w.+!-]+)[`']")
"""What uv says where a source distribution cannot tell what it requires."""

_NOT_HERE = ("not found in the cache", "network was disabled", "needs to be downloaded from a registry")
"""What uv says when it was not allowed to ask."""


def named_indexes(spec: Spec) -> dict[str, Stage]:
    """The packages that stages with an index of their own name, each with its first such stage."""
    named: dict[str, Stage] = {}
    for stage in spec.stage:
        for requirement in stage.requirements:
            if stage.index is not None:
                named.setdefault(canonicalize_name(requirement.name), stage)
    return named


def solve_with_uv(
    spec: Spec,
    target: Target,
    sources: Sources,
    *,
    own: Sequence[SourcePackage] = (),
    only: Mapping[str, str] | None = None,
    leave: frozenset[str] = frozenset(),
    prefer: Preferences = NOTHING,
    progress: Progress = SILENT,
) -> tuple[Solved, ...]:
    """One version of everything that the stages need together; what `prefer` names moves only if it must.

    `own` are the packages of the spec's sources. `only` takes exactly these versions and looks up their
    files; `leave` leaves out what the named indexes would have to serve, to see whether the rest can be
    satisfied at all.

    Raises `UnsatisfiableError` when nothing satisfies all, `OutsideError` when an index cannot be asked, and
    `FindingsError` for a source distribution that cannot be built to see what it requires.
    """
    with scratch_folder("solve") as folder, sources.relay.running():
        project = _project(spec, target, sources, folder, own, only, leave, prefer)
        (folder / "pyproject.toml").write_text(tomlkit.dumps(project))
        if prefer.versions and only is None:
            (folder / "pylock.toml").write_text(tomlkit.dumps(_answer_before(prefer)))
        done = _compile(folder, target, sources, exact=only is not None, wheels=prefer.wheels)
        if not done.ok:
            sources.relay.refuse_failure()  # whatever uv made of it
            raise done.refusal or _failure(done)
        for line in done.stderr.splitlines():
            if line.startswith("warning:") and "Python" not in line:
                progress.note(scrub_addresses(line.removeprefix("warning:").strip()))
        return tuple(_solved(folder / "pylock.toml", spec, target, _names(own)))


def _compile(
    folder: pathlib.Path, target: Target, sources: Sources, *, exact: bool, wheels: bool
) -> Completed:
    command = [uv.uv_program(), "pip", "compile", "pyproject.toml", "--quiet", "--format", "pylock.toml"]
    command += ["--output-file", "pylock.toml", "--python-version", _version(target)]
    if (python := _interpreter(target)) is None:
        command += ["--universal"]
    else:
        command += ["--python", str(python), "--python-platform", _platform(target)]
    command += ["--no-deps"] * exact + ["--no-build"] * wheels
    command += ["--offline"] * (sources.offline and not sources.relay.is_local)
    env = uv.uv_environment(sources.relay.machine) | {"XDG_CONFIG_HOME": str(folder / "no-settings")}
    # A source distribution may tell what it requires only when it is run: uv then runs it.
    return uv.run_with_cache(
        [*command, "--no-annotate", "--no-header"],
        env=env,
        cwd=folder,
        timeout=900,
        writable=[folder],
    )


def _version(target: Target) -> str:
    return target.release if target.patch is not None else ".".join(map(str, target.version))


def _platform(target: Target) -> str:
    """The target's platform in uv's words, which name no release of musl."""
    if target.glibc is None:
        return f"{target.machine}-unknown-linux-musl"
    return f"{target.machine}-manylinux_2_{min(target.glibc[1], _NEWEST_PLATFORM)}"


@functools.cache
def _interpreter(target: Target) -> pathlib.Path | None:
    """The interpreter whose kind of build uv takes the target's to be; None where all must be asked for.

    uv can be told a version of Python and not whether it is free-threaded: it has that from the interpreter
    that it finds, and leaves out the wheels of the other kind. For a free-threaded target, of which this
    machine need not have one, it is asked for every platform, and the target chooses among their wheels.
    """
    if target.free_threaded:
        return None
    if (found := known_interpreter(target.python, target.patch)) is not None:
        return found
    return None if sysconfig.get_config_var("Py_GIL_DISABLED") else pathlib.Path(sys.executable)


def _only(target: Target) -> dict[str, Any]:
    """What keeps an answer for every platform to the target's own."""
    if _interpreter(target) is not None:
        return {}
    markers = target.markers()
    names = ("sys_platform", "platform_machine", "implementation_name")
    return {"environments": [" and ".join(f"{name} == '{markers[name]}'" for name in names)]}


def _project(
    spec: Spec,
    target: Target,
    sources: Sources,
    folder: pathlib.Path,
    own: Sequence[SourcePackage],
    only: Mapping[str, str] | None,
    leave: frozenset[str],
    prefer: Preferences,
) -> dict[str, Any]:
    """The pyproject.toml that puts the question to uv."""
    settings = uv.index_settings(sources.relay.machine)
    named = {name: stage for name, stage in named_indexes(spec).items() if name not in leave}
    for package, stage in named.items():
        index = stage.index or DEFAULT_INDEX
        files = young_enough(sources.files(index, package), stage.as_of or spec.as_of)
        if not files:
            raise OutsideError(
                f"index {index} has no file of {package}, and nothing else may serve it",
                hint=f"stage {stage.name} names that index as the only source; check its url and `as-of`",
            )
        write_view(folder / "views" / index, package, map(sources.relay.file, files))
    settings["index"] = [
        *({"name": view.name, "url": view.as_uri(), "explicit": True} for view in _views(folder)),
        *settings["index"],
    ]
    settings["sources"] = {package: {"index": stage.index} for package, stage in named.items()}
    settings |= _eras(spec, frozenset(named)) | _only(target)
    anew = [str(repin.word.requirement) for repin in repins(spec).values()]
    overriding = [text for text in (*spec.overrides, *anew) if _name_of(text) not in leave]
    if overriding := [*overriding, *(f"{name} ; python_version < '0'" for name in sorted(leave))]:
        settings["override-dependencies"] = overriding  # a marker that never holds: whoever requires it
    if limits := all_limits(spec, target, sources.machine, prefer):
        settings["constraint-dependencies"] = array_of(limits)
    asked = _dependencies(spec, sources, only, leave, _names(own))
    return {
        "project": {
            "name": _QUESTION,
            "version": "0",
            "requires-python": _requires_python(target),
            "dependencies": array_of(
                [*own_words(own, folder), *sorted(asked, key=lambda text: _is_held(text, prefer))]
            ),
        },
        "tool": {"uv": settings},
    }


def _is_held(text: str, prefer: Preferences) -> bool:
    """Whether a word is of a package with a preference: uv decides what is asked for first, which is new."""
    return canonicalize_name(Requirement(text).name) in prefer.versions


def _answer_before(prefer: Preferences) -> dict[str, Any]:
    """What uv takes for its own last answer, whose versions it keeps where they still do.

    Source: https://docs.astral.sh/uv/pip/compile/#upgrading-requirements.
    """
    held = [{"name": name, "version": version} for name, version in sorted(prefer.versions.items())]
    return {"lock-version": "1.0", "created-by": _QUESTION, "packages": held}


def _requires_python(target: Target) -> str:
    major, minor = target.version
    return f">={_version(target)}" + (f",<{major}.{minor + 1}" if _interpreter(target) is None else "")


def _views(folder: pathlib.Path) -> list[pathlib.Path]:
    views = folder / "views"
    return sorted(views.iterdir()) if views.is_dir() else []


def _eras(spec: Spec, viewed: frozenset[str]) -> dict[str, Any]:
    """uv's form of `as-of`. What a view shows was judged by upload time before, and must not be again."""
    own: dict[str, Any] = {
        name: until(stage.as_of).isoformat() for stage in spec.stage if stage.as_of for name in stage.names
    }
    own |= dict.fromkeys(viewed, False)
    settings: dict[str, Any] = {"exclude-newer-package": own} if own else {}
    if spec.as_of:
        settings["exclude-newer"] = until(spec.as_of).isoformat()
    return settings


def _names(own: Sequence[SourcePackage]) -> frozenset[str]:
    return frozenset(package.name for package in own)


def own_words(own: Sequence[SourcePackage], folder: pathlib.Path) -> Iterator[str]:
    """The spec's sources as solvers take them: by the addresses of their stubs."""
    for package in own:
        wanted = package.requirement
        extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
        yield f"{package.name}{extras} @ {write_stub(package, folder / 'sources', _names(own)).as_uri()}"


def _dependencies(
    spec: Spec,
    sources: Sources,
    only: Mapping[str, str] | None,
    leave: frozenset[str],
    own: frozenset[str],
) -> Iterator[str]:
    wheels = [(wheel.name, sources.spec_wheel(wheel)) for stage in spec.stage for wheel in stage.wheels]
    direct = own.union(name for name, _ in wheels)
    for name, wheel in wheels:
        remote = sources.relay.file(wheel)
        yield f"{name} @ {remote.url}" + (f"#sha256={remote.sha256}" if remote.sha256 else "")
    if only is not None:
        yield from (f"{name}=={version}" for name, version in only.items() if name not in direct)
        return
    void = replaced(spec)
    for number, stage in enumerate(spec.stage):
        for position, requirement in enumerate(stage.words):
            if not isinstance(requirement, Requirement):
                continue
            counts = f"stage[{number}].install[{position}]" not in void
            if counts and canonicalize_name(requirement.name) not in leave:
                yield str(requirement)


def _name_of(text: str) -> str:
    return canonicalize_name(Requirement(text).name)


def _failure(done: Completed) -> Exception:
    said = scrub_addresses(done.stderr)
    if any(trouble in said for trouble in _TROUBLE):
        return OutsideError(
            f"an index cannot be asked\n{said.strip()}", hint="check the network and pip's set-up"
        )
    if (unreadable := _UNREADABLE.search(said)) is not None:
        return OutsideError(
            f"an index serves {unreadable[1]}, which {unreadable[2]}\n{said.strip()}",
            hint="pin another version, or ask another index",
        )
    if any(missing in said for missing in _NOT_HERE):
        return OutsideError(f"offline\n{_plain(said)}", hint="run once without --offline")
    if "No solution found" in said or "unsatisfiable" in said or "no version of" in said:
        return UnsatisfiableError(_plain(said))
    if (unbuilt := _UNBUILT.search(said)) is not None:
        return unbuilt_source(unbuilt[1], said)
    return OutsideError(f"uv could not resolve\n{said.strip()}")


def _plain(said: str) -> str:
    """uv's explanation as one sentence after another, in the words of a spec."""
    lines = [
        line for line in said.splitlines() if line.strip() and not line.startswith(("warning:", "error:"))
    ]
    text = " ".join(re.sub(r"^\s*(cause:|[╰├─▶│]+)*\s*", "", line) for line in lines)
    return text.replace(f"{_QUESTION} depends on", "the spec asks for").replace(f"{_QUESTION}==0", "the spec")


def _solved(file: pathlib.Path, spec: Spec, target: Target, own: frozenset[str]) -> Iterator[Solved]:
    named = named_indexes(spec)
    wheels = own.union(wheel.name for stage in spec.stage for wheel in stage.wheels)
    for package in Pylock.from_dict(tomllib.loads(file.read_text())).packages:
        if not target.wants(package.marker):
            continue
        stage = named.get(package.name)
        index = stage.index if stage and stage.index else DEFAULT_INDEX
        yield Solved(
            name=package.name,
            version=str(package.version or _direct_version(package)),
            index=SPEC_WHEEL if package.name in wheels else index,
            files=tuple(_files(package, file.parent)),
        )


def _files(package: Package, folder: pathlib.Path) -> Iterator[RemoteFile]:
    offered: list[PackageWheel | PackageSdist | PackageArchive] = [*(package.wheels or ())]
    offered += [part for part in (package.sdist, package.archive) if part is not None]
    for part in offered:
        url = part.url or (folder / (part.path or "")).resolve().as_uri()
        yield RemoteFile(
            file=_file_name(url),
            url=url,
            sha256=part.hashes.get("sha256"),
            size=part.size,
            uploaded=part.upload_time,
        )


def _direct_version(package: Package) -> str:
    """Version of a wheel that was given by address: its name tells it."""
    url = (package.archive.url or package.archive.path or "") if package.archive else ""
    return str(parse_wheel_filename(_file_name(url))[1])


def _file_name(url: str) -> str:
    return urllib.parse.unquote(urllib.parse.urlsplit(url).path.rsplit("/", 1)[-1])
