"""Why a build failed, and what to do: the one place that explains it."""

from __future__ import annotations

import re
import signal

from envspec.source.backend import Attempt, BuildRoom
from envspec.source.missing import missing_in
from envspec.supply.pip_settings import scrub_addresses
from envspec.system.errors import BuildError

_NETWORK = re.compile(
    r"Temporary failure in name resolution|Name or service not known|Network is unreachable|"
    r"Could not resolve host|nodename nor servname|Failed to establish a new connection|"
    r"dns error|Errno -[235]\]|getaddrinfo failed"
)
_OUTSIDE = re.compile(r"Read-only file system|Permission denied|EROFS")
_VERSION = re.compile(
    r"setuptools.scm was unable to detect version|unable to detect version|"
    r"Error getting the version from source `vcs`"
)
_POETRY = "set POETRY_DYNAMIC_VERSIONING_BYPASS=1.0 for this run"
_UV = "set UV_DYNAMIC_VERSIONING_BYPASS=1.0 for this run"
_UNTOLD = {
    ("Versioning for this project requires either an sdist tarball",): "set PBR_VERSION=1.0 for this run",
    ("poetry_dynamic_versioning", "Unable to detect version control system"): _POETRY,
    ("poetry_dynamic_versioning", "does not appear to be a"): _POETRY,
    ("uv-dynamic-versioning", "Unable to detect version control system"): _UV,
    ("uv_dynamic_versioning", "does not appear to be a"): _UV,
    ("Cannot find the version from SCM or SCM isn't detected",): "set PDM_BUILD_SCM_VERSION=1.0 for this run",
    ("versioningit could not find a version",): "give [tool.versioningit] a default-version",
}
"""What backends say that read a repository themselves, and what tells each of them a version.

Source: their documentation; all were seen to fail so.
"""

_SHELL_SIGNALS = 128
"""What shells and sandboxes add to a signal's number to make an exit code of it."""

_INSTALL = "install what brings {missing}, name its Debian package under `build-apt`, or give a wheel"
_GENERAL = (
    "pin a version that has a wheel, or give one under `wheels`; "
    "a build with machine code needs a compiler and the headers of its libraries"
)


def build_failure(what: str, attempt: Attempt, room: BuildRoom, *, own: bool = False) -> BuildError:
    """The error that says of an attempt why there is no wheel of `what`; `own` code can be mended.

    The root of its room is asked what would bring a header, a library or a program that was missing.
    """
    why, hint = _explained(attempt, room, own=own)
    said = scrub_addresses(attempt.done.tail)
    return BuildError(f"no wheel could be built from {what}{why}\n{said}".rstrip(), hint=hint)


def _explained(attempt: Attempt, room: BuildRoom, *, own: bool) -> tuple[str, str]:
    """What happened, as the rest of a sentence, and what to do."""
    said = f"{attempt.done.stdout}\n{attempt.done.stderr}"
    general = "the last lines are its backend's: mend what they name" if own else _GENERAL
    if attempt.done.timed_out:
        return f": {attempt.step} did not end within {room.timeout / 60:g} minutes", (
            "does it wait for something? `build-timeout` of the spec gives it more seconds"
        )
    if attempt.step == "install":
        return ": what builds it cannot be had", (
            "its [build-system] requires these, as wheels for this Python; is the index the right one?"
        )
    if attempt.done.ok:
        return (
            f": {attempt.step} ended well and left no wheel",
            "its backend is at fault: try another version of it",
        )
    if _VERSION.search(said):
        return ": its version comes from git's tags, and there are none", (
            "commit it and `git tag v1.0`; a shallow clone in CI needs its tags too (fetch-depth: 0); "
            "or set SETUPTOOLS_SCM_PRETEND_VERSION=1.0 for this run"
        )
    for signs, advice in _UNTOLD.items():
        if all(sign in said for sign in signs):
            return ": its version comes from git, of which a build sees nothing", advice
    if _NETWORK.search(said):
        return ": it asks for the network, which a build has not", (
            "put what it downloads into the source, or give a wheel that was built elsewhere"
        )
    for missing in missing_in(said):
        known = room.root.advise(missing)
        if known or missing.sure:
            advice = known or _INSTALL.format(missing=missing.words)
            return f": it needs {missing.words}", advice
    if _OUTSIDE.search(said):
        return ": it may write to its own folder alone", "let it write below the folder that it is built in"
    if not attempt.done.tail:
        return _silent(attempt)
    return "", general


def _silent(attempt: Attempt) -> tuple[str, str]:
    """What is known of a step that failed without a word."""
    killed = -attempt.done.code if attempt.done.code < 0 else attempt.done.code - _SHELL_SIGNALS
    if killed == signal.SIGKILL:
        return f": {attempt.step} was killed and said nothing", "did this machine run out of memory?"
    return f": {attempt.step} ended with exit code {attempt.done.code} and said nothing", (
        "run its backend by itself, as `pip wheel --no-deps` does, to see why"
    )
