"""How messages quote what others wrote: cut to a length, without what differs from one run to the next."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

LONGEST = 200
"""Characters of somebody's input that a message repeats."""

_SHOWN = 120
"""Characters of a path that a message shows."""

NAMED = 12
"""Names that a message lists."""


def shortened(text: str, most: int = LONGEST) -> str:
    """The text, cut to its beginning and its end with `most` characters; what lies between is counted."""
    if len(text) <= most:
        return text
    begin = most * 3 // 4
    end = most - begin
    return f"{text[:begin]}… {len(text) - most} characters more …{text[-end:]}"


def shown_path(path: str) -> str:
    """A path of a wheel for a message: quoted, and of bounded length."""
    return repr(path) if len(path) <= _SHOWN else f"{path[:_SHOWN]!r}..."


def with_version(package: str, versions: Mapping[str, str]) -> str:
    """A package as messages name it, with its version where that is known."""
    return f"{package} {versions.get(package, '')}".strip()


def listed(names: Sequence[str], *, most: int = NAMED, none: str = "none") -> str:
    """Names with commas between them, `most` at most; `none` where there are none."""
    left = len(names) - most
    shown = ", ".join(shortened(name) for name in names[:most])
    return (f"{shown} and {left} more" if left > 0 else shown) or none


_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_WEEKDAY = "(?:(?:mon|tue|wed|thu|fri|sat|sun),? )?"
_YEAR = r"(?:19|20)\d{2}"
_CLOCK = r"\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,9})?"
_INSTALLED = r"/lib(?:64)?/python\d"
_ZONE = r"(?: ?(?:z|utc|gmt|[+-]\d{2}:?\d{2}))?"

# What touches a word that was put in already is left alone, so that quoting a quotation changes nothing more.
# Repetitions are bounded, or stop where no other could go on: the work grows with the text's length alone.
_START, _END = r"(?<![\w.:/>-])", r"(?![\w<])"

_VOLATILE = tuple(
    (re.compile(pattern, re.IGNORECASE | re.MULTILINE), word)
    for pattern, word in (
        # Temporary files, up to an environment that stands there; and this tool's own folders, wherever.
        (
            rf"(?:(?<![\w./>-])|(?<=//))/(?:tmp|var/tmp|dev/shm)/(?:(?!{_INSTALLED})[^\s'\"`<>()\[\]{{}},;:|])+",
            "<temporary>",
        ),
        (rf"(?<![\w.>-])envspec-[a-z]{{1,16}}-[\w-]{{6,24}}{_END}", "<temporary>"),
        # Dates and times of day: of `glog`, of ISO 8601 and of people.
        (r"^[iwef]\d{4} [\d:]{5,24}\.\d{1,9} {1,9}\d{1,10}(?= )", "<time> <pid>"),
        (rf"{_START}{_YEAR}[-/]\d\d[-/]\d\d(?:[t ,]{{1,2}}{_CLOCK}{_ZONE})?{_END}", "<time>"),
        (
            rf"{_START}{_WEEKDAY}\d\d?[ /-]{_MONTH}[a-z]{{0,6}}[ /-]{_YEAR}(?:[ :]{_CLOCK}{_ZONE})?{_END}",
            "<time>",
        ),
        (rf"{_START}{_WEEKDAY}{_MONTH} {{1,2}}\d{{1,2}} {_CLOCK}(?:{_ZONE} {_YEAR})?{_END}", "<time>"),
        (rf"{_START}{_CLOCK}{_ZONE}{_END}", "<time>"),
        (rf"{_START}\d{{1,9}}\.\d{{1,9}} ?(?:[mun]?s|sec|secs|seconds){_END}", "<duration>"),
        # Numbers of processes: behind their name, in /proc, of sanitizers, and in the heads of log lines.
        (rf"(?<![\w>])((?:[pt]|pp|pg)id[ =:#]{{1,3}}|process (?:id )?)\d{{1,10}}{_END}", r"\1<pid>"),
        (rf"(?<=/proc/)\d{{1,10}}{_END}", "<pid>"),
        (r"(?<![\w>=])==\d{1,10}(?===)", "==<pid>"),
        (r"(?:^|(?<=[\]>] ))\[\d{1,10}\]", "[<pid>]"),
        (r"(?<= )\[\d{4,10}\](?=[:\s]|$)", "[<pid>]"),
        (r"^([\w./-]{1,64})\[\d{2,10}\](?=: )", r"\1[<pid>]"),
        # Addresses in memory; shorter hexadecimal numbers are versions and codes, unless a thing is at them.
        (rf"(?<![\w>])0x[0-9a-f]{{9,16}}{_END}", "<address>"),
        (rf"(?<= at )0x[0-9a-f]{{4,16}}{_END}", "<address>"),
        # Ports that the system chose, with the number of the process that gunicorn puts behind them.
        (r"(?<=127\.0\.0\.1:)(?:3[3-9]|[456]\d)\d{3}(?: \(\d{1,10}\))?" + _END, "<port>"),
    )
)
"""What differs from run to run, with what takes its place, in the order in which it is looked for."""


def quoted_output(text: str) -> str:
    """A program's output as findings quote it: the same for two runs that go the same way.

    Dates, times and measured seconds, numbers of processes, addresses in memory, temporary paths and ports
    that the system chose give way to words in angle brackets.
    """
    for pattern, word in _VOLATILE:
        text = pattern.sub(word, text)
    return text


def shown(size: int) -> str:
    """Bytes for people: `53.5 MB`."""
    for unit, worth in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= worth:
            return f"{size / worth:.1f} {unit}"
    return f"{size} bytes"
