"""The word of a stage that is a source: a folder, an archive or a git repository, written as pip has it.

    ./libs/core[extra]                                     a source tree; with `-e ` in front, editable
    ./wheels/x-1.0-py3-none-any.whl                        a wheel or a source distribution by path
    x @ https://host/x-1.0.tar.gz#sha256=...               the same by address
    x @ git+https://host/x.git@v1#subdirectory=pkg         a revision of a git repository

Source: PEP 508 and PEP 610; https://pip.pypa.io/en/stable/topics/vcs-support/.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import urllib.parse
from typing import Annotated, Literal

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from pydantic import AfterValidator

from envspec.spec.types import Line, bounded, relative_path
from envspec.system.limits import PARENTHESES, REQUIREMENT
from envspec.system.quoting import shortened

Kind = Literal["tree", "file", "url", "git"]

ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
"""Endings of wheels and of archives that a wheel can be built from."""

_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s+|=)(\S.*)")
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_NAMED = re.compile(rf"({_NAME})\s*(?:\[([^\[\]]*)\])?\s*@\s*(\S.*)")
_WITH_EXTRAS = re.compile(r"(.*?)\s*(?:\[([^\[\]]*)\])?")
_SCP = re.compile(r"(?:git\+)?[\w.-]+@[\w.-]+:(?!//)\S*")
_OTHER = re.compile(r"(hg|svn|bzr)\+")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REVISION = re.compile(r"[A-Za-z0-9_][\w./+-]*")
"""Of no form that git would take for an option, or for more than one revision. Source: gitrevisions(7)."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PASSWORD = re.compile(r"://(?!git@)([^/@:\s]*:)?[^/@\s]+@")
"""Who asks, in an address: with a password, or with a token in the place of a name."""
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,254}")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SourceWord:
    """One source, as a stage names it."""

    text: str
    """As it was written."""
    kind: Kind
    place: str
    """Path below the spec's folder, or an address without revision and fragment; of git without `git+`."""
    name: str = ""
    """Canonical name that the word states; empty where it states none."""
    extras: frozenset[str] = frozenset()
    editable: bool = False
    revision: str = ""
    """Of git: a commit, tag or branch; empty for the repository's own choice."""
    subdirectory: str = ""
    """Where the project stands below a repository or an archive."""
    sha256: str = ""
    """What the file must be; empty where the word leaves it open."""
    marker: Marker | None = None

    @property
    def fixed(self) -> bool:
        """Whether the word itself says which bytes are meant; only git and addresses can leave that open."""
        if self.kind == "git":
            return _COMMIT.fullmatch(self.revision) is not None
        return self.kind != "url" or bool(self.sha256)

    @property
    def file_name(self) -> str:
        """Name of the file of a path or an address, decoded."""
        path = (
            urllib.parse.unquote(urllib.parse.urlsplit(self.place).path)
            if "://" in self.place
            else self.place
        )
        return path.rpartition("/")[2]

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel already."""
        return self.kind in {"file", "url"} and self.file_name.endswith(".whl")

    @property
    def shown(self) -> str:
        """What messages call it: as it was written, without marker, fragment and password."""
        text = self.text.partition(" ;")[0].partition("; ")[0].partition("#")[0].strip()
        return without_password(text)

    def requirement(self, name: str) -> Requirement:
        """The same as a requirement of a package by name."""
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        return Requirement(f"{name}{extras}" + (f"; {self.marker}" if self.marker else ""))


def source_word(text: str) -> SourceWord | None:
    """The source that a word of a stage is; None for what can only be a requirement.

    Raises `ValueError` with a sentence for one that means nothing here.
    """
    editable = _EDITABLE.fullmatch(text.strip())
    body = editable[1] if editable else text.strip()
    if not editable and not _is_source(body):
        return None
    body, marker = _without_marker(body)
    if _SCP.fullmatch(body) or _SCP.fullmatch(body.partition(" @ ")[2].strip()):
        raise _wrong(text, "is scp's way to write an address: write git+ssh://git@host/owner/project.git")
    named = _NAMED.fullmatch(body)
    if named is not None and "://" not in named[1]:
        name, extras, place = named[1], _extras(text, named[2]), named[3].strip()
        if "://" not in place:
            raise _wrong(text, "gives a path a name: write the path alone, as in ./libs/core")
    else:
        name, extras, place = "", frozenset[str](), body
    word = SourceWord(text=text, kind="tree", place=place, name=name, extras=extras, marker=marker)
    word = _addressed(word) if "://" in place else _local(word)
    if editable and word.kind != "tree":
        raise _wrong(text, "cannot be editable: only a folder of the spec's can")
    name = canonicalize_name(word.name) if word.name else ""
    if word.kind in {"file", "url"} and not _FILE.fullmatch(word.file_name):
        raise _wrong(text, "has a file name with other than letters, digits and ._+!-")
    if word.is_wheel and (tells := _wheel_name(word)) != name:
        if name:
            raise _wrong(text, f"states {name}, and its file is a wheel of {tells}")
        name = tells
    return dataclasses.replace(word, name=name, editable=bool(editable))


def _wheel_name(word: SourceWord) -> str:
    try:
        return parse_wheel_filename(word.file_name)[0]
    except InvalidWheelFilename as error:
        raise _wrong(word.text, "has no name that a wheel can have") from error


def _is_source(body: str) -> bool:
    before = body.partition(";")[0].strip()
    addressed = "://" in before or _SCP.fullmatch(before) or _NAMED.fullmatch(before)
    return body.startswith((".", "/", "~")) or bool(addressed)


def _without_marker(body: str) -> tuple[str, Marker | None]:
    """A word without its marker, which begins behind a blank where the word has an address (PEP 508)."""
    place = re.search(r"\s;|;\s" if "://" in body else ";", body)
    if place is None:
        return body, None
    text = body[place.start() :].strip().removeprefix(";").strip()
    try:
        return body[: place.start()].strip(), Marker(text)
    except InvalidMarker as error:
        raise _wrong(body, f"has {shortened(repr(text))} behind it, which is no marker") from error


def _extras(text: str, inside: str | None) -> frozenset[str]:
    names = [name.strip() for name in inside.split(",")] if inside and inside.strip() else []
    if wrong := [name for name in names if not re.fullmatch(_NAME, name)]:
        raise _wrong(text, f"asks for {shortened(repr(wrong[0]))}, which is the name of no extra")
    return frozenset(map(canonicalize_name, names))


def _local(word: SourceWord) -> SourceWord:
    """A path, with its extras."""
    found = _WITH_EXTRAS.fullmatch(word.place)
    place = found[1] if found else word.place
    if "[" in place or "]" in place:
        raise _wrong(word.text, "has brackets that belong to no extras")
    if not place.startswith("."):
        if place.startswith(("/", "~")):
            raise _wrong(word.text, "leaves the folder of the spec: begin the path there, as in ./libs/core")
        raise _wrong(word.text, f"is no path: write ./{shortened(place)}")
    try:
        path = relative_path(place)
    except ValueError as error:
        raise _wrong(word.text, "leaves the folder of the spec, or is no path") from error
    extras = _extras(word.text, found[2] if found else None)
    clean = pathlib.PurePosixPath(path).as_posix()
    kind: Kind = "file" if clean.endswith(ARCHIVES) else "tree"
    return dataclasses.replace(word, kind=kind, place=clean, extras=extras)


def _addressed(word: SourceWord) -> SourceWord:
    """An address, with what its fragment says."""
    text, address = word.text, word.place
    if _OTHER.match(address):
        raise _wrong(text, "names a repository that is not git: give a source distribution of it")
    if re.search(r"\s", address):
        raise _wrong(text, "has a blank in its address")
    address, _, fragment = address.partition("#")
    said = _fragment(text, fragment)
    is_git = address.startswith("git+")
    try:
        parts = urllib.parse.urlsplit(address.removeprefix("git+"))
        _ = parts.port
    except ValueError as error:
        colon = "; behind the host stands a slash, not a colon" if is_git else ""
        raise _wrong(text, f"has no address that can be read{colon}") from error
    schemes = {"https", "http", "ssh", "file"} if is_git else {"https", "http"}
    if parts.scheme == "file" and not is_git:
        raise _wrong(
            text, "names a place of one machine: begin the path in the spec's folder, as in ./libs/core"
        )
    if (
        parts.scheme not in schemes
        or not (parts.netloc or parts.scheme == "file")
        or not parts.path.strip("/")
    ):
        raise _wrong(text, f"has no address that begins with {' or '.join(sorted(schemes))}")
    name, extras = word.name, word.extras
    if egg := _WITH_EXTRAS.fullmatch(said.get("egg", "")):
        name, extras = name or egg[1], extras or _extras(text, egg[2])
    if name and not re.fullmatch(_NAME, name):
        raise _wrong(text, f"states {shortened(repr(name))}, which is the name of no package")
    word = dataclasses.replace(
        word,
        name=name,
        extras=extras,
        subdirectory=said.get("subdirectory", ""),
        sha256=said.get("sha256", ""),
    )
    return _of_git(word, parts) if is_git else _of_file(word, parts)


def _of_git(word: SourceWord, parts: urllib.parse.SplitResult) -> SourceWord:
    path, at, revision = parts.path.rpartition("@")
    if not at:
        path, revision = parts.path, ""
    if at and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise _wrong(word.text, f"names {shortened(repr(revision))}, which is no commit, tag or branch")
    if word.sha256:
        raise _wrong(word.text, "has a sha256, which only files have: name the commit behind @")
    if parts.query:
        raise _wrong(word.text, "has a query, which addresses of repositories have not")
    place = urllib.parse.urlunsplit(parts._replace(path=path, fragment=""))
    return dataclasses.replace(word, kind="git", place=place, revision=revision)


def _of_file(word: SourceWord, parts: urllib.parse.SplitResult) -> SourceWord:
    place = urllib.parse.urlunsplit(parts._replace(fragment=""))
    word = dataclasses.replace(word, kind="url", place=place)
    if not word.file_name.endswith(ARCHIVES):
        raise _wrong(
            word.text, "names no wheel (.whl) and no archive (.tar.gz, .zip); a repository begins with git+"
        )
    if word.is_wheel and word.subdirectory:
        raise _wrong(word.text, "names a folder in a wheel, which has none to install")
    return word


def _fragment(text: str, fragment: str) -> dict[str, str]:
    """What is said behind the `#`: `sha256`, `subdirectory` and `egg`."""
    said: dict[str, str] = {}
    for part in fragment.split("&") if fragment else ():
        key, _, value = part.partition("=")
        if key not in {"egg", "subdirectory", "sha256"}:
            raise _wrong(
                text, f"has {shortened(repr(part))} behind #, where sha256, subdirectory and egg may be"
            )
        said[key] = urllib.parse.unquote(value)
    if "sha256" in said and not _SHA256.fullmatch(said["sha256"]):
        raise _wrong(text, "has a sha256 that is not 64 hexadecimal digits")
    if "subdirectory" in said:
        try:
            said["subdirectory"] = pathlib.PurePosixPath(relative_path(said["subdirectory"])).as_posix()
        except ValueError as error:
            raise _wrong(text, "has a subdirectory that leads out of it") from error
    return said


def without_password(text: str) -> str:
    """The text with addresses in which nobody can read who asks."""
    return _PASSWORD.sub(r"://\1***@", text)


def _wrong(text: str, why: str) -> ValueError:
    return ValueError(f"{shortened(without_password(text))!r} {why}")


def _word(text: str) -> str:
    bounded("a requirement", text, REQUIREMENT)
    if text.count("(") > PARENTHESES:
        raise _wrong(text, f": a requirement opens at most {PARENTHESES} parentheses")
    if source_word(text) is not None:
        return text
    if text.startswith("-"):
        raise _wrong(text, "is an option of pip, not a requirement")
    path = text.partition(";")[0].strip()
    if path.endswith(ARCHIVES) and re.search(r"-\d", path):  # a name that a package could have, and none has
        raise _wrong(text, f"is a file's name; a path begins with ./ as in ./{shortened(path)}")
    try:
        Requirement(text)
    except InvalidRequirement as error:
        if "/" in path:
            raise _wrong(
                text, f"is not a requirement; a path begins with ./ as in ./{shortened(path)}"
            ) from error
        raise _wrong(text, "is not a requirement such as 'numpy==1.23.5'") from error
    return text


InstallText = Annotated[Line, AfterValidator(_word)]
"""A word of a stage: a requirement, or a source."""
