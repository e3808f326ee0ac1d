"""The port to whoever answers: one member, and the value that passes through it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Protocol


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
