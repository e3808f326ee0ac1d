"""Why a build failed, and what to do: the one place that explains it."""

from __future__ import annotations

import re
import signal

from envspec.source.backend import TIME, Attempt
from envspec.source.missing import missing_of
from envspec.supply.build_root import THIS_MACHINE, BuildRoot
from envspec.supply.pip_settings import scrub_addresses
from envspec.system.errors import BuildError

_NETWORK = re.compile(
    r"Temporary failure in name resolution|Name or service not known|Network is unreachable|"
    r"Could not resolve host|nodename nor servname|Failed to establish a new connection|"
    r"dns error|Errno -[235]\]|getaddrinfo failed"
)
_OUTSIDE = re.compile(r"Read-only file system|Permission denied|EROFS")
_PROGRAM = re.compile(
    r"(?:^|[\s'\"`/:(])(cargo|rustc|cmake|ninja|gfortran|swig|pkg-config|go|gcc|g\+\+|clang|Rust)"
    r"(?=$|[\s'\"`:,.)])"
)
"""Programs that builds are known to want beyond Python."""
_VERSION = re.compile(
    r"setuptools.scm was unable to detect version|unable to detect version|"
    r"Error getting the version from source `vcs`"
)
_ABSENT = re.compile(
    r"not found|No such file|not installed|[Cc]ould not find|[Uu]nable to find|[Mm]issing|not on PATH|"
    r"[Cc]annot find"
)

_SHELL_SIGNALS = 128
"""What shells and sandboxes add to a signal's number to make an exit code of it."""

_GENERAL = (
    "pin a version that has a wheel, or give one under `wheels`; "
    "a build with machine code needs a compiler and the headers of its libraries"
)


def build_failure(
    what: str, attempt: Attempt, root: BuildRoot = THIS_MACHINE, *, own: bool = False
) -> BuildError:
    """The error that says of an attempt why there is no wheel of `what`; `own` code can be mended.

    What a header, a library or a program would come with, the root is asked in which it was missing.
    """
    why, hint = _explained(attempt, root, own=own)
    said = scrub_addresses(attempt.done.tail)
    return BuildError(f"no wheel could be built from {what}{why}\n{said}".rstrip(), hint=hint)


def _explained(attempt: Attempt, root: BuildRoot, *, own: bool) -> tuple[str, str]:
    """What happened, as the rest of a sentence, and what to do."""
    said = f"{attempt.done.stdout}\n{attempt.done.stderr}"
    general = "the last lines are its backend's: mend what they name" if own else _GENERAL
    if attempt.done.timed_out:
        return f": {attempt.step} did not end within {TIME // 60} minutes", "does it wait for something?"
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
            "commit it and `git tag v1.0`; a shallow clone in CI needs its tags too (fetch-depth: 0)"
        )
    if _NETWORK.search(said):
        return ": it asks for the network, which a build has not", (
            "put what it downloads into the source, or give a wheel that was built elsewhere"
        )
    if (missing := missing_of(said)) and (advice := root.advise(missing)):
        return f": it needs {missing.words}", advice
    if tool := _missing_tool(said):
        return f": it needs {tool}, which is not on this machine", (
            f"install {tool}, or give a wheel that was built elsewhere"
        )
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


def _missing_tool(said: str) -> str:
    """The program that a build wants and does not find; empty where it is something else."""
    if "command 'false' failed" in said:  # what stands for a compiler where there is none
        return "a C compiler"
    for line in said.splitlines():
        if _ABSENT.search(line) and (found := _PROGRAM.search(line)):
            return found[1]
    return ""
