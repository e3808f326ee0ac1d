"""Makes the tool's home smaller when its user wants it: what was not used for long, and what was used least.

Any number of runs may be under way beside it. What they used since they began stays, and so does what they
hold; what they look for and no longer find, they make anew, as they do with what is damaged.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import time
from collections.abc import Iterable, Iterator, Mapping

from envspec.system import seen
from envspec.system.holdings import Holding, date_of, folder_used, holdings
from envspec.system.home import LOCKS, holding_now, own, remove, tool_home
from envspec.system.kept import DAY, MINUTE
from envspec.system.runs import beginnings
from envspec.system.sweeping import sweep_home


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """What came of it."""

    removed: Mapping[str, tuple[int, int]]
    """Files and bytes by kind."""
    left: int
    """Bytes that the home holds now."""
    running: int
    """How many runs were under way."""
    in_use: int
    """Bytes that would have gone, had no run used them."""

    @property
    def freed(self) -> int:
        """Bytes."""
        return sum(size for _, size in self.removed.values())


def prune_home(
    home: pathlib.Path, *, keep: int | None = None, older: float | None = None, dry: bool = False
) -> Pruned:
    """Remove what was not used for `older` days, then what was used least until `keep` bytes are left.

    What killed runs left goes in any case, and so do the contexts of builds, which every build makes anew.
    The environment of a spec that was used last goes only by its age. `dry` removes nothing and tells what
    would go.

    Raises `OutsideError` and `OSError` where the disk refuses.
    """
    if not dry:
        sweep_home()
    began = beginnings(home)
    found = holdings(home)
    pruning = _Pruning(found, before=min(began, default=time.time() + DAY) - MINUTE, dry=dry)
    least = time.time() - older * DAY if older is not None else 0.0
    going = [each for each in found if each.goes and (each.kind == "contexts" or each.used < least)]
    for each in going:
        pruning.take(each)
    rest = [each for each in found if each.goes and not each.last and each not in going]
    for each in sorted(rest, key=lambda one: one.used):
        if keep is None or pruning.left <= keep:
            break
        pruning.take(each)
    return Pruned(removed=pruning.removed, left=pruning.left, running=len(began), in_use=pruning.in_use)


class _Pruning:
    def __init__(self, found: Iterable[Holding], *, before: float, dry: bool) -> None:
        self._before = before
        self._dry = dry
        self.left = sum(each.size for each in found)
        self.removed: dict[str, tuple[int, int]] = {}
        self.in_use = 0

    def take(self, each: Holding) -> None:
        """Remove one thing, unless a run that is under way may have used it."""
        if each.used >= self._before or not (self._dry or self._remove(each)):
            self.in_use += each.size
            return
        files, size = self.removed.get(each.kind, (0, 0))
        self.removed[each.kind] = files + each.files, size + each.size
        self.left -= each.size

    def _remove(self, each: Holding) -> bool:
        """Whether it is gone: what a run holds, or has used meanwhile, stays."""
        if each.place.is_dir() and not each.place.is_symlink():
            with _held(each) as held:
                if held and folder_used(each.place) < self._before:
                    remove(each.place)
                    seen.forget_tree(each.place)
                    return True
            return False
        if max(date_of(each.place), seen.last_use(each.place)) >= self._before:
            return False
        each.place.unlink(missing_ok=True)
        seen.forget(each.place)
        return True


@contextlib.contextmanager
def _held(each: Holding) -> Iterator[bool]:
    """A folder, held against all others if nobody has it."""
    if each.kind != "uv":
        with holding_now(each.place) as held:
            yield held
        return
    handle = own(tool_home() / LOCKS / "uv.lock", wait=False)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            (tool_home() / LOCKS / "uv.lock").unlink(missing_ok=True)
            os.close(handle)
