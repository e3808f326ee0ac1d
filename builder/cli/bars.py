"""Progress for people: bars on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envspec.system.foreign import no_commands, readable
from envspec.system.interruption import drawing
from envspec.system.progress import SILENT, Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


class PlainLines(Progress):
    """A line for each step and note."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def step(self, title: str) -> None:
        self._print(f"• {title}")

    def note(self, text: str) -> None:
        self._print(f"  {text}", style="dim")

    def _print(self, line: str, style: str = "") -> None:
        from rich.text import Text  # what others wrote is no markup

        self._console.print(Text(no_commands(readable(line)), style=style), soft_wrap=True)


class LiveBars(PlainLines):
    """Lines for steps, and a bar for each task under way."""

    def __init__(self, console: Console, bars: Bars) -> None:
        super().__init__(console)
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def begin(self, title: str, total: int) -> None:
        with self._lock:
            self._tasks[title] = self._bars.add_task(readable(title), total=total)

    def advance(self, title: str, amount: int) -> None:
        if title in self._tasks:
            self._bars.advance(self._tasks[title], amount)

    def end(self, title: str) -> None:
        with self._lock:
            if title in self._tasks:
                self._bars.remove_task(self._tasks.pop(title))

    def wiped(self) -> str:
        """What takes the bars off the terminal and shows its cursor, when nobody else can do it any more."""
        return "\r\x1b[2K" + "\x1b[1A\x1b[2K" * (len(self._tasks) - 1) + "\x1b[?25h"


@contextlib.contextmanager
def shown_progress(*, quiet: bool) -> Iterator[Progress]:
    """A progress listener on standard error that suits where it goes."""
    if quiet:
        yield SILENT
        return
    from rich.console import Console  # rich takes its time to load: only who is shown something waits

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield PlainLines(console)
        return
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("  {task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        live = LiveBars(console, bars)
        with drawing(live.wiped):
            yield live
