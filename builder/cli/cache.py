"""`envspec cache`: what is kept between runs, here and in the engine, and how it is made smaller."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from builder.cli.streams import say_text
from envspec.system.errors import OutsideError
from envspec.system.holdings import Holding, holdings
from envspec.system.home import disk_refusals, tool_home
from envspec.system.keeping import KINDS, UNUSED
from envspec.system.kept import DAY
from envspec.system.pruning import Pruned, prune_home
from envspec.system.quoting import shown
from envspec.system.runs import beginnings

if TYPE_CHECKING:
    from builder.backends.docker.engine import Engine
    from builder.backends.docker.spare import OwnImage

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgt]?)(i?)b?", re.IGNORECASE)
_AGE = re.compile(r"(\d+(?:\.\d+)?) ?([mhdw]?)")
_DAYS = {"m": 1 / 24 / 60, "h": 1 / 24, "d": 1.0, "": 1.0, "w": 7.0}


class Size(click.ParamType):  # type: ignore[type-arg]  # older versions have none
    """A number of bytes, such as `10GB`, `500M` or `1.5GiB`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The bytes."""
        found = _SIZE.fullmatch(str(value).strip())
        if found is None or (found[3] and not found[2]):
            self.fail(f"{value!r} is no size: write 10GB, 500MB or 1.5GiB", param, ctx)
        units = _BINARY if found[3] else _UNITS
        return int(float(found[1]) * units[found[2].lower()])


class Age(click.ParamType):  # type: ignore[type-arg]
    """A time, such as `30d`, `12h` or `2w`."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The days."""
        if isinstance(value, float):
            return value
        found = _AGE.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no age: write 30d, 12h or 2w", param, ctx)
        return float(found[1]) * _DAYS[found[2]]


@click.group(invoke_without_command=True)
@click.pass_context
def cache(ctx: click.Context) -> None:
    """Say what is kept between runs: by kind, with its size and when any of it was used last.

    Deleting it, or any part of it, loses only time.
    """
    if ctx.invoked_subcommand is None:
        home = tool_home()
        with disk_refusals(home):
            lines = [str(home), *_table(holdings(home))]
        say_text("\n".join([*lines, *_engine_lines()]))


@cache.command()
@click.option("--keep", type=Size(), help="How much may stay, as 10GB; what was used least goes first.")
@click.option("--older", type=Age(), help="What was not used for so long goes, as 12h; 30d without --keep.")
@click.option("--dry-run", is_flag=True, help="Say what would go and remove nothing.")
def prune(keep: int | None, older: float | None, dry_run: bool) -> None:
    """Remove what was not used for long, and then what was used least.

    Runs that are under way lose nothing that they use. Images in the engine that a later build took the place
    of go as well. The environment of each spec that was used last goes only by --older.
    """
    if keep is None and older is None:
        older = float(UNUSED)
    home = tool_home()
    with disk_refusals(home):
        done = prune_home(home, keep=keep, older=older, dry=dry_run)
    say_text("\n".join([*pruned_lines(done, keep, dry=dry_run), *_pruned_engine(older, dry=dry_run)]))


def _table(found: Iterable[Holding]) -> Iterator[str]:
    """A line for each kind, the largest first, and one for all."""
    kinds: dict[str, list[Holding]] = {}
    for each in found:
        kinds.setdefault(each.kind, []).append(each)
    what = {kind.place: kind.what for kind in KINDS} | {
        "other": "small notes of the home itself, and what this version does not know"
    }
    rows = [("kind", "files", "size", "last used", "what")]
    rows += [
        (
            kind,
            f"{sum(each.files for each in held):,}",
            shown(sum(each.size for each in held)),
            ago(max(each.used for each in held)),
            what[kind],
        )
        for kind, held in sorted(kinds.items(), key=lambda entry: -sum(each.size for each in entry[1]))
    ]
    every = [each for held in kinds.values() for each in held]
    total, size = sum(each.files for each in every), sum(each.size for each in every)
    rows.append(("all", f"{total:,}", shown(size), "", "`envspec cache prune` makes it smaller"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for kind, files, size_words, used, words in rows:
        numbers = f"{files:>{widths[1]}}  {size_words:>{widths[2]}}"
        yield f"{kind:<{widths[0]}}  {numbers}  {used:<{widths[3]}}  {words}"


def ago(moment: float) -> str:
    """A moment in seconds since 1970 as people say how long ago it was."""
    days = int((time.time() - moment) / DAY)
    return "today" if days < 1 else "yesterday" if days == 1 else f"{days} days ago"


def pruned_lines(done: Pruned, keep: int | None, *, dry: bool) -> Iterator[str]:
    """What was removed, by kind, and what stays that was to go."""
    yield from _removed(done.removed, dry=dry)
    verb = "would be freed" if dry else "freed"
    yield f"{verb}: {shown(done.freed)}; {shown(done.left)} {'would be ' * dry}left"
    if done.in_use:
        runs = "a run" if done.running == 1 else f"{done.running} runs"
        yield (
            f"{shown(done.in_use)} stay, for {runs} under way may use them"
            if done.running
            else (f"{shown(done.in_use)} stay, for somebody holds them")
        )
    elif keep is not None and done.left > keep:
        yield f"that is more than {shown(keep)}: of each spec the environment used last stays"


def _removed(removed: Mapping[str, tuple[int, int]], *, dry: bool) -> Iterator[str]:
    for kind, (files, size) in sorted(removed.items(), key=lambda entry: -entry[1][1]):
        count = "one file" if files == 1 else f"{files:,} files"
        yield f"{'would remove' if dry else 'removed'} {kind}: {count}, {shown(size)}"


def _engine_lines() -> Iterator[str]:
    engine = _engine()
    if engine is None:
        return
    from builder.backends.docker.spare import own_images

    try:
        images = own_images(engine)
    except OutsideError:
        return
    spare = [each for each in images if each.spare]
    words = f"{_images(spare)} a later build took the place of" if spare else "none of them is spare"
    yield f"engine {engine.address.host}: {_images(images)} of ours; {words}"


def _pruned_engine(older: float | None, *, dry: bool) -> Iterator[str]:
    """Remove images that a later build took the place of; what came of it."""
    engine = _engine()
    if engine is None:
        return
    from builder.backends.docker.spare import own_images, remove_spare

    began = min(beginnings(tool_home()), default=time.time())
    try:
        least = min(began, time.time() - (older or 0.0) * DAY)
        spare = [each for each in own_images(engine) if each.spare and each.created < least]
        gone = spare if dry else remove_spare(engine, spare)
    except OutsideError as error:
        yield f"the engine keeps what it has: {error.message}"
        return
    yield f"{'would remove' if dry else 'removed'} from the engine: {_images(gone)}"


def _engine() -> Engine | None:
    """The engine of this machine, where one answers."""
    from builder.backends.docker.engine import Engine  # most who look have none

    engine = Engine()
    try:
        engine.ping()
    except OutsideError:
        return None
    return engine


def _images(images: Iterable[OwnImage]) -> str:
    held = list(images)
    count = "one image" if len(held) == 1 else f"{len(held)} images"
    return f"{count}, {shown(sum(each.size for each in held))}"
