"""The options of `pip install` and `uv pip install`, and of requirements files: which of them a spec can say.

Source: pip 26.3, `pip install --help` and https://pip.pypa.io/en/stable/reference/requirements-file-format/;
uv 0.11, `uv pip install --help`. They stand here because pip's own parser is private, changes from version to
version, knows no lines and none of uv's options.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

READ = {
    "-r": "requirement",
    "--requirement": "requirement",
    "--requirements": "requirement",
    "-c": "constraint",
    "--constraint": "constraint",
    "--constraints": "constraint",
    "--override": "override",
    "--overrides": "override",
    "-e": "editable",
    "--editable": "editable",
    "-i": "index",
    "--index-url": "index",
    "--pypi-url": "index",
    "--default-index": "index",
    "--extra-index-url": "extra",
    "--index": "extra",
    "-f": "links",
    "--find-links": "links",
    "--only-binary": "prebuilt",
    "--hash": "hash",
    "--group": "group",
    "--exclude-newer": "as-of",
}
"""Options with a value that are carried over, by what they say."""

_COMPILES = "has no place in a spec: source distributions are built where no wheel fits"

LEFT_VALUES = {
    "--no-binary": _COMPILES,
    "--no-build-package": "has no place in a spec; name the packages under `prebuilt` of the stage",
    "--trusted-host": "is this machine's own business: `pip config set global.trusted-host`",
    "--proxy": "is this machine's own business: `pip config set global.proxy`",
    "--cert": "is this machine's own business: `pip config set global.cert`",
    "--client-cert": "is this machine's own business: set it up in pip",
    "--config-settings": "has no place in a spec: builds take no settings",
    "--config-setting": "has no place in a spec: builds take no settings",
    "-C": "has no place in a spec: builds take no settings",
    "--global-option": "has no place in a spec: builds take no settings",
    "--install-option": "has no place in a spec: builds take no settings",
    "--build-constraint": "has no place in a spec",
    "--target": "has no place in a spec: all stages install into one environment",
    "-t": "has no place in a spec: all stages install into one environment",
    "--platform": "has no place there: give the spec a `machine`",
    "--python-platform": "has no place there: give the spec a `machine`",
    "--python-version": "has no place there: --python chooses the spec's Python",
    "--implementation": "has no place in a spec",
    "--abi": "has no place in a spec",
    "--torch-backend": "is not carried over: give the index of that build as [index.NAME]",
    "--prerelease": "has no place in a spec: pin the pre-release itself",
    "--extra": "is not carried over: extras of a file are variants of its spec",
    "--use-feature": "has no place in a spec",
}
"""Options with a value that have no counterpart, each with why."""

_NO_DEPS = "has no place in a spec: what they require comes along; `[remove] packages` keeps some out"

LEFT_FLAGS = {
    "--no-deps": _NO_DEPS,
    "--no-dependencies": _NO_DEPS,
    "--pre": "has no place in a spec: pin the pre-release itself",
    "--no-index": "has no place in a spec: set it up in pip, with `find-links`",
    "--no-build-isolation": "has no place in a spec: builds are isolated, with what they say they need",
    "--no-use-pep517": "has no place in a spec",
    "--all-extras": "is not carried over: extras of a file are variants of its spec",
    "--no-build": "has no place in a spec; name the packages under `prebuilt` of the stage",
    "--user": "has no place in a spec: all stages install into one environment",
}
"""Options without a value that have no counterpart, each with why."""

_SILENT_VALUES = frozenset(
    [
        "--prefix",
        "--root",
        "--src",
        "--cache-dir",
        "--progress-bar",
        "--default-timeout",
        "--timeout",
        "--retries",
        "--log",
        "--root-user-action",
        "--exists-action",
        "--upgrade-strategy",
        "--report",
        "--python",
        "-p",
        "--index-strategy",
        "--link-mode",
        "--python-preference",
        "--exclude-newer-package",
        "--keyring-provider",
        "--resolution",
        "--upgrade-package",
        "-P",
        "--color",
        "--exclude",
        "--reinstall-package",
        "--refresh-package",
        "--directory",
        "--project",
        "--allow-insecure-host",
        "--config-file",
        "--uploaded-prior-to",
        "--resume-retries",
        "--fork-strategy",
        "--extra-search-dir",
        "-b",
        "--build",
        "-d",
        "--dest",
        "-w",
        "--wheel-dir",
    ]
)
"""Options with a value that say how an installer goes about it, not what it installs."""

_SILENT_FLAGS = frozenset(
    [
        "-U",
        "--upgrade",
        "-I",
        "--ignore-installed",
        "--force-reinstall",
        "--no-cache-dir",
        "--no-cache",
        "-n",
        "--break-system-packages",
        "--disable-pip-version-check",
        "--no-warn-script-location",
        "--no-warn-conflicts",
        "--use-pep517",
        "-q",
        "-qq",
        "-qqq",
        "--quiet",
        "-v",
        "-vv",
        "-vvv",
        "--verbose",
        "--no-input",
        "--compile",
        "--no-compile",
        "--compile-bytecode",
        "--system",
        "--require-hashes",
        "--no-python-version-warning",
        "--isolated",
        "--require-virtualenv",
        "--no-clean",
        "--prefer-binary",
        "-y",
        "--yes",
        "--refresh",
        "--reinstall",
        "--no-progress",
        "--native-tls",
        "--system-certs",
        "--offline",
        "--strict",
        "--no-color",
        "--dry-run",
        "--exact",
        "--verify-hashes",
        "--no-verify-hashes",
        "--no-config",
        "--check-build-dependencies",
        "--ignore-requires-python",
        "--use-deprecated=legacy-resolver",
        "--no-managed-python",
        "--no-python-downloads",
        "--allow-python-downloads",
        "--no-installer-metadata",
        "--no-build-logs",
        "--show-settings",
        "--managed-python",
        "--no-sources",
    ]
)

_SHORT = "rceifCtpPbdnw"
"""Letters of short options that may have their value right behind them, as in `-rbase.txt`."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One option of a line or a command."""

    text: str
    """As it was written."""
    kind: str = ""
    """What it says, as in `READ`; empty for what says nothing that a spec could hold."""
    value: str = ""
    why: str = ""
    """Why it cannot be carried over; empty otherwise."""


