"""Make the table of popular distributions that do not go together anew, from wheels of the index alone.

    python -m envspec.proof.history.refresh [--minutes 20] [--since NAME] [NAME ...]

Of each distribution in `popular.txt` (or of those named) the last versions of its newest series are read:
what their modules take from others whenever they are imported, against what the versions of those have; and
which NumPy their compiled modules were built for. Kept is what a requirement allows and the files do not.
Nothing is installed or run.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import lzma
import pathlib
import time
from collections.abc import Iterable, Iterator, Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from envspec.lockfile.lock import DEFAULT_INDEX
from envspec.proof.abi import numpy
from envspec.proof.history.names import has_name
from envspec.proof.history.table import table
from envspec.proof.history.uses import certain_uses
from envspec.resolve.refusal import version_of
from envspec.resolve.resolver import known_file
from envspec.spec.load import parse_spec
from envspec.supply.page import RemoteFile
from envspec.supply.pip_settings import PipSettings, ask_pip
from envspec.supply.sources import Sources
from envspec.supply.wheel import Wheel
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import EnvspecError
from envspec.system.home import tool_home

HERE = pathlib.Path(__file__).parent
SERIES = 10
"""Series of a provider that are looked at, the newest ones."""
USERS = 4
"""Series of a user, spread over the same time."""
LARGEST = 24 << 20
"""Bytes of a wheel that is fetched."""
MODULE = 4 << 20
"""Bytes of a compiled module that is read for NumPy."""
_TAGS = ("-none-any.whl", "-cp311-", "-cp310-", "-cp39-", "-cp38-", "-abi3-", "-cp312-")
_FOREIGN = ("win", "macosx", "aarch64", "i686", "musllinux", "ppc", "s390")
_SPEC = 'name = "history"\npython = "3.11"\nbase = {host = true}\nstage = [{name = "x", install = ["pip"]}]\n'

Pairs = dict[str, dict[str, dict[str, tuple[str, str, str]]]]


class History:
    """Wheels of the index, series by series."""

    def __init__(self, settings: PipSettings) -> None:
        self._sources = Sources(parse_spec(_SPEC), settings)
        self._store = Wheelhouse(tool_home() / "wheelhouse")

    def series(self, name: str) -> dict[Version, RemoteFile]:
        """The best wheel of the last version of each series, oldest first; none where there is nothing."""
        best: dict[tuple[int, ...], tuple[Version, RemoteFile]] = {}
        with contextlib.suppress(EnvspecError):
            for file in self._sources.files(DEFAULT_INDEX, name):
                version = version_of(file)
                if version is None or version.is_prerelease or file.yanked is not None or not _readable(file):
                    continue
                key = version.release[:2]
                if key not in best or (version, -_rank(file)) > (best[key][0], -_rank(best[key][1])):
                    best[key] = version, file
        return dict(sorted(best.values(), key=lambda pair: pair[0])[-SERIES:])

    @contextlib.contextmanager
    def opened(self, remote: RemoteFile) -> Iterator[Wheel]:
        """The wheel, fetched where it is not here. Raises `EnvspecError`."""
        file = known_file(remote, self._sources, self._store)
        if not self._store.has(file):
            self._store.bring(self._sources.meant(remote), file, self._sources)
        with Wheel(self._store.path(file)) as wheel:
            yield wheel


def _readable(file: RemoteFile) -> bool:
    """Whether it is a wheel that Linux can use, of a size that is worth it."""
    known = any(tag in file.file for tag in _TAGS) and not any(word in file.file for word in _FOREIGN)
    return file.file.endswith(".whl") and known and (file.size or 0) <= LARGEST


def _rank(file: RemoteFile) -> int:
    return next(number for number, tag in enumerate(_TAGS) if tag in file.file)


def find_pairs(
    names: Iterable[str], history: History, until: float, *, since: str = "", known: Pairs | None = None
) -> Pairs:
    """All pairs among some distributions, as far as the time goes.

    What is `known` of users that come before `since`, or after the end of the time, is taken as it is.
    """
    series = {name: history.series(name) for name in names}
    owners = _owners(series, history)
    pairs: Pairs = {**(known or {})}
    begun = not since
    for user, versions in series.items():
        begun |= user == since
        if not begun:
            continue
        pairs.pop(user, None)
        chosen = list(versions.items())
        step = max(1, len(chosen) // USERS)
        for version, remote in chosen[::-step][:USERS]:
            if time.monotonic() > until:
                print(f"the time is over at {user}")  # noqa: T201 — a script's answer
                return pairs
            with contextlib.suppress(EnvspecError), history.opened(remote) as wheel:
                found = dict(_of_user(wheel, series, owners, history))
                if found:
                    key = ".".join(map(str, version.release[:2]))
                    pairs.setdefault(user, {})[key] = found
    return pairs


def _owners(series: Mapping[str, Mapping[Version, RemoteFile]], history: History) -> dict[str, str]:
    """The distribution of each top-level name, as any of its versions has it."""
    owners: dict[str, str] = {}
    for name, versions in series.items():
        for remote in (*list(versions.values())[:1], *list(versions.values())[-1:]):
            with contextlib.suppress(EnvspecError), history.opened(remote) as wheel:
                owners |= {top: name for top in wheel.top_level if top not in owners}
    return owners


def _of_user(
    wheel: Wheel,
    series: Mapping[str, Mapping[Version, RemoteFile]],
    owners: Mapping[str, str],
    history: History,
) -> Iterator[tuple[str, tuple[str, str, str]]]:
    used: dict[str, set[str]] = {}
    for dotted in certain_uses(wheel):
        provider = owners.get(dotted.partition(".")[0])
        if provider and provider != wheel.metadata.name:
            used.setdefault(provider, set()).add(dotted)
    for provider, names in used.items():
        answers = {
            version: told
            for version, remote in series[provider].items()
            if (told := _told(remote, names, history)) is not None
        }
        if pair := _pair(answers, wheel, provider):
            yield provider, pair
    if built := _numpy(wheel):
        allowed = [version for version in series.get("numpy", ()) if _allows(wheel, "numpy", version)]
        good = [version for version in allowed if numpy.fit(built, str(version))]
        bad = [version for version in allowed if version not in good]
        if good and bad and max(good) < max(bad):
            yield "numpy", (str(max(good)), str(min(each for each in bad if each > max(good))), "its ABI")


def _told(remote: RemoteFile, names: Iterable[str], history: History) -> dict[str, bool | None] | None:
    """What a version has of some names; None where it cannot be read."""
    try:
        with history.opened(remote) as wheel:
            return {name: has_name(wheel, name) for name in names}
    except EnvspecError:
        return None


def _pair(
    answers: Mapping[Version, Mapping[str, bool | None]], user: Wheel, provider: str
) -> tuple[str, str, str] | None:
    """The nearest versions on both sides of the boundary, where the requirement allows what breaks."""
    contested = {name for told in answers.values() for name, there in told.items() if there is False}
    good = [version for version, told in answers.items() if all(told[name] for name in contested)]
    bad = {
        version: min(name for name in contested if told[name] is False)
        for version, told in answers.items()
        if any(told[name] is False for name in contested) and _allows(user, provider, version)
    }
    if not good:
        return None
    if above := [version for version in bad if version > max(good)]:
        return str(max(good)), str(min(above)), bad[min(above)]
    if below := [version for version in bad if version < min(good)]:
        return str(min(good)), str(max(below)), bad[max(below)]
    return None


def _allows(user: Wheel, provider: str, version: Version) -> bool:
    """Whether the user's requirements let the version in, those of no extra; others let in everything."""
    for text in user.metadata.requires:
        with contextlib.suppress(InvalidRequirement):
            wanted = Requirement(text)
            optional = wanted.marker is not None and "extra" in str(wanted.marker)
            if canonicalize_name(wanted.name) == provider and not optional:
                return wanted.specifier.contains(version)
    return False


def _numpy(wheel: Wheel) -> numpy.NumpyFacts | None:
    """What the smallest compiled module that speaks to NumPy was built with."""
    sizes = sorted((entry.size, entry.name) for entry in wheel.entries if entry.name.endswith(".so"))
    for size, name in sizes:
        if size > MODULE:
            break
        facts = numpy.read_numpy(wheel.read(name))
        if facts.headers:
            return facts
    return None


def main() -> None:
    """Write `data/pairs.json.xz`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--since", default="", help="the first user that is read; others stay as they are")
    asked = parser.parse_args()
    names = asked.names or (HERE / "popular.txt").read_text().split()
    until = time.monotonic() + asked.minutes * 60
    known = dict(table()["pairs"]) if asked.since else None
    pairs = find_pairs(names, History(ask_pip()), until, since=asked.since, known=known)
    body = {"made": dt.date.today().isoformat(), "pairs": pairs}
    target = HERE / "data" / "pairs.json.xz"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(lzma.compress(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()))
    print(f"{sum(map(len, pairs.values()))} versions, {target.stat().st_size} bytes")  # noqa: T201 — a script's answer


if __name__ == "__main__":
    main()
