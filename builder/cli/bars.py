"""Progress for people: bars on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from envspec.system.foreign import no_commands, readable
from envspec.system.interruption import drawing
from envspec.system.progress import SILENT, Progress
from envspec.system.quoting import shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


LONG = 1.0
"""Seconds from which it is said how long a step took."""


class PlainLines(Progress):
    """A line for each step and note, and one for how long a step took that was long."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._under_way: tuple[str, float] | None = None

    def step(self, title: str) -> None:
        self.rest()
        self._under_way = title, self._clock()
        self._print(f"• {title}")

    def rest(self) -> None:
        """No step is under way any more."""
        if self._under_way is not None:
            title, began = self._under_way
            if (took := self._clock() - began) >= LONG:
                self._print(f"  {title}: {took:.1f} s", style="dim")
        self._under_way = None

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
        self._begin(title, total, transfer=False)

    def begin_transfer(self, title: str, size: int) -> None:
        self._begin(title, size, transfer=True)

    def _begin(self, title: str, total: int, *, transfer: bool) -> None:
        with self._lock:
            self._tasks[title] = self._bars.add_task(readable(title), total=total, transfer=transfer)

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
        lines = PlainLines(console)
        yield lines
        lines.rest()
        return
    from rich.progress import BarColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    class Amount(ProgressColumn):
        """How much of a task is done, and of a transfer how fast it goes."""

        def render(self, task: Task) -> Text:
            transfer = bool(task.fields["transfer"])
            return Text(amount(task.completed, task.total or 0, task.speed or 0, transfer=transfer))

    columns = (
        TextColumn("  {task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        Amount(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        live = LiveBars(console, bars)
        with drawing(live.wiped):
            yield live
            live.rest()


def amount(done: float, total: float, speed: float, *, transfer: bool) -> str:
    """How much of a task is done: of a transfer in bytes, with those of a second."""
    if not transfer:
        return f"{done:.0f} of {total:.0f}"
    rate = f", {shown(int(speed))}/s" if speed else ""
    return f"{shown(int(done))} of {shown(int(total))}{rate}"
