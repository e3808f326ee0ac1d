"""The receipt of a run: what it looked at, and what it said, kept so that the next one need not be made.

A receipt holds as long as all that the run looked at is as it was: spec, lock, code and copies by their
contents, the tool by its own, the environment by what the engine, the layout or the disk says of it. Contents
decide: dates only say where nothing has to be read again, and only the date of change, which no program can
set. It is read before anything is loaded that takes its time, so it imports next to nothing.

<home>/receipts/<key>     by the question: the command as it was typed, where, and in which environment
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import stat
import sys
import time

from builder.values.tool import tool_digest
from envspec.system.looks import TREES, key_of, tree_digest
from envspec.system.sealed import file_name, unseal
from envspec.system.where import home_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from typing import Any

RECEIPTS = "receipts"
"""Folder of the home."""

REF = "org.opencontainers.image.ref.name"
"""The annotation of a layout's index that names an image. Source: OCI image specification, image layout."""

LIVES = 24 * 3600.0
"""Seconds: a run that is made at least once a day keeps what it uses from being swept as unused."""

MOST = 20_000
"""Entries of one folder that are looked at: where there are more, a run is as quick."""

SMALL = 1 << 20
"""Bytes up to which a file is read each time; of a larger one size and dates are compared first."""

_PASSING = {"_", "OLDPWD", "SHLVL"}
"""Variables that shells set anew for each command, and that nobody reads."""


class TooMuchError(Exception):
    """A folder holds more than can be looked at in a moment."""


