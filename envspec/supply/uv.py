"""uv as a program: where it is, which settings it gets, and what it says when it cannot go on."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import uv

from envspec.supply.pip_settings import PipSettings, local_path
from envspec.system import sandbox
from envspec.system.errors import OutsideError
from envspec.system.home import LOCKS, disk_refusals, make_folder, own, throw_away, tool_home
from envspec.system.process import Completed, Words, run_process
from envspec.system.scratch import remove
from envspec.system.seen import forget_tree, note_tree, tree_holds

_UNREADABLE = re.compile("deserialize cache|cache entry|reading marker", re.IGNORECASE)
"""What uv 0.13 says of a cache that it cannot read, where it does not name a file of it."""

_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO)
"""What no new cache would help against."""


def uv_program() -> str:
    """Path of the uv that came with this project."""
    return uv.find_uv_bin()


def cache_folder() -> pathlib.Path:
    """Where uv keeps what it fetched; made where it is missing."""
    folder = tool_home() / "uv"
    with contextlib.suppress(OSError):  # uv says so where it matters
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def uv_environment(machine: PipSettings) -> dict[str, str]:
    """uv's environment: the machine's certificates and proxy, nothing of the user's own uv settings."""
    inherited = {name: value for name, value in machine.environment().items() if not name.startswith("UV_")}
    cache = cache_folder()
    there = next(folder for folder in (cache, *cache.parents) if os.access(folder, os.F_OK))
    keeps = os.access(there, os.W_OK)
    return inherited | {
        "UV_CACHE_DIR": str(cache_folder()),
        **({} if keeps else {"UV_NO_CACHE": "1"}),  # a home that is read only does for what is there already
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "UV_HTTP_TIMEOUT": "180",
        "UV_HTTP_RETRIES": "0",  # whoever answers has asked again already (`envspec.supply.relay`)
        "NO_COLOR": "1",
    }


def without_secrets(env: Mapping[str, str]) -> dict[str, str]:
    """Of uv's environment what foreign code may see that uv starts."""
    return sandbox.without_secrets(env) | {key: value for key, value in env.items() if key.startswith("UV_")}


def run_with_cache(
    command: Words,
    *,
    env: Mapping[str, str],
    cwd: pathlib.Path | None = None,
    timeout: float,
    writable: Sequence[pathlib.Path] | None = None,
) -> Completed:
    """Run uv with the cache in the home, which it would trust whatever is in there.

    With `writable` it may write to these folders and the cache alone: for what may run foreign code.

    A cache that was changed since uv left it is thrown away before, one that uv cannot read when it says so.
    Raises `OutsideError` when the disk refuses.
    """

    def run() -> Completed:
        if writable is None:
            return run_process(command, env=env, cwd=cwd, timeout=timeout)
        places = [*writable, cache_folder()]
        return sandbox.run_sandboxed(
            command, env=env, cwd=cwd, timeout=timeout, writable=places, fetches=True
        )

    with _cache_in_use():
        done = run()
    if done.ok or not _blames_cache(done.stderr):
        return done
    with _locked():
        throw_away(_cache(), "cannot be read by uv")
        forget_tree(_cache())
    with _cache_in_use():
        return run()


def _blames_cache(said: str) -> bool:
    """Whether uv failed because of what its cache holds, and not because the disk refused it."""
    refused = any(os.strerror(number) in said for number in _REFUSALS)
    # A build that fails in there tells the paths of its own tools and sources: that is the package's fault.
    said = re.sub(rf"{re.escape(str(_cache()))}/(?:builds|sdists)-v\d+/", "", said)
    return not refused and (str(_cache()) in said or _UNREADABLE.search(said) is not None)


def _cache() -> pathlib.Path:
    return tool_home() / "uv"


def _lock() -> pathlib.Path:
    return tool_home() / LOCKS / "uv.lock"


@contextlib.contextmanager
def _cache_in_use() -> Iterator[None]:
    """A block in which uv may write to the cache; the first of several compares it, the last notes it."""
    with _locked(wait=False) as alone:
        if alone:
            if tree_holds(_cache()) is False:
                throw_away(_cache(), "was changed by another than uv")
            for left in _cache().glob(".tmp*"):  # of programs of uv's that were killed: uv itself keeps them
                remove(left)
    with _locked(shared=True):
        forget_tree(_cache())  # who is killed leaves no note, so that nothing uv wrote is held against it
        yield
    with contextlib.suppress(OSError, OutsideError), _locked(wait=False) as alone:
        if alone:
            note_tree(_cache(), _cache())


@contextlib.contextmanager
def _locked(*, wait: bool = True, shared: bool = False) -> Iterator[bool]:
    """The cache, alone or with others; false where somebody has it and it is not waited for."""
    with disk_refusals(_lock()):
        make_folder(_lock().parent)
        handle = own(_lock(), wait=wait, shared=shared)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            if not shared:
                _lock().unlink(missing_ok=True)
            os.close(handle)


def index_settings(machine: PipSettings) -> dict[str, Any]:
    """The relay's index and folders as uv's settings: one index at most, however many stand behind it."""
    urls = machine.default_urls
    places = [place for place in machine.find_links if (path := local_path(place)) is None or path.is_dir()]
    return {
        "index": [{"url": url, "default": True} for url in urls],
        "find-links": places,
        "no-index": not urls,
        "allow-insecure-host": list(machine.trusted_hosts),
    }


def write_settings(folder: pathlib.Path, machine: PipSettings) -> pathlib.Path:
    """A settings file for uv, in a temporary folder; `machine` is the relay's, which has no credentials."""
    file = folder / "uv.toml"
    import tomlkit  # most who start uv write no settings

    file.write_text(tomlkit.dumps(index_settings(machine)))
    return file
