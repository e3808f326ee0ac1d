"""What every lock gives: its packages as pins for the target, and the spec that belongs to them."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envspec.ingest.draft import Draft, Pin, PinFile, Wish
from envspec.ingest.drafting import Drafting, is_file, pip_requirement
from envspec.ingest.entries import LOCK_LIMIT, toml_data
from envspec.system.errors import Problem, SpecError
from envspec.system.reading import read_text

_SHA256 = re.compile(r"[0-9a-f]{64}")

ELSEWHERE = "is held for other machines, extras or groups"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """One package of a lock."""

    name: str
    version: str
    files: tuple[PinFile, ...] = ()
    index_url: str | None = None
    line: int | None = None
    why: str = ""
    """Why it is not for the target; empty where it is."""
    source: str = ""
    """The word by which a spec names it, where it comes from no index: a repository, a folder, an address."""
    extras: tuple[str, ...] = ()
    variant: str = ""
    """The extra or group that alone wants it."""

    @property
    def text(self) -> str:
        """What notes call it."""
        return f"{self.name} {self.version}".strip()


def lock_tables(file: pathlib.Path) -> tuple[dict[str, Any], list[dict[str, Any]], list[int]]:
    """The data of a lock in TOML, its packages, and the line of each. Raises `SpecError`."""
    text = read_text(file, LOCK_LIMIT)
    data = toml_data(file, text)
    packages = data.get("package", data.get("packages", []))
    good = isinstance(packages, list) and all(isinstance(package, dict) for package in packages)
    if not good:
        raise SpecError(str(file), (Problem(path="package", message="must be a list of tables"),))
    lines = [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if re.match(r"\[\[\s*packages?\s*\]\]", line)
    ]
    return data, packages, lines + [0] * (len(packages) - len(lines))


def wrong_lock(file: pathlib.Path, message: str) -> SpecError:
    """The error that a lock cannot be read."""
    return SpecError(str(file), (Problem(path="", message=message),))


def pin_files(entries: Iterable[Any], *, hash_key: str = "hash") -> tuple[PinFile, ...]:
    """The files of a package that have a sha256."""
    found = []
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        hashes = entry.get("hashes")
        digest = hashes.get("sha256") if isinstance(hashes, dict) else entry.get(hash_key)
        digest = str(digest or "").removeprefix("sha256:").lower()
        url = str(entry.get("url") or "")
        name = str(entry.get("file") or entry.get("filename") or entry.get("name") or "")
        size = entry.get("size")
        if _SHA256.fullmatch(digest):
            found.append(
                PinFile(
                    sha256=digest,
                    file=name or url.partition("#")[0].rpartition("/")[2].replace("%2B", "+"),
                    url=url if url.startswith(("http://", "https://")) else "",
                    size=size if type(size) is int and size >= 0 else None,
                )
            )
    return tuple(found)


def is_version(text: str) -> bool:
    """Whether a text is a version."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


Manifest = Callable[[pathlib.Path, Wish], Drafting]


def drafted_lock(
    file: pathlib.Path,
    wish: Wish,
    held: Callable[[Drafting], list[Held]],
    *,
    manifest: tuple[str, Manifest] | None = None,
    allowed: str | None = None,
) -> Draft:
    """The draft of a lock: what its manifest beside it asks for, or else every package of it, pinned.

    `held` gives its packages for the target of the draft. Raises `SpecError`.
    """
    beside = file.absolute().parent / manifest[0] if manifest else None
    if beside is not None and manifest is not None and is_file(beside):
        drafting = manifest[1](beside, wish)
        drafting.items[:] = [
            dataclasses.replace(item, file=item.file or beside.name) for item in drafting.items
        ]
        drafting.remark(f"what is asked for stands in {beside.name} beside {file.name}")
        packages = held(drafting)
    else:
        drafting = Drafting(file, wish)
        drafting.choose_python(allowed, file.name)
        packages = held(drafting)
        _ask_for_all(drafting, packages)
        packages = [dataclasses.replace(package, why=package.why) for package in packages]
    return _pinned(drafting, packages, file.name)


def _ask_for_all(drafting: Drafting, packages: Iterable[Held]) -> None:
    step = drafting.step("packages")
    for package in packages:
        if package.why:
            continue
        extras = f"[{','.join(package.extras)}]" if package.extras else ""
        word = package.source or f"{package.name}{extras}=={package.version}"
        into = drafting.variant(package.variant) if package.variant else step
        if package.index_url and not package.source:
            into = next((each for each in drafting.installs if each.index_url == package.index_url), into)
            if into.index_url != package.index_url and not package.variant:
                into = drafting.step("other-index")
                into.index_url = package.index_url
        _, why = drafting.accepted(word)
        if not why:
            into.requirements.append(word)


def _pinned(drafting: Drafting, packages: list[Held], by: str) -> Draft:
    pins: dict[str, Pin] = {}
    twice: list[str] = []
    bare: list[str] = []
    for package in packages:
        if package.why:
            drafting.leave(package.text, package.line, package.why, file=by)
            continue
        if not is_version(package.version) and not package.source:
            drafting.leave(package.text, package.line, "has no version that can be read", file=by)
            continue
        drafting.carry(package.text, package.line, file=by)
        if package.source:
            continue
        name = canonicalize_name(package.name)
        known = pins.get(name)
        if known is not None and known.version != package.version:
            twice.append(name)
        elif not package.files:
            bare.append(name)
        else:
            files = {file.sha256: file for file in (*(known.files if known else ()), *package.files)}
            pins[name] = Pin(
                name=name,
                version=package.version,
                files=tuple(files.values()),
                index_url=package.index_url,
            )
    for problem, names in (("in two versions", twice), ("without a sha256", bare)):
        if names:
            drafting.remark(
                f"{by} holds {', '.join(sorted(set(names))[:12])} {problem}: its versions are not kept"
            )
    if twice or bare or not pins:
        return drafting.finish()
    return drafting.finish(pins=tuple(pins.values()), pinned_by=by)


def wanted_text(entry: Mapping[str, Any], key: str) -> str:
    """A text of a table; empty for anything else."""
    found = entry.get(key)
    return found if isinstance(found, str) else ""


def asked_names(drafting: Drafting) -> list[tuple[str, frozenset[str]]]:
    """Canonical names and extras of what a draft always installs."""
    found: list[tuple[str, frozenset[str]]] = []
    for step in drafting.installs:
        for text in step.requirements:
            parsed = pip_requirement(text)
            if parsed is not None:
                found.append((canonicalize_name(parsed.name), frozenset(parsed.extras)))
    return found
