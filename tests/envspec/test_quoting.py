"""What programs print is quoted without what differs from run to run, and otherwise as it is."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.system.quoting import LONGEST, NAMED, listed, quoted_output, shortened


@pytest.mark.parametrize(
    ("said", "quoted"),
    [
        ("[2026-11-26 18:10:18 +0000] [7] [INFO] pid: 8", "[<time>] [<pid>] [INFO] pid: <pid>"),
        ("2026-11-26T18:10:18.123456Z started", "<time> started"),
        ("2026-11-26 18:10:18,123 [12345] WARNING x", "<time> [<pid>] WARNING x"),
        ("Thu Nov 26 18:10:18 UTC 2026: ready", "<time>: ready"),
        ('127.0.0.1 - - [26/Nov/2026 18:10:18] "GET /" 200', '127.0.0.1 - - [<time>] "GET /" 200'),
        ("E1126 18:10:18.123456   12345 cuda.cc:83] no device", "<time> <pid> cuda.cc:83] no device"),
        ("E0000 00:00:1764180618.123456   77 cuda.cc:83] no device", "<time> <pid> cuda.cc:83] no device"),
        ("at 7:05:09 it was late", "at <time> it was late"),
        ("loaded in 0.53 s, then 12.5ms", "loaded in <duration>, then <duration>"),
        ("gunicorn[123]: gone, PID 123, ppid=1", "gunicorn[<pid>]: gone, PID <pid>, ppid=<pid>"),
        ("==4711==ERROR: AddressSanitizer", "==<pid>==ERROR: AddressSanitizer"),
        ("/proc/4711/maps cannot be read", "/proc/<pid>/maps cannot be read"),
        ("<Thing object at 0x7f3a1c2b4d50>", "<Thing object at <address>>"),
        ("Thread 0x00007f3a1c2b4d50 (most recent call first)", "Thread <address> (most recent call first)"),
        ("'/tmp/tmpab12/x.so': file too short", "'<temporary>': file too short"),
        ("file:///dev/shm/psm_1a2b, /var/tmp/y", "file://<temporary>, <temporary>"),
        ("/tmp/e/lib/python3.11/site-packages/a.so: x", "<temporary>/lib/python3.11/site-packages/a.so: x"),
        ("no space in /srv/envspec-probe-77-ab_c1234/home", "no space in /srv/<temporary>/home"),
        ("Listening at: http://127.0.0.1:41233 (77)", "Listening at: http://127.0.0.1:<port>"),
    ],
)  # fmt: skip
def test_what_differs_each_run_is_replaced(said: str, quoted: str) -> None:
    assert quoted_output(said) == quoted


@pytest.mark.parametrize(
    "said",
    [
        "numpy 1.26.4 was compiled against ABI version 0x1000009, this is 0x2000000",
        "cannot import name 'a' from 'b' (/srv/lib/python3.11/b.py:12)",
        "size mismatch: expected [128] and got x[12345]",
        "a.cpp:12:10: error: 3 errors",
        "GLIBC_2.34 not found in /home/you/tmp/x",
        "http://127.0.0.1:8080 refuses; error code 0x80070005",
        "timed out after 30 s",
        "No usable temporary directory found in ['/tmp', '/var/tmp']",
        "requires numpy<2.0,>=1.23.5; 2023.07.22 is installed",
        "",
    ],
)
def test_what_means_something_stays(said: str) -> None:
    assert quoted_output(said) == said


numbers = st.integers(min_value=1, max_value=4_000_000)
clocks = st.times().map(lambda each: each.isoformat(timespec="milliseconds"))
moments = st.datetimes(min_value=dt.datetime(1990, 1, 1), max_value=dt.datetime(2099, 1, 1))
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=8, max_size=8)
VOLATILE = {
    "moment": moments.map(str),
    "stamp": moments.map(lambda each: each.strftime("%a %b %d %H:%M:%S %Y")),
    "clock": clocks,
    "log line": st.builds("[{:%Y-%m-%d %H:%M:%S} +0000] [{}]".format, moments, numbers),
    "pid": numbers.map("pid={}".format),
    "process": numbers.map("PID {}".format),
    "address": st.integers(min_value=1 << 44, max_value=(1 << 47) - 1).map("<object at {:#x}>".format),
    "path": names.map("/tmp/tmp{}".format),
    "memory": names.map("/dev/shm/{}/part.so".format),
    "scratch": st.builds("/srv/envspec-probe-{}-{}".format, numbers, names),
}  # fmt: skip
words = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20)


@st.composite
def twins(draw: st.DrawFn) -> tuple[str, str]:
    """Two outputs that differ in nothing but what every run has anew."""
    left, right = [], []
    for kind in draw(st.lists(st.sampled_from(sorted(VOLATILE)), min_size=1, max_size=5)):
        between = draw(st.text("abc XYZ,'", max_size=12))
        left.append(f"{between} {draw(VOLATILE[kind])} ")
        right.append(f"{between} {draw(VOLATILE[kind])} ")
    return "".join(left), "".join(right)


@given(twins())
def test_two_runs_alike_are_quoted_alike(pair: tuple[str, str]) -> None:
    assert quoted_output(pair[0]) == quoted_output(pair[1])


pieces = st.one_of(words, *VOLATILE.values(), st.sampled_from(["[", "]", ":", "<", ">", "/", " ", "\n", "."]))


@given(st.lists(pieces, max_size=8).map("".join))
def test_quoting_twice_changes_nothing_more(text: str) -> None:
    once = quoted_output(text)
    assert quoted_output(once) == once


@given(st.text("abcdefgh ,.'()\n", max_size=200))
def test_plain_words_stay(text: str) -> None:
    assert quoted_output(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        "/tmp/",
        "1:",
        "12:30:4",
        "2026-11-26 ",
        "[1",
        "0x",
        "envspec-",
        "pid  ",
        "Nov 26 ",
        "1.",
        "==1",
        "a/tmp/b",
    ],
)
def test_the_work_is_bounded(piece: str) -> None:
    began = time.monotonic()
    quoted_output(piece * (200_000 // len(piece)))
    assert time.monotonic() - began < 5


def test_a_short_text_is_repeated_as_it_is() -> None:
    assert shortened("x" * LONGEST) == "x" * LONGEST


@given(st.text(), st.integers(20, 60))
def test_a_long_text_keeps_its_ends_and_says_how_much_is_left_out(text: str, most: int) -> None:
    said = shortened(text, most)
    assert said[:15] == text[:15]
    if len(text) > most:
        assert f"… {len(text) - most} characters more …" in said
        assert said[-5:] == text[-5:]


def test_many_names_are_counted() -> None:
    names = [f"n{number}" for number in range(NAMED + 3)]
    assert listed(names).endswith(f"n{NAMED - 1} and 3 more")
    assert listed(names[:2]) == "n0, n1"
    assert listed([]) == "none"
