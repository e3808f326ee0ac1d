"""The ports of a dialogue: to whoever answers, and to a caller who is connected both ways."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol


@dataclasses.dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: str
    """`user`, `assistant` or `system`."""
    content: str


class Responder(Protocol):
    """Whoever answers."""

    def answer(self, conversation: Sequence[Message], deadline: float) -> Iterator[str]:
        """The answer to the last message, as it is written; by `deadline` (`time.monotonic` seconds).

        Raises `UnavailableError`, `DeadlineError`, and `GoneError` when the caller has left.
        """


class Caller(Protocol):
    """A caller who sends and is sent messages at any time; safe for threads."""

    @property
    def draining(self) -> bool:
        """Whether the server is about to end, so that no new turn should begin."""

    def accept(self) -> None:
        """Take the connection up; before, it can still be answered with a status."""

    def receive(self, seconds: float) -> bytes | str | None:
        """The next message, samples or JSON; None where none comes in that time. Raises `GoneError`."""

    def send(self, event: Mapping[str, Any]) -> None:
        """Send an event; waits where the caller does not take what it was sent. Raises `GoneError`."""

    def close(self, code: int, reason: str) -> None:
        """Say why it ends, by a code of RFC 6455, and end it."""
