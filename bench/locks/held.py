"""What a lock of another tool holds for one target: as the tool's own export says, or read plainly.

It shares no code with our readers but the table of conda's names. What is counted is what the tool installs
without development groups and extras: `uv export --no-default-groups`, `poetry install --only main`, `pdm
export --prod`, the section `default` of a Pipfile.lock, the default groups of a pylock.toml, the category
`main` of a conda-lock.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from packaging.markers import Marker
from packaging.pylock import Pylock
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envspec.ingest.conda import index_name
from envspec.system import process
from envspec.system.errors import OutsideError

PATIENCE = 300.0
"""Seconds for one export."""

_BASICS = {"python", "pip", "setuptools", "wheel"}
"""What every environment of conda has, whoever asked for it."""

_DRY_RUN = ("install", "--only", "main", "--no-root", "--dry-run", "--no-ansi")

LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "conda-lock.yml")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One package of a lock for the target."""

    name: str
    """Canonical."""
    version: str
    """Empty where only a source is told."""
    hashes: frozenset[str] = frozenset()
    """sha256 of its files; empty where the lock tells none."""


class NotToldError(Exception):
    """A tool does not say what its lock holds; the text is why."""


def environment(python: str) -> dict[str, str]:
    """The markers of the target: CPython on Linux, x86_64."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
        "extra": "",
    }


def held(file: pathlib.Path, python: str, tools: Sequence[pathlib.Path]) -> dict[str, Package]:
    """What a lock holds, by name; folders of `tools` have the programs of poetry and pdm, asked in turn.

    Raises `NotToldError`.
    """
    for place in tools[:-1]:
        with contextlib.suppress(NotToldError):
            return _held(file, python, place)
    return _held(file, python, tools[-1])


def _held(file: pathlib.Path, python: str, tools: pathlib.Path) -> dict[str, Package]:
    match file.name:
        case "uv.lock":
            words = ["uv", "export", "--frozen", "--no-default-groups", "--no-emit-local", "--no-header"]
            if "[project]" not in _text(file.with_name("pyproject.toml")):
                words.append("--all-packages")
            found = _requirements(_exported(words, file, python), python)
        case "poetry.lock":
            _refresh(file, tools)
            try:
                words = [str(tools / "poetry"), *_DRY_RUN]
                found = _of_poetry(_exported(words, file, python), tomllib.loads(file.read_text("utf-8")))
            except NotToldError:  # it wants another release of that Python than this machine has
                words = [str(tools / "poetry"), "export", "--only", "main", "--format", "requirements.txt"]
                found = _requirements(_exported(words, file, python), python)
        case "pdm.lock":
            words = [str(tools / "pdm"), "export", "--prod", "--format", "requirements"]
            found = _requirements(_exported(words, file, python), python)
        case "pylock.toml":
            found = _of_pylock(file, python)
        case "Pipfile.lock":
            found = _of_pipenv(json.loads(file.read_text("utf-8")), python)
        case _:
            found = _of_conda(yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader))
    return {package.name: package for package in found}


def _text(file: pathlib.Path) -> str:
    return file.read_text("utf-8") if file.is_file() else ""


def _exported(words: list[str], file: pathlib.Path, python: str) -> str:
    env = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    with tempfile.TemporaryDirectory() as name:
        if words[0] != "uv":  # they tell what the Python that they run beside would get
            venv = ["uv", "venv", "-q", "--no-project", "-p", python, f"{name}/venv"]
            if not process.run_process(venv, env=env, cwd=pathlib.Path(name), timeout=PATIENCE).ok:
                raise NotToldError(f"there is no Python {python} on this machine")
            env |= {"VIRTUAL_ENV": f"{name}/venv", "PDM_IGNORE_SAVED_PYTHON": "1", "PDM_CHECK_UPDATE": "0"}
        try:
            done = process.run_process(words, env=env, cwd=file.parent, timeout=PATIENCE)
        except OutsideError as error:  # the program is not there, or took too long
            raise NotToldError(error.message) from error
    if not done.ok:
        raise NotToldError(" ".join(f"{done.stderr} {done.stdout}".split())[-300:])
    return done.stdout


_INSTALLED = re.compile(r"- Installing (\S+) \(([^\s)]+)[^)]*\)(?!.*Skipped)")


def _of_poetry(text: str, data: Mapping[str, Any]) -> Iterator[Package]:
    """What poetry says that it would install, with the digests that the file tells.

    Its export leaves out what an extra wants with a version of two ranges.
    """
    before = data.get("metadata", {}).get("files", {})
    hashes: dict[tuple[str, str], frozenset[str]] = {}
    for row in data["package"]:
        if row.get("source", {}).get("type") not in {"directory", "file"}:
            files = row.get("files") or before.get(row["name"]) or []
            digests = frozenset(file["hash"].removeprefix("sha256:") for file in files)
            hashes[canonicalize_name(row["name"]), row["version"]] = digests
    for name, version in _INSTALLED.findall(text):
        key = canonicalize_name(name), version
        if key in hashes:
            yield Package(name=key[0], version=version, hashes=hashes[key])


def _refresh(file: pathlib.Path, tools: pathlib.Path) -> None:
    """Let poetry export a lock that its project has moved on from: the digest of the project is set anew."""
    script = (
        "import sys; from poetry.factory import Factory; from pathlib import Path;"
        "print(Factory().create_poetry(Path(sys.argv[1])).locker._get_content_hash())"
    )
    done = process.run_process(
        [tools / "python", "-c", script, str(file.parent)], env=dict(os.environ), timeout=PATIENCE
    )
    if done.ok:
        text = file.read_text("utf-8")
        digest = done.stdout.strip().splitlines()[-1]
        file.write_text(re.sub(r'(?m)^content-hash = ".*"$', f'content-hash = "{digest}"', text), "utf-8")


def _requirements(text: str, python: str) -> Iterator[Package]:
    """The lines of a requirements file with hashes that count on the target."""
    joined = text.replace("\\\n", " ")
    for line in joined.splitlines():
        body, *hashes = line.split("--hash=sha256:")
        body = body.strip().removeprefix("-e ")
        if not body or body.startswith(("#", "-", ".", "/", "file:")):
            continue
        try:
            parsed = Requirement(body)
        except ValueError:
            continue
        if parsed.marker is not None and not parsed.marker.evaluate(environment(python)):
            continue
        version = next((part.version for part in parsed.specifier), "")
        yield Package(
            name=canonicalize_name(parsed.name),
            version=version,
            hashes=frozenset(each.split()[0] for each in hashes),
        )


def _of_pylock(file: pathlib.Path, python: str) -> Iterator[Package]:
    data = tomllib.loads(file.read_text("utf-8"))
    for entry in data["packages"]:
        entry["name"] = canonicalize_name(entry["name"])  # pipenv writes them as they are spelled
        for part in [*entry.get("wheels", ()), *([entry["sdist"]] if "sdist" in entry else ())]:
            part.pop("upload-time", None)  # and moments as texts
    lock = Pylock.from_dict(data)
    here: dict[str, Any] = {**environment(python), "extras": frozenset()}
    here["dependency_groups"] = frozenset(lock.default_groups or ())
    for package in lock.packages:
        if package.marker is not None and not package.marker.evaluate(here, context="lock_file"):
            continue
        parts = [*(package.wheels or ()), *([package.sdist] if package.sdist else ())]
        if package.directory is not None:
            continue
        hashes = frozenset(part.hashes["sha256"] for part in parts if "sha256" in part.hashes)
        yield Package(name=str(package.name), version=str(package.version or ""), hashes=hashes)


def _of_pipenv(data: Mapping[str, Any], python: str) -> Iterator[Package]:
    for name, entry in data["default"].items():
        marker = entry.get("markers")
        if (marker and not Marker(marker).evaluate(environment(python))) or entry.get("path"):
            continue
        hashes = frozenset(each.removeprefix("sha256:") for each in entry.get("hashes", ()))
        version = entry.get("version", "").removeprefix("==")
        yield Package(name=canonicalize_name(name), version=version, hashes=hashes)


def _of_conda(data: Mapping[str, Any]) -> Iterator[Package]:
    """Those of conda by version alone, for its files are others; pip installs over them."""
    main = [
        entry
        for entry in data["package"]
        if entry.get("platform", "linux-64") == "linux-64" and entry.get("category", "main") == "main"
    ]
    for entry in sorted(main, key=lambda each: str(each.get("manager"))):
        if entry.get("manager") == "pip":
            digest = (entry.get("hash") or {}).get("sha256")
            hashes = frozenset([digest] if digest else [])
            yield Package(name=canonicalize_name(entry["name"]), version=str(entry["version"]), hashes=hashes)
        elif entry["name"] not in _BASICS and (name := index_name(entry["name"])):
            yield Package(name=canonicalize_name(name), version=str(entry["version"]))
