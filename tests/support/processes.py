"""Which processes are there: to see that none is left."""

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Process:
    """A process, told from a later one of the same number by when it started."""

    number: int
    started: str
    parent: int
    command: str

    @property
    def lives(self) -> bool:
        """Whether it is there and no zombie."""
        now = _process(pathlib.Path(f"/proc/{self.number}"))
        return now is not None and now.started == self.started


def running() -> list[Process]:
    """All processes but zombies."""
    found = (_process(place) for place in pathlib.Path("/proc").glob("[0-9]*"))
    return [each for each in found if each is not None]


def below(number: int) -> list[Process]:
    """A process, and all that it has started and that has not left it."""
    everything = running()
    found = [each for each in everything if each.number == number]
    for parent in found:
        found += [each for each in everything if each.parent == parent.number]
    return found


def marked(mark: str) -> list[Process]:
    """The processes that have this text in their environment."""
    found = []
    for each in running():
        with contextlib.suppress(OSError):
            if mark.encode() in pathlib.Path(f"/proc/{each.number}/environ").read_bytes():
                found.append(each)
    return found


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def catches(number: int, signal: int) -> bool:
    """Whether a process has a handler of its own for the signal."""
    with contextlib.suppress(OSError, StopIteration):
        lines = pathlib.Path(f"/proc/{number}/status").read_text().splitlines()
        caught = next(line for line in lines if line.startswith("SigCgt:"))
        return bool(int(caught.split()[1], 16) >> (signal - 1) & 1)
    return False


def _process(place: pathlib.Path) -> Process | None:
    try:
        head, _, tail = (place / "stat").read_text().rpartition(")")
        fields = tail.split()
        command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    return Process(
        number=int(head.split()[0]), started=fields[19], parent=int(fields[1]), command=command[:200]
    )
