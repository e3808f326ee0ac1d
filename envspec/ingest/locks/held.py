"""What every lock gives: its packages as pins for the target, and the spec that belongs to them."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from envspec.ingest.draft import Draft, Pin, PinFile, Wish
from envspec.ingest.drafting import Drafting, Step, is_file, pip_requirement
from envspec.ingest.entries import LOCK_LIMIT, toml_data
from envspec.spec.words import ARCHIVES, SourceWord, source_word
from envspec.system.errors import EnvspecError, Problem, SpecError
from envspec.system.quoting import listed
from envspec.system.reading import read_text

_SHA256 = re.compile(r"[0-9a-f]{64}")

ELSEWHERE = "is held for other machines, extras or groups"
NOT_THERE = "is a folder or file of the project that is not there"


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
    requires: tuple[str, ...] | None = None
    """What it requires, as the lock says; None where the lock does not say."""

    @property
    def text(self) -> str:
        """What notes call it."""
        return f"{self.name} {self.version}".strip()


def is_installed(groups: Any, main: str, drafting: Drafting) -> bool:
    """Whether one of a package's groups is installed: the `main` one, or one that was asked for."""
    if not isinstance(groups, list):
        return True
    names = {canonicalize_name(group) for group in groups if isinstance(group, str)}
    return main in names or bool(names & drafting.wish.picked)


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
                    file=name or file_name(url),
                    url=url if url.startswith(("http://", "https://")) else "",
                    size=size if type(size) is int and size > 0 else None,
                )
            )
    return tuple(found)


def file_name(url: str) -> str:
    """The name of the file that an address leads to."""
    return urllib.parse.unquote(url.partition("#")[0].partition("?")[0].rpartition("/")[2])


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
        _reconcile(drafting, packages, file.name)
    else:
        drafting = Drafting(file, wish)
        drafting.choose_python(allowed, file.name)
        packages = held(drafting)
        _ask_for_all(drafting, packages)
    return _pinned(drafting, packages, file.name)


def _ask_for_all(drafting: Drafting, packages: Iterable[Held]) -> None:
    step = drafting.step("packages")
    asked: set[str] = set()
    for package in packages:
        if package.why or package.name in asked or not (package.source or is_version(package.version)):
            continue
        asked.add(package.name)
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


def _reconcile(drafting: Drafting, packages: Sequence[Held], by: str) -> None:
    """Let the manifest ask for what the lock holds: what is locked counts, as for the tool that wrote it.

    Where the manifest was edited since, its words are changed or left, each with a note.
    """
    here = {canonicalize_name(package.name): package for package in packages if not package.why}  # the last
    for step in drafting.installs:
        step.requirements[:] = list(_agreed(drafting, step, here, by))
    words = [word for step in drafting.installs for word in step.requirements]
    places = {(each.place, each.subdirectory) for each in map(_parsed_source, words) if each}
    for package in here.values():
        word = _parsed_source(package.source)
        if word is not None and (word.place, word.subdirectory) not in places:
            step = _step_of(drafting, "sources")
            step.requirements.append(package.source)
            drafting.remark(f"{by} holds {package.name} as {word.shown}: the spec names it too")


def _agreed(drafting: Drafting, step: Step, here: Mapping[NormalizedName, Held], by: str) -> Iterator[str]:
    for text in step.requirements:
        parsed = pip_requirement(text)
        if parsed is None or (parsed.url and _parsed_source(text) is None):
            yield text
            continue
        package = here.get(canonicalize_name(parsed.name))
        extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
        if package is None and parsed.url:
            yield text
        elif package is None:
            drafting.leave(text, None, f"is not in {by}, which was made before it was asked for", file=by)
        elif package.source:
            yield text if parsed.url else _with_extras(package.source, extras)
        elif parsed.url or (
            is_version(package.version) and not parsed.specifier.contains(package.version, prereleases=True)
        ):
            said = f"{drafting.file.name} asks for {text}, and {by} holds {package.version}"
            drafting.remark(f"{said}: what is locked counts")
            yield f"{package.name}{extras}=={package.version}"
        else:
            yield text


def _with_extras(word: str, extras: str) -> str:
    """A word of a source with extras, where it can have some."""
    if not extras:
        return word
    name, at, place = word.partition(" @ ")
    return f"{name}{extras}{at}{place}" if at else f"{word}{extras}"


def _parsed_source(text: str) -> SourceWord | None:
    try:
        return source_word(text) if text else None
    except ValueError:
        return None


def _step_of(drafting: Drafting, name: str) -> Step:
    return next((step for step in drafting.installs if step.name == name), None) or drafting.step(name)


