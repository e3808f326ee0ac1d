"""Writes minimal valid wheels and source distributions: real files that every installer takes."""

import base64
import hashlib
import io
import pathlib
import tarfile
import zipfile
from collections.abc import Iterable, Mapping

CODE = """\
__version__ = "{version}"


def answer():
    return __version__.split(".")
"""
"""A module that does something: one that holds nothing counts as a placeholder."""


def wheel(
    folder: pathlib.Path,
    name: str = "demo",
    version: str = "1.0",
    *,
    requires: Iterable[str] = (),
    files: Mapping[str, str | bytes] | None = None,
    tag: str = "py3-none-any",
    requires_python: str | None = None,
    metadata: Iterable[str] | None = None,
    made: tuple[int, int, int] = (1980, 1, 1),
) -> pathlib.Path:
    """A wheel with one importable package, or with `files`, and a true RECORD. The same every time.

    `metadata` are lines of METADATA in the place of its own; `made` is the day of its files.
    """
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    told = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    told += [f"Requires-Dist: {requirement}" for requirement in requires]
    told += [f"Requires-Python: {requires_python}"] if requires_python else []
    members = {
        **(files if files is not None else {f"{module}/__init__.py": CODE.format(version=version)}),
        f"{info}/METADATA": "\n".join(told if metadata is None else metadata) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    lines = [f"{path},{_digest(body)},{len(_bytes(body))}\n" for path, body in members.items()]
    members[f"{info}/RECORD"] = "".join([*lines, f"{info}/RECORD,,\n"])
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, body in members.items():
            archive.writestr(zipfile.ZipInfo(path, (*made, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)
    return target


def _bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body


def _digest(body: str | bytes) -> str:
    raw = base64.urlsafe_b64encode(hashlib.sha256(_bytes(body)).digest())
    return f"sha256={raw.rstrip(b'=').decode()}"


BUILD_BACKEND = """
import pathlib, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "{module}-{version}-py3-none-any.whl"
    info = "{module}-{version}.dist-info"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as archive:
        def add(path, text):
            archive.writestr(zipfile.ZipInfo(path), text)
        add("{module}.py", "def built():\\n    return __name__.split(chr(46))\\n")
        add(info + "/METADATA", "Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
        add(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        add(info + "/RECORD", "".join(name + ",,\\n" for name in [*archive.namelist(), info + "/RECORD"]))
    {extra}
    return name
"""


def sdist(
    folder: pathlib.Path, name: str = "source", version: str = "1.0", *, extra: str = "", told: bool = True
) -> pathlib.Path:
    """A source distribution that builds itself with nothing but Python; `extra` runs inside its build.

    With `told` false only its build tells what it requires.
    """
    project = f'[project]\nname = "{name}"\nversion = "{version}"\n' if told else ""
    module = name.replace("-", "_")
    backend = BUILD_BACKEND.format(name=name, module=module, version=version, extra=extra)
    members = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
        f"{project}",
        "own.py": backend,
    }
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{module}-{version}.tar.gz"
    with tarfile.open(target, "w:gz") as archive:
        for path, text in members.items():
            entry = tarfile.TarInfo(f"{module}-{version}/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return target
