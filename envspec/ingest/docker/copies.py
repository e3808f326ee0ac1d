"""What a Dockerfile copies: from the folder that is built, and from its other stages."""

from __future__ import annotations

import json
import pathlib
import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence

import pydantic

from envspec.ingest.docker.image import Brought, Image, holds_packages, matching
from envspec.ingest.docker.instructions import Instruction, without_heredocs
from envspec.ingest.docker.shell import expanded
from envspec.ingest.draft import Wish
from envspec.ingest.drafting import Drafting, is_folder
from envspec.spec.files import Copy


def build_folder(file: pathlib.Path, found: list[Instruction], wish: Wish) -> pathlib.Path:
    """The folder that the build is likely given: the nearest that has most of what is copied."""
    folder = file.absolute().parent
    wanted = [
        word
        for instruction in found
        if instruction.name in {"COPY", "ADD"} and instruction.flag("from") is None
        for word in _copy_words(instruction.value)[:-1]
        if "://" not in word and "$" not in word and word not in {".", "./"}
    ]
    places = [folder, *list(folder.parents)[:2]]
    below = wish.folder.absolute()

    def worth(place: pathlib.Path) -> tuple[int, bool]:
        return sum(bool(matching(place, word)) for word in wanted), _has_project(place, below)

    return max(places, key=worth)


def _has_project(folder: pathlib.Path, below: pathlib.Path) -> bool:
    """Whether a folder has a project, and is one that the spec can name."""
    return folder.is_relative_to(below) and any(
        (folder / name).is_file() for name in ("pyproject.toml", "setup.py", "requirements.txt")
    )


def _copy_words(value: str) -> list[str]:
    bare = without_heredocs(value).strip()
    if bare.startswith("["):
        try:
            words = json.loads(bare)
        except (ValueError, RecursionError):
            words = []
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return list(words)
    try:
        return shlex.split(bare)
    except ValueError:
        return bare.split()