def _pinned(drafting: Drafting, packages: list[Held], by: str) -> Draft:
    pins: dict[str, Pin] = {}
    for package in packages:
        if package.why:
            drafting.leave(package.text, package.line, package.why, file=by)
            continue
        if not is_version(package.version) and not package.source:
            drafting.leave(package.text, package.line, "has no version that can be read", file=by)
            continue
        name = canonicalize_name(package.name)
        known = pins.get(name)
        drafting.carry(package.text, package.line, file=by)
        if known is not None and known.version != package.version:
            drafting.remark(
                f"{by} holds {name} as {known.version} and {package.version} for one target: the last counts,"
                " which is installed over the other"
            )
            known = None
        files = {file.sha256: file for file in (*(known.files if known else ()), *package.files)}
        requires = dict.fromkeys((*((known and known.requires) or ()), *(package.requires or ())))
        told = package.requires is not None or (known is not None and known.requires is not None)
        word = _parsed_source(package.source)
        pins[name] = Pin(
            name=name,
            version=package.version,
            files=tuple(files.values()),
            index_url=package.index_url or (known.index_url if known else None),
            requires=tuple(requires) if told else None,
            word=package.source,
            commit=word.revision if word is not None and word.kind == "git" and word.fixed else "",
        )
    places = {place_of(pin.word) for pin in pins.values()}
    own = own_pins(drafting, drafting.installs)
    pins |= {pin.name: pin for pin in own if place_of(pin.word) not in places}
    if not pins:
        return drafting.finish()
    if bare := sorted(name for name, pin in pins.items() if not pin.files and not pin.word):
        drafting.remark(
            f"{by} tells no sha256 of {listed(bare)}: the versions are kept, with the index's own files"
        )
    return drafting.finish(pins=tuple(pins.values()), pinned_by=by)


def own_pins(drafting: Drafting, steps: Iterable[Step]) -> list[Pin]:
    """Pins of the trees that steps name, such as the project itself, by the names that these tell."""
    found: dict[str, Pin] = {}
    for step in steps:
        for text in step.requirements:
            word = _parsed_source(text)
            if word is None or word.kind != "tree":
                continue
            name = _project_name(drafting.wish.folder / word.place)
            name = name or (drafting.name if word.place == "." else pathlib.PurePath(word.place).name)
            title = canonicalize_name(name)
            found[title] = Pin(name=title, version="", word=text)
    return list(found.values())


def _project_name(folder: pathlib.Path) -> str:
    """The name that a project's own file tells; empty where it tells none."""
    file = folder / "pyproject.toml"
    try:
        data = toml_data(file, read_text(file, LOCK_LIMIT)) if is_file(file) else {}
    except EnvspecError:
        return ""
    tool = data.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    for table in (data.get("project"), poetry):
        if isinstance(table, dict) and (name := wanted_text(table, "name")):
            return name
    return ""


def wanted_text(entry: Mapping[str, Any], key: str) -> str:
    """A text of a table; empty for anything else."""
    found = entry.get(key)
    return found if isinstance(found, str) else ""


def asked_words(drafting: Drafting) -> list[tuple[str, str, frozenset[str]]]:
    """What a draft installs: canonical name, or the place of a source; version wanted; extras."""
    found: list[tuple[str, str, frozenset[str]]] = []
    picked = [
        step
        for name, steps in drafting.variants.items()
        for step in steps
        if canonicalize_name(name) in drafting.wish.picked
    ]
    for step in (*drafting.installs, *picked):
        for text in step.requirements:
            parsed = pip_requirement(text)
            if parsed is not None:
                found.append(
                    (canonicalize_name(parsed.name), str(parsed.specifier), frozenset(parsed.extras))
                )
            elif (word := _parsed_source(text)) is not None:
                found.append((word.place, "", word.extras))
    return found


def place_of(word: str) -> str:
    """The place of a word that is a source, as `asked_words` gives it; empty for what is none."""
    found = _parsed_source(word)
    return found.place if found is not None and not found.name else ""


def local_word(drafting: Drafting, place: str, *, editable: bool = False) -> tuple[str, str]:
    """The word of a folder or file that a lock names, and why there is none."""
    word, why = drafting.source(place)
    if why:
        return "", why
    there = drafting.folder / place
    if there.name.endswith(ARCHIVES):
        return (word, "") if is_file(there) else ("", NOT_THERE)
    if not any(is_file(there / name) for name in ("pyproject.toml", "setup.py", "setup.cfg")):
        return "", NOT_THERE
    return (f"-e {word}" if editable else word), ""


def git_word(name: str, address: str, commit: str, subdirectory: str = "") -> str:
    """The word of a commit."""
    address = re.sub(r"^(?:git\+)?(?:git@([\w.-]+):(?!//))", r"ssh://git@\1/", address).removeprefix("git+")
    return (
        f"{name} @ git+{address}"
        + (f"@{commit}" if commit else "")
        + (f"#subdirectory={subdirectory}" if subdirectory else "")
    )


def url_word(name: str, url: str, files: Sequence[PinFile], subdirectory: str = "") -> str:
    """The word of a file by its address, with the sha256 where the lock tells it."""
    bare = url.partition("#")[0]
    said = [f"sha256={file.sha256}" for file in files if file.file == file_name(url)][:1]
    said += [f"subdirectory={subdirectory}"] if subdirectory else []
    return f"{name} @ {bare}" + (f"#{'&'.join(said)}" if said else "")