def sorted_words(words: Sequence[str]) -> Iterator[Option | str]:
    """The options among words, with their values; what is none is given as it is."""
    waiting = list(reversed(words))
    ended = False
    while waiting:
        word = waiting.pop()
        if ended or not word.startswith("-") or word == "-":
            yield word
        elif word == "--":
            ended = True
        else:
            yield _option(word, waiting)


def _option(word: str, waiting: list[str]) -> Option:
    name, given, value = word.partition("=")
    if not word.startswith("--"):
        name, given, value = word, "", ""
        if len(word) > 2 and word[1] in _SHORT and word not in _SILENT_FLAGS:  # -rfile
            name, given, value = word[:2], "=", word[2:].removeprefix("=")
    if name in _SILENT_FLAGS or word in _SILENT_FLAGS:
        return Option(text=word)
    if name in LEFT_FLAGS:
        return Option(text=word, why=LEFT_FLAGS[name])
    takes = name in READ or name in LEFT_VALUES or name in _SILENT_VALUES
    if not takes:
        return Option(text=word, why="is no option that is known here")
    if not given:
        if not waiting:
            return Option(text=word, why="lacks its value")
        value = waiting.pop()
    text = f"{name} {value}"
    if name in READ:
        return Option(text=text, kind=READ[name], value=value)
    return Option(text=text, why=LEFT_VALUES.get(name, ""))


def split_line(line: str) -> list[str]:
    """The words of a line of a requirements file: a requirement, markers and all, is one word.

    As in pip, options begin at the first word with a dash.
    """
    words = line.split()
    first = next((number for number, word in enumerate(words) if re.match(r"--?[A-Za-z]", word)), len(words))
    head = [" ".join(words[:first])] if first else []
    tail: list[str] = []
    for word in words[first:]:
        if tail and _goes_on(tail):
            tail[-1] += f" {word}"  # of an editable with blanks before its marker
        else:
            tail.append(word.strip("\"'") if not word.startswith("-") else word)
    return [*head, *tail]


def _goes_on(tail: Sequence[str]) -> bool:
    editable = len(tail) > 1 and tail[-2] in {"-e", "--editable"}
    return editable and not tail[-1].startswith("-")
