"""Requests that are known from their bytes, and how the answers to them are made again.

To find a sound in the cache costs a tenth of what it costs to parse, route and surround the request that asks
for it. So the bytes of a request that the cache has answered are kept: the same bytes ask for the same sound,
with the same key. How it is answered is learnt from the answer that was sent.
"""

from __future__ import annotations

import dataclasses
import re
import threading
import time
from email.utils import formatdate

from service.http.answers import Answer, RepeatableAnswer, new_request_id, record_answer
from service.http.context import Context
from service.speech.request import SpeechRequest

LONGEST_REQUEST = 4096
"""Bytes of a request, head and body, that is kept, and of the head of an answer."""
MOST_REQUESTS = 1024
"""Requests kept."""

_LENGTH = re.compile(rb"\r\ncontent-length:([^\r]*)", re.IGNORECASE)
_OTHERWISE = re.compile(
    rb"\n(?:[ \t]|(?:transfer-encoding|expect|upgrade|x-request-id)[ \t]*:)", re.IGNORECASE
)
"""Headers in more than one line, and those of requests that end elsewhere than they say, or whose answers
differ."""
_OWN = re.compile(rb"(?<=\r\n)(Date|Content-Length|X-Request-ID): ([^\r]*)(?=\r\n)", re.IGNORECASE)
"""The headers that each answer has for itself."""


def is_whole(received: bytes) -> bool:
    """Whether the bytes are one request and nothing else, so that the next one begins behind them.

    Where that is in doubt, they are not. Source: RFC 9112, section 6.3.
    """
    head, end, body = received.partition(b"\r\n\r\n")
    if not end or head.count(b"\n") != head.count(b"\r\n") or _OTHERWISE.search(head):
        return False
    lengths = [length.strip() for length in _LENGTH.findall(head)]
    return lengths == [b"%d" % len(body)] if lengths else not body


@dataclasses.dataclass(frozen=True)
class KnownRequest:
    """A request that the cache has answered, and what its next answer is made of."""

    asked: SpeechRequest
    """The speech that it asks for."""
    answer: Answer
    """The answer that was sent, for the log and the measures."""
    head: bytes
    """The head that was sent, with `%(date)b`, `%(length)b` and `%(id)b` for what is an answer's own."""


class Recall:
    """The requests that are known from their bytes; safe for threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._known: dict[bytes, KnownRequest] = {}

    def learn(self, received: bytes, sent: bytes, noted: RepeatableAnswer) -> None:
        """Keep a request that the cache has just answered on a connection that stays open.

        `sent` is how the answer began. An answer whose like cannot be made from a sound alone is not kept.
        """
        head = _pattern(sent, noted.answer)
        if head is None or len(received) > LONGEST_REQUEST or not is_whole(received):
            return
        with self._lock:
            self._known[received] = KnownRequest(noted.asked, noted.answer, head)
            while len(self._known) > MOST_REQUESTS:
                del self._known[next(iter(self._known))]

    def known(self, received: bytes) -> KnownRequest | None:
        """What is known of the request of these bytes; None when they must be read."""
        return self._known.get(received)

    def answer(self, known: KnownRequest) -> tuple[bytes, bytes] | None:
        """The head and the body of the answer to a request that is known; None when the cache has lost it."""
        began = time.monotonic()
        result = self._context.speaker.cached(known.asked)
        if result is None:
            return None
        reply = result.reply
        answer = dataclasses.replace(
            known.answer,
            request_id=new_request_id(),
            seconds=time.monotonic() - began,
            length=len(reply),
        )
        record_answer(self._context.metrics, answer)
        own = {
            b"date": formatdate(usegmt=True).encode(),
            b"length": b"%d" % len(reply),
            b"id": answer.request_id.encode(),
        }
        return known.head % own, reply


def _pattern(sent: bytes, answer: Answer) -> bytes | None:
    """The head of an answer with places for what is its own; None where the answer is not a plain one."""
    head, end, _ = sent.partition(b"\r\n\r\n")
    found = {name.lower(): value for name, value in _OWN.findall(head + b"\r\n")}
    expected = {b"content-length": b"%d" % (answer.length or 0), b"x-request-id": answer.request_id.encode()}
    if not end or not head.startswith(b"HTTP/1.1 200 ") or {**found, **expected} != found:
        return None
    names = {b"date": b"date", b"content-length": b"length", b"x-request-id": b"id"}
    return _OWN.sub(
        lambda header: b"%b: %%(%b)b" % (header[1], names[header[1].lower()]),
        (head + end).replace(b"%", b"%%"),
    )
