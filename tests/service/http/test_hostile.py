"""Thousands of hostile requests to the application with its real voice: refused or spoken, nothing else."""

from __future__ import annotations

import collections
import ctypes
import os
import pathlib
import struct

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from service.settings.environment import Settings
from service.voices.espeak import Espeak
from tests.service.hostile import KINDS, Attack, attacks

MOST = 2100
ANSWERS = {200, 204, 308, 400, 404, 405, 413, 415, 422}
LEAKS = (b"Traceback", b"site-packages", b"/service/", b"unlikely secret", b"root:")


class Watch:
    """Sees every opening of a file, by whatever process: the kernel's inotify."""

    OPENED = 0x20

    def __init__(self, path: pathlib.Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK)
        assert libc.inotify_add_watch(self._descriptor, os.fsencode(path), self.OPENED) >= 0

    def opened(self) -> int:
        """How often the file was opened since the last look."""
        try:
            return len(os.read(self._descriptor, 65536)) // struct.calcsize("iIII")
        except BlockingIOError:
            return 0


@pytest.fixture(scope="module")
def bare(espeak: Espeak) -> FlaskClient:
    """The application with the real voice. Nothing is cached, so that everything reaches it."""
    return create_app(Settings(cache_bytes=0), espeak).test_client()


@pytest.fixture
def secret(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "secret"
    path.write_text("unlikely secret")
    return path


def sent(http: FlaskClient, attack: Attack) -> tuple[int, bytes]:
    with http.open(attack.path, method=attack.method, data=attack.body, headers=attack.headers) as response:
        return response.status_code, response.get_data()


@pytest.mark.slow
def test_two_thousand_hostile_requests(bare: FlaskClient, espeak: Espeak, secret: pathlib.Path) -> None:
    """No 500, no crash of the voice, no file opened, nothing told of the inside."""
    watch = Watch(secret)
    restarts = espeak.health().restarts
    seen: collections.Counter[int] = collections.Counter()
    for attack in attacks(MOST, str(secret)):
        status, body = sent(bare, attack)
        seen[status] += 1
        assert status in ANSWERS, (attack, body[:500])
        assert status == 200 or not any(leak in body for leak in LEAKS), (attack, body[:500])
    assert sum(seen.values()) >= 2000
    assert seen[200] > 100, "some of it can be spoken"
    assert seen[422] > 500
    assert {400, 404, 405, 413, 415} <= set(seen)
    assert espeak.health().restarts == restarts
    assert watch.opened() == 0
    secret.read_text()
    assert watch.opened() == 1, "an opening would have been seen"


def test_every_kind_is_there_often() -> None:
    bodies = [attack.body for attack in attacks(MOST, "/secret")]
    assert MOST // len(KINDS) >= 150
    for words in (
        b"<!ENTITY",
        b"SYSTEM",
        b"l10",
        b"\\ud800",
        b"file:///secret",
        b"\\ud83d\\ude00",
        b"\\u0000",
        b"[[",
    ):
        assert sum(words in body for body in bodies) > 5, words
    assert max(map(len, bodies)) >= 1_000_000


def test_a_megabyte_of_signs_is_judged_where_it_may_come_in(espeak: Espeak) -> None:
    settings = Settings(max_body=8_000_000, max_text=2_000_000)
    http = create_app(settings, espeak).test_client()
    for sign in ("。", "!", "\n"):
        assert http.post("/tts", json={"text": sign * 1_000_000}).get_json()["code"] == "nothing_to_speak"