@functools.cache
def question(program: str) -> str:
    """What this process was asked, as the key of a receipt: it stays the same while the process lives.

    That is all that it was started with and that may decide what it says: its words, folder, user and
    variables, the Python that it runs on with what is installed there, and the width of the terminal.
    """
    variables = {name: value for name, value in os.environ.items() if name not in _PASSING}
    asked = [
        program,
        sys.argv[1:],
        os.getcwd(),  # noqa: PTH109 - no pathlib
        getattr(os, "geteuid", int)(),
        sorted(variables.items()),
        sys.executable,
        sys.version,
        _distributions(),
        _width(),
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _distributions() -> list[str]:
    """What is installed for this Python, each with its version."""
    found = []
    for folder in sys.path:
        try:
            found += [name for name in os.listdir(folder) if name.endswith(".dist-info")]  # noqa: PTH208
        except OSError:
            continue
    return sorted(found)


def _width() -> int:
    """Columns of the terminal that standard output is; 0 where it is none."""
    try:
        return os.get_terminal_size(1).columns if os.isatty(1) else 0
    except OSError:
        return 0


def read_receipt(key: str) -> dict[str, Any] | None:
    """The receipt for a question; None where there is none that is whole and fresh."""
    home = home_folder()
    if home is None:
        return None
    place = f"{home}/{RECEIPTS}/{file_name(key)}"
    try:
        if not 0 <= time.time() - os.stat(place).st_mtime < LIVES:  # noqa: PTH116
            return None
        found: dict[str, Any] = json.loads(unseal(_read(place)))
    except (OSError, ValueError):
        return None
    return found


def holds(
    receipt: Mapping[str, Any],
    *,
    image_id: Callable[[str, str], str | None],
    answers: Callable[[str], bool],
) -> bool:
    """Whether all is as it was when the receipt was written.

    `image_id` tells what an engine has under a name, `answers` whether one is there: an engine is asked last.
    """
    try:
        return (
            receipt["tool"] == tool_digest()
            and all(contents_of(place) == sha256 for place, sha256 in receipt["files"].items())
            and all(os.path.exists(place) is there for place, there in receipt["there"].items())  # noqa: PTH110
            and all(look(*_folder(each))[0] == each["digest"] for each in receipt["folders"])
            and all(looks_of(place) == looks for place, looks in receipt["blobs"].items())
            and all(_listed(*each) for each in receipt["names"])
            and all(map(_tree_holds, receipt["trees"]))
            and not any(map(answers, receipt["silent"]))
            and all(image_id(engine, name) == found for engine, name, found in receipt["images"])
        )
    except (OSError, ValueError, TooMuchError, AttributeError, LookupError, RecursionError, TypeError):
        return False  # a layout's index is not this tool's alone: it may hold any JSON


def _folder(held: Mapping[str, Any]) -> tuple[str, Collection[str], Collection[str]]:
    return held["top"], held["apart"], held["names"]


def look(top: str, apart: Collection[str], names: Collection[str]) -> tuple[str, float]:
    """Digest of all that stands in a folder, and when any of it was changed last, in seconds since 1970.

    What is `apart`, by its path below the folder, and folders of these `names` are passed over. Small files
    count by their contents, large ones by how they look. Raises `OSError`, and `TooMuchError` beyond `MOST`.
    """
    digest, newest = hashlib.sha256(), 0.0
    for count, (path, found) in enumerate(_entries(top, "", frozenset(apart), frozenset(names))):
        if count == MOST:
            raise TooMuchError(top)
        its, told = found, ""
        if stat.S_ISLNK(its.st_mode):
            told = f"{os.readlink(f'{top}/{path}')}\0"  # noqa: PTH115
            its = _led_to(f"{top}/{path}") or found
        if stat.S_ISREG(its.st_mode):
            told += _contents(f"{top}/{path}", its)
        newest = max(newest, found.st_ctime, its.st_ctime)
        digest.update(f"{path}\0{its.st_mode:o}\0{told}\n".encode(errors="surrogateescape"))
    return digest.hexdigest(), newest


def _entries(
    top: str, below: str, apart: frozenset[str], names: frozenset[str]
) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(f"{top}/{below}" if below else top) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = f"{below}/{entry.name}" if below else entry.name
        if path in apart:
            continue
        its = entry.stat(follow_symlinks=False)
        folder = stat.S_ISDIR(its.st_mode)
        if folder and entry.name in names:
            continue
        yield path, its
        if folder:
            yield from _entries(top, path, apart, names)


def _led_to(link: str) -> os.stat_result | None:
    """What the disk says of what a link leads to; None where it leads nowhere."""
    try:
        return os.stat(link)  # noqa: PTH116
    except OSError:
        return None


def _contents(place: str, its: os.stat_result) -> str:
    """What tells the contents of a file."""
    if its.st_size <= SMALL:
        return hashlib.sha256(_read(place)).hexdigest()
    return f"{its.st_size} {its.st_mtime_ns} {its.st_ctime_ns} {its.st_ino}"


def contents_of(place: str) -> str:
    """The sha256 of a file, and whether it can be run; empty where there is none.

    Raises `OSError` for one that cannot be read.
    """
    try:
        return hashlib.sha256(_read(place)).hexdigest() + "x" * os.access(place, os.X_OK)
    except (FileNotFoundError, NotADirectoryError):
        return ""


def looks_of(place: str) -> str:
    """How a file looks whose name has its sha256: as `seen.py` notes it. Raises `OSError`."""
    its = os.stat(place)  # noqa: PTH116
    return f"{its.st_size} {its.st_mtime_ns} {its.st_ino}"


def _listed(layout: str, name: str, manifest: str) -> bool:
    """Whether a layout lists a manifest under a name."""
    manifests = json.loads(_read(f"{layout}/index.json"))["manifests"]
    named = (each for each in manifests if each.get("annotations", {}).get(REF) == name)
    return any(each["digest"] == manifest for each in named)


def _tree_holds(place: str) -> bool:
    """Whether a folder stands as it was noted when it was made: see `seen.py`."""
    note = f"{home_folder()}/{TREES}/{file_name(key_of(place), packed=True)}"
    digest, names = json.loads(unseal(_read(note), packed=True))
    return bool(tree_digest(place, names) == digest)


def _read(place: str) -> bytes:
    with open(place, "rb", buffering=0) as stream:  # noqa: PTH123 - no pathlib
        return stream.read()
