"""uv as a program: where it is, which settings it gets, and what it says when it cannot go on."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import tomlkit
import uv

from envspec.supply.pip_settings import PipSettings, local_path
from envspec.system.home import tool_home


def uv_program() -> str:
    """Path of the uv that came with this project."""
    return uv.find_uv_bin()


def uv_environment(machine: PipSettings) -> dict[str, str]:
    """uv's environment: the machine's certificates and proxy, nothing of the user's own uv settings."""
    inherited = {name: value for name, value in machine.environment().items() if not name.startswith("UV_")}
    cache = tool_home() / "uv"
    there = next(folder for folder in (cache, *cache.parents) if os.access(folder, os.F_OK))
    keeps = os.access(there, os.W_OK)
    return inherited | {
        "UV_CACHE_DIR": str(cache),
        **({} if keeps else {"UV_NO_CACHE": "1"}),  # a home that is read only does for what is there already
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "UV_HTTP_TIMEOUT": "60",
        "NO_COLOR": "1",
    }


def index_settings(machine: PipSettings) -> dict[str, Any]:
    """pip's indexes and folders as uv's settings: all indexes count alike and the best version wins."""
    urls = machine.default_urls
    indexes: list[dict[str, Any]] = [{"url": url} for url in urls[1:]]
    if urls:
        indexes.append({"url": urls[0], "default": True})
    places = [place for place in machine.find_links if (path := local_path(place)) is None or path.is_dir()]
    return {
        "index": indexes,
        "find-links": places,
        "index-strategy": "unsafe-best-match",
        "no-index": not urls,
        "allow-insecure-host": list(machine.trusted_hosts),
    }


def write_settings(folder: pathlib.Path, machine: PipSettings) -> pathlib.Path:
    """A settings file for uv; addresses may carry credentials, so it goes into a private temporary folder."""
    file = folder / "uv.toml"
    file.write_text(tomlkit.dumps(index_settings(machine)))
    return file
