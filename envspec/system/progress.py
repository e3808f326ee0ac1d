"""Progress leaves the library through a reporter that does nothing unless somebody listens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class Progress:
    """Does nothing; a listener overrides what it cares for. Calls may come from any thread."""

    def step(self, title: str) -> None:
        """A phase begins, such as `resolve` or `stage numeric`."""

    def note(self, text: str) -> None:
        """Something worth a line: what was decided and why."""

    def begin(self, title: str, total: int) -> None:
        """A countable task begins; `total` in its own unit."""

    def begin_transfer(self, title: str, size: int) -> None:
        """A task begins that brings or writes `size` bytes."""
        self.begin(title, size)

    def advance(self, title: str, amount: int) -> None:
        """`amount` more of the task is done."""

    def end(self, title: str) -> None:
        """The task is over, well or not."""

    @contextlib.contextmanager
    def transfer(self, title: str, size: int) -> Iterator[None]:
        """`begin_transfer` and `end` around a block."""
        self.begin_transfer(title, size)
        try:
            yield
        finally:
            self.end(title)

    @contextlib.contextmanager
    def task(self, title: str, total: int) -> Iterator[None]:
        """`begin` and `end` around a block."""
        self.begin(title, total)
        try:
            yield
        finally:
            self.end(title)


SILENT = Progress()
