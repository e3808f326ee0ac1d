"""The standard streams: what is said on them, and that they last, whatever state they come in."""

from __future__ import annotations

import io
import os
import select
import sys
from typing import TextIO

import click

from envspec.system.descriptors import fill_standard_streams
from envspec.system.errors import OutsideError
from envspec.system.foreign import no_commands, readable


def say_text(text: str, *, aside: bool = False) -> None:
    """Print lines for people, of which others may have written any part; `aside` is standard error."""
    click.echo(no_commands("\n".join(readable(line) for line in text.split("\n"))), err=aside)


def say_document(text: str) -> None:
    """Print a document for programs, in UTF-8 whatever the encoding for people is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())


class Sink(io.RawIOBase):
    """Writes to a file descriptor until that fails, and to nowhere from then on.

    So a run goes on to its end when nobody reads it any more: what it builds counts, and its exit code does.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._gone = False
        self.failure: OSError | None = None
        """Why something could not be written; that its reader has left is no reason."""

    def fileno(self) -> int:
        """The file descriptor."""
        return self._number

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._number)

    def writable(self) -> bool:
        """Always: what cannot be written is dropped."""
        return True

    def write(self, data: object) -> int:
        """Write what there is room for; the number of bytes that are done with."""
        view = memoryview(data)  # type: ignore[arg-type] # whatever a buffer hands over
        while not self._gone:
            try:
                return os.write(self._number, view)
            except BlockingIOError:  # some who start programs leave their pipes so
                select.select([], [self._number], [])
            except OSError as error:
                self._gone = True
                self.failure = None if isinstance(error, BrokenPipeError) else error
        return view.nbytes


def keep_streams() -> None:
    """Put streams that last in the place of this process's own, where nobody else has done so yet.

    What is closed leads to nowhere, and what an encoding lacks is written as an escape.
    """
    fill_standard_streams()
    if sys.stdout is sys.__stdout__:
        sys.stdout = _lasting(1, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _lasting(2, sys.stderr)


def _lasting(number: int, stream: TextIO | None) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(Sink(number)),
        encoding=stream.encoding if stream is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=number == 2 or os.isatty(number),
    )


def flush_output() -> None:
    """Hand on what was printed. Raises `OutsideError` where it is lost, and a reader still waits for it."""
    sys.stdout.flush()
    sink = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(sink, Sink) and sink.failure is not None:
        raise OutsideError(
            f"standard output cannot be written: {sink.failure.strerror}",
            hint="free some space where it goes, or send it elsewhere: what it should have held is lost",
        )
