"""Two commands run in turn, A B A B …, so that a machine whose speed drifts is fair to both."""

from __future__ import annotations

import dataclasses
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

Step = Callable[[], None]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Seconds of both sides, run by run."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median of theirs divided by ours: how many times faster ours is."""
        return statistics.median(b / a for a, b in zip(self.ours, self.theirs, strict=True))


def timed(step: Step) -> float:
    """Seconds that a step takes."""
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def measure(ours: Step, theirs: Step, *, runs: int, warm_up: int = 1) -> Pair:
    """Run both in turn; the first `warm_up` rounds do not count."""
    rounds = [(timed(ours), timed(theirs)) for _ in range(warm_up + runs)][warm_up:]
    return Pair(ours=tuple(a for a, _ in rounds), theirs=tuple(b for _, b in rounds))


def command(words: Sequence[str], *, env: Mapping[str, str] | None = None) -> Step:
    """A step that runs a command, which must succeed."""

    def step() -> None:
        done = subprocess.run(words, check=False, env=env, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")

    return step


def row(name: str, pair: Pair, other: str) -> str:
    """One line of a table."""
    ours, theirs = statistics.median(pair.ours), statistics.median(pair.theirs)
    return f"{name:28} {ours:8.2f} s   {other:34} {theirs:8.2f} s   {pair.ratio:6.1f}x"