class Copies:
    """Reads COPY and ADD into the stages of one file."""

    def __init__(
        self,
        drafting: Drafting,
        context: pathlib.Path,
        images: Sequence[Image],
        arguments: Mapping[str, str],
    ) -> None:
        """`images` and `arguments` grow while the file is read."""
        self._drafting = drafting
        self._context = context
        self._images = images
        self._arguments = arguments

    def mount(self, mount: str, image: Image) -> None:
        """What a `RUN --mount=type=bind` shows of the build's folder."""
        parts = dict(part.partition("=")[::2] for part in mount.removeprefix("--mount=").split(","))
        if parts.get("type", "bind") != "bind":
            return
        if "from" in parts:
            self._mount_from(parts["from"], parts.get("source") or parts.get("src") or "/", image)
            return
        source = posixpath.normpath((parts.get("source") or parts.get("src") or ".").lstrip("/") or ".")
        goal = parts.get("target") or parts.get("dst") or parts.get("destination") or "."
        folder = is_folder(self._context / source)
        image.brought.append(Brought(source=source, goal=image.absolute(goal), folder=folder))

    def _mount_from(self, origin: str, source: str, image: Image) -> None:
        """Another stage whose packages a command is shown, as wheels that it made."""
        other = self._stage(origin)
        shown = other is not None and (holds_packages(source) or other.installs_into(source))
        if other is not None and shown and any(each.steps for each in other.whole()):
            image.taken.append(other)

    def _stage(self, name: str) -> Image | None:
        """A stage before this one, by its name or number."""
        for number, each in enumerate(self._images[:-1]):
            if name.lower() == each.name or name == str(number):
                return each
        return None

    def copy(self, instruction: Instruction, value: str, image: Image) -> None:
        """Read one instruction. Raises `ValueError` for one that is none."""
        drafting, line = self._drafting, instruction.line
        words = _copy_words(value)
        text = f"{instruction.name} {' '.join([*instruction.flags, *words])}"
        if len(words) < 2 and not instruction.heredocs:
            raise ValueError(f"line {line}: {instruction.name} needs a source and a goal")
        origin = instruction.flag("from")
        if origin is not None:
            self._copy_from(
                expanded(origin, {**self._arguments, **image.variables}), words, text, line, image
            )
            return
        *sources, goal = words
        if instruction.heredocs:
            drafting.leave(text, line, "writes a text: put it into a file, and copy that")
            return
        for source in sources:
            if "://" in source or source.startswith("git@"):
                drafting.leave(
                    f"{instruction.name} {source}", line, "fetches something: put it beside the spec"
                )
            else:
                self._bring(source, goal, len(sources), instruction, image)

    def _bring(self, source: str, goal: str, count: int, instruction: Instruction, image: Image) -> None:
        drafting, line = self._drafting, instruction.line
        text = f"{instruction.name} {source} {goal}"
        places = matching(self._context, source) if "$" not in source + goal else []
        if not places:
            why = (
                "holds a variable without a value"
                if "$" in source + goal
                else f"is not in {self._context.name}/"
            )
            drafting.leave(text, line, why)
            return
        carried = False
        for place in places:
            folder = is_folder(self._context / place)
            to = image.absolute(goal)
            below_it = count > 1 or len(places) > 1 or goal.endswith(("/", "/.")) or goal in {".", "./"}
            into = f"{to.rstrip('/')}/" if below_it or (not folder and image.holds_folder(to)) else to
            image.brought.append(Brought(source=place, goal=into, folder=folder))
            below = drafting.path(place, self._context)
            if below is None or not into.strip("/"):
                continue
            copy = {"from": below.removeprefix("./"), "to": into if not folder else to}
            if owner := image.owner(instruction.flag("chown") or ""):
                copy["owner"] = owner
            mode = instruction.flag("chmod") or ""
            if re.fullmatch(r"0?[0-7]{3,4}", mode):
                copy["mode"] = mode
            if _is_copy(copy):
                image.copies.append(copy)
                carried = True
        if carried:
            drafting.carry(text, line)
        else:
            drafting.leave(text, line, "is outside of the spec's folder, or goes to the root of the image")

    def _copy_from(self, origin: str, words: list[str], text: str, line: int, image: Image) -> None:
        other = self._stage(origin)
        if other is None:
            tool = re.search(r"(^|/)(uv|poetry|pip|python|micromamba)([:@]|$)", origin)
            if tool:
                self._drafting.carry(text, line)
            else:
                self._drafting.leave(
                    text, line, "brings files of another image: add what they are to the spec"
                )
            return
        packed = any(holds_packages(word) or other.installs_into(word) for word in words[:-1])
        packed = packed and any(each.steps for each in other.whole())
        if packed:
            image.taken.append(other)
        known = [self._bring_on(word, words, other, image) for word in words[:-1]]
        if packed or all(known):
            self._drafting.carry(text, line)
        else:
            self._drafting.leave(text, line, "brings what another stage made: make it before, and copy it")

    def _bring_on(self, word: str, words: Sequence[str], other: Image, image: Image) -> bool:
        """Copy on what another stage had of the build's folder at a path; whether it had any."""
        found = [(source, below) for source, below in other.contents(word) if matching(self._context, source)]
        to = image.absolute(words[-1])
        into = words[-1].endswith("/") or len(words) > 2 or image.holds_folder(to)
        for source, below in found:
            folder = is_folder(self._context / source)
            goal = posixpath.join(to, below) if below else f"{to.rstrip('/')}/" if into and not folder else to
            image.brought.append(Brought(source=source, goal=goal, folder=folder))
            place = self._drafting.path(source, self._context)
            if place is not None and goal.strip("/"):
                copy = {"from": place.removeprefix("./"), "to": goal}
                image.copies += [copy] if _is_copy(copy) else []
        return bool(found)


def _is_copy(copy: dict[str, str]) -> bool:
    try:
        Copy.model_validate(copy)
    except pydantic.ValidationError:
        return False
    return True
