"""Refresh the table of which Debian package provides which shared library.

    python -m envspec.proof.abi.refresh_sonames bookworm

Asks the mirrors that apt is configured with on this machine (Debian, with its archive keyring) for the
suite's Contents index and writes `data/sonames-SUITE.tsv.gz`. Nothing of the system's own apt state changes.
"""

from __future__ import annotations

import gzip
import pathlib
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator

from envspec.system import process
from envspec.system.errors import OutsideError

DATA = pathlib.Path(__file__).with_name("data")
_FILE = re.compile(r"(?:usr/)?lib/(?:x86_64-linux-gnu/)?(lib[^/\s]+\.so(?:\.[0-9][^/\s]*)?)\s+(\S+)$")
_INDEX = "Acquire::IndexTargets::deb::Contents-deb::"


def main(suite: str) -> pathlib.Path:
    """Write the table of one suite and return its file."""
    with tempfile.TemporaryDirectory() as folder:
        rows = sorted(set(shortest(pairs(_contents(pathlib.Path(folder), suite)))))
    DATA.mkdir(exist_ok=True)
    target = DATA / f"sonames-{suite}.tsv.gz"
    text = "".join(f"{soname}\t{package}\n" for soname, package in rows)
    target.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    return target


def shortest(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Drop `libx.so.1.2.3` where the same package has `libx.so.1`: that link is the soname."""
    of_package: dict[str, set[str]] = {}
    for file, package in pairs:
        of_package.setdefault(package, set()).add(file)
    for package, files in of_package.items():
        for file in files:
            if not any(file.startswith(f"{other}.") for other in files):
                yield file, package


def pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(file, package) of every shared library outside of development packages."""
    for line in lines:
        if match := _FILE.match(line):
            for place in match[2].split(","):  # several may bring it, such as libavcodec59 and -extra59
                package = place.rpartition("/")[2]
                if not package.endswith(("-dev", "-dbg", "-cross")):
                    yield match[1], package


def _contents(folder: pathlib.Path, suite: str) -> Iterator[str]:
    sources = folder / "sources"
    sources.mkdir()
    (folder / "lists" / "partial").mkdir(parents=True)
    (sources / "suite.sources").write_text(_stanza(suite))
    options = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": str(sources),
        "Dir::State::Lists": str(folder / "lists"),
        f"{_INDEX}MetaKey": "$(COMPONENT)/Contents-$(ARCHITECTURE)",
        f"{_INDEX}ShortDescription": "Contents",
        f"{_INDEX}Description": "files of packages",
    }
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    process.run_process(["apt-get", "update", *words], timeout=600, check=True)
    for file in sorted((folder / "lists").glob("*Contents-amd64*")):
        yield from process.run_process(
            ["/usr/lib/apt/apt-helper", "cat-file", file], check=True
        ).stdout.splitlines()


def _stanza(suite: str) -> str:
    """The machine's own Debian source with another suite in it."""
    release = pathlib.Path("/etc/os-release").read_text(encoding="utf-8")
    here = re.search(r"^VERSION_CODENAME=(\S+)$", release, re.MULTILINE)
    for file in sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", file.read_text(encoding="utf-8")):
            if here and re.search(rf"^Suites:.*\b{here[1]}\b", stanza, re.MULTILINE):
                return re.sub(r"^Suites:.*$", f"Suites: {suite}", stanza, flags=re.MULTILINE) + "\n"
    raise OutsideError("no deb822 source of this Debian release is configured in apt here")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(main(name))  # noqa: T201 — a script's answer
