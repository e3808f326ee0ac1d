"""Package indexes made of folders: a simple index for `file:` addresses, and its pages for a server."""

import hashlib
import json
import pathlib
from collections.abc import Iterable

from envspec.supply.page import project_of


def simple_index(folder: pathlib.Path, files: Iterable[pathlib.Path]) -> str:
    """A simple index in HTML below `folder` that offers `files`; its address."""
    for file in files:
        page = folder / str(project_of(file.name)) / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        with page.open("a") as stream:
            stream.write(f'<a href="{file.as_uri()}#sha256={sha256(file)}">{file.name}</a>\n')
    folder.mkdir(parents=True, exist_ok=True)
    return folder.as_uri()


def json_page(project: str, files: Iterable[pathlib.Path], base: str, **more: str) -> bytes:
    """The page of one project in JSON form (PEP 691), files below the address `base`."""
    entries = [
        {
            "filename": file.name,
            "url": f"{base}/{file.name}",
            "hashes": {"sha256": sha256(file)},
            "size": file.stat().st_size,
            **more,
        }
        for file in files
    ]
    return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": entries}).encode()


def sha256(file: pathlib.Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
