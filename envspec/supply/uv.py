"""uv as a program: where it is, which settings it gets, and what it says when it cannot go on."""

from __future__ import annotations

import contextlib
import fcntl
import pathlib
from typing import Any

import tomlkit
import uv

from envspec.supply.pip_settings import PipSettings, local_path
from envspec.system.home import tool_home
from envspec.system.scratch import remove


def uv_program() -> str:
    """Path of the uv that came with this project."""
    return uv.find_uv_bin()


def uv_environment(machine: PipSettings) -> dict[str, str]:
    """uv's environment: the machine's certificates and proxy, nothing of the user's own uv settings."""
    inherited = {name: value for name, value in machine.environment().items() if not name.startswith("UV_")}
    return inherited | {
        "UV_CACHE_DIR": str(tool_home() / "uv"),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "UV_HTTP_TIMEOUT": "180",
        "UV_HTTP_RETRIES": "0",  # whoever answers has asked again already (`envspec.supply.relay`)
        "NO_COLOR": "1",
    }


def sweep_cache() -> None:
    """Remove what programs of uv's that were killed had under way: uv itself never does.

    Each of them locks the cache while it runs, so nothing is touched while another works there.
    """
    cache = tool_home() / "uv"
    with contextlib.suppress(OSError), (cache / ".lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in cache.glob(".tmp*"):
            remove(left)


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
    """A settings file for uv, in a temporary folder; `machine` is the relay's, which has no credentials."""
    file = folder / "uv.toml"
    file.write_text(tomlkit.dumps(index_settings(machine)))
    return file
