"""A responder behind an address that speaks OpenAI's chat API, as most servers of language models do."""

from __future__ import annotations

import http.client
import json
import time
import urllib.parse
from collections.abc import Iterator, Sequence

from service.dialogue.port import Message
from service.errors import DeadlineError, UnavailableError
from service.workers.floor import FLOOR
from service.workers.leaving import current_visit

LONGEST_LINE = 1 << 16
"""Bytes of one event of the stream."""
PATIENCE = 20.0
"""Seconds for which nothing may come."""


class Chat:
    """Asks `<address>/chat/completions`, and takes the answer as it is written."""

    def __init__(self, address: str, model: str, *, key: str = "", prompt: str = "", most: int) -> None:
        """`prompt` is the system's message; no answer is longer than `most` characters."""
        self._address = urllib.parse.urlsplit(address)
        self._model = model
        self._key = key
        self._prompt = prompt
        self._most = most

    def answer(self, conversation: Sequence[Message], deadline: float) -> Iterator[str]:
        visit = current_visit()
        connection = self._connection(deadline)
        try:
            with FLOOR.aside():
                connection.connect()
            with visit.holding(connection.sock):
                yield from self._bounded(self._pieces(connection, conversation), deadline)
        except TimeoutError as error:
            visit.check()
            raise DeadlineError("the answer was not written in time") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            visit.check()
            raise UnavailableError(
                "whoever answers here cannot be asked now", code="responder_failed", retry_after=5
            ) from error
        finally:
            connection.close()

    def _connection(self, deadline: float) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._address.scheme == "https" else http.client.HTTPConnection
        left = deadline - time.monotonic()
        if left <= 0:
            raise DeadlineError("the answer was not written in time")
        return kind(self._address.hostname or "", self._address.port, timeout=min(PATIENCE, left))

    def _pieces(
        self, connection: http.client.HTTPConnection, conversation: Sequence[Message]
    ) -> Iterator[str]:
        """The pieces that the stream of events brings. Raises `ValueError` for what is no such stream."""
        system = [Message("system", self._prompt)] if self._prompt else []
        messages = [{"role": one.role, "content": one.content} for one in (*system, *conversation)]
        body = json.dumps({"model": self._model, "messages": messages, "stream": True})
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        connection.request("POST", f"{self._address.path.rstrip('/')}/chat/completions", body, headers)
        response = connection.getresponse()
        if response.status != 200:
            raise ValueError(f"it answers {response.status}")
        while True:
            with FLOOR.aside():
                line = response.readline(LONGEST_LINE)
            if not line or line.strip() == b"data: [DONE]":
                return
            if line.startswith(b"data:"):
                yield _text(json.loads(line[5:]))

    def _bounded(self, pieces: Iterator[str], deadline: float) -> Iterator[str]:
        left = self._most
        for piece in pieces:
            if time.monotonic() > deadline:
                raise DeadlineError("the answer was not written in time")
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return


def _text(event: object) -> str:
    """What an event adds to the answer. Raises `ValueError` where it is none."""
    try:
        choices = event["choices"]  # type: ignore[index]
        said = choices[0]["delta"].get("content") if choices else None
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError("this is no event of a chat") from error
    return said if isinstance(said, str) else ""
