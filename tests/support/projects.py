"""Source trees of small projects, whose backend stands in the tree itself, so that no index is asked."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping

BACKEND = '''"""A backend on the standard library alone."""
import os, pathlib, tomllib, zipfile

def _project():
    return tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]

def _metadata(said):
    yield "Metadata-Version: 2.1"
    yield f"Name: {said['name']}"
    yield f"Version: {said['version']}"
    if "requires-python" in said:
        yield f"Requires-Python: {said['requires-python']}"
    for need in said.get("dependencies", []):
        yield f"Requires-Dist: {need}"
    for extra, needs in said.get("optional-dependencies", {}).items():
        yield f"Provides-Extra: {extra}"
        for need in needs:
            yield f"Requires-Dist: {need}; extra == '{extra}'"

def _write(folder, files):
    said = _project()
    stem = said["name"].replace("-", "_") + "-" + said["version"]
    info = f"{stem}.dist-info"
    files = dict(files)
    files[f"{info}/METADATA"] = "\\n".join(_metadata(said)) + "\\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[f"{info}/RECORD"] = "".join(f"{name},,\\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(os.path.join(folder, f"{stem}-py3-none-any.whl"), "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name), text)
    return f"{stem}-py3-none-any.whl"

def build_wheel(folder, config_settings=None, metadata_directory=None):
    EXTRA
    source = pathlib.Path("src")
    found = sorted(file for file in source.rglob("*") if file.is_file())
    return _write(folder, {file.relative_to(source).as_posix(): file.read_text() for file in found})
'''


def written(folder: pathlib.Path, files: Mapping[str, str]) -> pathlib.Path:
    """The folder with these files, by their paths below it."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def project(
    folder: pathlib.Path,
    name: str,
    *,
    version: str = "1.0",
    requires: Iterable[str] = (),
    extras: Mapping[str, list[str]] | None = None,
    code: str = "A = 1\n",
    more: str = "",
    backend: str = "pass",
) -> pathlib.Path:
    """A project with one package; `backend` is a line that runs before its wheel is made."""
    optional = "".join(f"{extra} = {needs!r}\n" for extra, needs in (extras or {}).items())
    settings = (
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = {list(requires)!r}\n'
        + (f"[project.optional-dependencies]\n{optional}" if optional else "")
        + more
    )
    module = name.replace("-", "_")
    files = {
        "pyproject.toml": settings,
        "backend.py": BACKEND.replace("EXTRA", backend),
        f"src/{module}/__init__.py": code,
    }
    return written(folder, files)
