"""A stub: a wheel with nothing but the metadata of a source, by which solvers know it.

So a solver never unpacks what was built, and asks for no platform: that is chosen already.
"""

from __future__ import annotations

import pathlib
import zipfile
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envspec.source.package import SourcePackage


def write_stub(package: SourcePackage, folder: pathlib.Path, own: frozenset[str]) -> pathlib.Path:
    """Write the stub of a package below `folder`; `own` are the names of all that solvers get by stubs."""
    metadata = package.metadata
    stem = f"{metadata.name.replace('-', '_')}-{metadata.version}"
    folder.mkdir(exist_ok=True)
    file = folder / f"{stem}-py3-none-any.whl"
    members = {
        "METADATA": "\n".join(_metadata(package, own)) + "\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: envspec\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{stem}.dist-info/{name},,\n" for name in (*members, "RECORD"))
    with zipfile.ZipFile(file, "w") as wheel:
        for name, text in {**members, "RECORD": record}.items():
            wheel.writestr(f"{stem}.dist-info/{name}", text)
    return file


def _metadata(package: SourcePackage, own: frozenset[str]) -> Iterator[str]:
    metadata = package.metadata
    yield from ("Metadata-Version: 2.1", f"Name: {metadata.name}", f"Version: {metadata.version}")
    if metadata.requires_python:
        yield f"Requires-Python: {metadata.requires_python}"
    yield from (f"Provides-Extra: {extra}" for extra in metadata.extras)
    for text in metadata.requires:
        requirement = Requirement(text)
        if requirement.url and canonicalize_name(requirement.name) in own:
            requirement.url = None  # the spec's word has the address
        yield f"Requires-Dist: {requirement}"
