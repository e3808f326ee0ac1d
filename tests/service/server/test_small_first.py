"""Requests that are cheap to read go before those that are not."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import pytest

from service.app import create_app
from service.server.web import SMALL_BODY
from service.settings.environment import Settings
from service.workers.floor import FLOOR
from service.workers.turns import Rank
from tests.service.abuse.attack import post
from tests.service.conftest import until
from tests.service.fakes import FakeEngine
from tests.service.serving import serve

LARGE = post({"text": "好" * SMALL_BODY}, "/tts", "Connection: close")
SMALL = post({"text": "好"}, "/tts", "Connection: close")


def test_a_small_request_does_not_wait_for_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FLOOR, "_patience", 60)
    app = create_app(Settings(workers=1, web=1, admitted=8), FakeEngine())
    inner, order, first = app.wsgi_app, list[int](), threading.Event()

    def remembered(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        order.append(int(environ["CONTENT_LENGTH"]))
        if len(order) == 1:
            first.wait(20)
        return inner(environ, start_response)

    app.wsgi_app = remembered  # type: ignore[method-assign]
    lines = FLOOR._turns._lines
    with serve(app) as serving:
        socks = []
        for data in (LARGE, LARGE, LARGE, SMALL):
            socks.append(serving.connect())
            socks[-1].sendall(data)
            until(lambda: len(order) + sum(map(len, lines)) == len(socks))
        assert (len(lines[Rank.USUAL]), len(lines[Rank.LAST])) == (1, 2)
        first.set()
        for sock in socks:
            assert sock.recv(100).startswith(b"HTTP/1.1 200 ")
            sock.close()
    assert [length > SMALL_BODY for length in order] == [True, False, True, True]
