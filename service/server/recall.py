"""Answers to requests that were answered before, byte for byte, without reading them anew.

To find a sound in the cache costs a tenth of what it costs to parse, route and surround the request that asks
for it. So the bytes of such a request are kept: the same bytes ask for the same sound, with the same key.
"""

from __future__ import annotations

import os
import re
import threading
import time
from email.utils import formatdate

from service.http.context import Context
from service.http.logs import request_answered
from service.speech.request import SpeechRequest
from service.speech.speaker import spoken

LONGEST = 4096
"""Bytes of a request, head and body, that is kept."""
MOST = 1024
"""Requests kept."""
ROUTE = "/tts"

_LINE = f"POST {ROUTE} HTTP/1.1\r\n".encode()
_LENGTH = re.compile(rb"\r\ncontent-length:([^\r]*)", re.IGNORECASE)
_OTHERWISE = re.compile(
    rb"\n(?:[ \t]|(?:transfer-encoding|expect|upgrade|x-request-id)[ \t]*:)", re.IGNORECASE
)
"""Headers in more than one line, and those of requests that end elsewhere than they say, or whose answers
differ."""
_HEAD = (
    "HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: {date}\r\nConnection: keep-alive\r\n"
    "Content-Type: application/json\r\nContent-Length: {length}\r\nX-Request-ID: {id}\r\n"
    "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n"
)


def is_whole(received: bytes) -> bool:
    """Whether the bytes are one request and nothing else, so that the next one begins behind them.

    In doubt they are not. Source: RFC 9112, section 6.3.
    """
    head, end, body = received.partition(b"\r\n\r\n")
    if not end or head.count(b"\n") != head.count(b"\r\n") or _OTHERWISE.search(head):
        return False
    lengths = [length.strip() for length in _LENGTH.findall(head)]
    return lengths == [b"%d" % len(body)] if lengths else not body


class Recall:
    """The requests that are known; safe for threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._known: dict[bytes, SpeechRequest] = {}

    def learn(self, received: bytes, asked: SpeechRequest) -> None:
        """Keep a request that the cache has just answered on a connection that stays open."""
        if len(received) > LONGEST or not received.startswith(_LINE) or not is_whole(received):
            return
        with self._lock:
            self._known[received] = asked
            while len(self._known) > MOST:
                del self._known[next(iter(self._known))]

    def known(self, received: bytes) -> SpeechRequest | None:
        """What these bytes ask for; None when they must be read."""
        return self._known.get(received)

    def answer(self, asked: SpeechRequest) -> bytes | None:
        """The whole reply to a request that is known; None when its sound is held no more."""
        began = time.monotonic()
        result = self._context.speaker.held(asked)
        if result is None:
            return None
        name = os.urandom(16).hex()
        seconds = time.monotonic() - began
        self._context.metrics.answered(ROUTE, 200, seconds)
        request_answered(
            {
                "request_id": name,
                "method": "POST",
                "route": ROUTE,
                "status": 200,
                "milliseconds": round(1000 * seconds, 1),
                "bytes": len(result.reply),
                **spoken(asked, self._context.settings),
            }
        )
        head = _HEAD.format(date=formatdate(usegmt=True), length=len(result.reply), id=name)
        return head.encode() + result.reply
