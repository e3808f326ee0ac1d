"""Reads a Dockerfile: its last stage, with all that it takes of others."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
from collections.abc import Iterable

from envspec.ingest.docker.copies import Copies, build_folder
from envspec.ingest.docker.image import OWN, Image
from envspec.ingest.docker.instructions import Instruction, instructions, without_heredocs
from envspec.ingest.docker.programs import UNKNOWN, calls_manager
from envspec.ingest.docker.run import Runner
from envspec.ingest.docker.shell import expanded
from envspec.ingest.docker.started import Saying, Started
from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import Drafting, env_refusal, is_file, minor_version, refusal
from envspec.ingest.pins import hashed_pins
from envspec.system.errors import Problem, SpecError
from envspec.system.limits import COPIES, STAGES
from envspec.system.quoting import listed
from envspec.system.reading import read_text

_SCRIPT = 64 << 10
"""Largest script in bytes that is looked into."""

LIMIT = 1 << 20
"""Largest Dockerfile in bytes."""

RELEASES = {
    "bullseye": "3.9",
    "bookworm": "3.11",
    "trixie": "3.13",
    "focal": "3.8",
    "jammy": "3.10",
    "noble": "3.12",
    "resolute": "3.14",
    "20.04": "3.8",
    "22.04": "3.10",
    "24.04": "3.12",
    "26.04": "3.14",
}
"""The Python that a release of Debian or Ubuntu has itself. Source: their package lists."""

PLATFORM = {
    f"{side}{name}": value
    for side in ("TARGET", "BUILD")
    for name, value in (("PLATFORM", "linux/amd64"), ("OS", "linux"), ("ARCH", "amd64"), ("VARIANT", ""))
}
"""What BuildKit gives these arguments on x86-64, which a spec is for where nothing else is said.

Source: https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope.
"""

_PYTHON = re.compile(r"python[:-]?v?(3\.\d+)", re.IGNORECASE)
_PIP_VARIABLES = re.compile(r"(PIP|UV|POETRY|PIPENV|CONDA|VIRTUAL_ENV|DEBIAN_FRONTEND|PATH|PYTHONPATH)(_|$)")
_ASSIGNED = re.compile(r"([A-Za-z_][\w.-]*)=((?:\"(?:\\.|[^\"\\])*\"|'[^']*'|\\.|[^\s\"'\\])*)", re.DOTALL)
_SITE = re.compile(r"(?:/usr(?:/local)?|/[\w./-]*venv)/lib/python3\.\d+/(?:site|dist)-packages(?=/|:|$)")
"""Where an image has its packages; a spec calls it `{site}`."""
_NAMED = re.compile(r"\$\{?([A-Za-z_]\w*)")
"""Variables that a value names."""

_OWN_VARIABLE = "adds to a variable that the image has from elsewhere: the environment has its own"
_OTHER_STAGE = "belongs to a stage of which the last one takes no packages"


def read_dockerfile(file: pathlib.Path, wish: Wish, target: str | None = None) -> Draft:
    """The draft that a Dockerfile's last stage gives, or the one called `target`. Raises `SpecError`."""
    text = read_text(file, LIMIT)
    try:
        found = list(instructions(text))
        return _Reader(file, wish, found).draft(target)
    except ValueError as error:
        raise SpecError(str(file), (Problem(path="", message=f"no Dockerfile: {error}"),)) from error


class _Reader:
    """One pass over the instructions."""

    def __init__(self, file: pathlib.Path, wish: Wish, found: list[Instruction]) -> None:
        self._instructions = found
        self._context = build_folder(file, found, wish)
        name = self._context.name
        self._drafting = Drafting(file, wish, name=name)
        if self._context != file.absolute().parent:
            self._drafting.remark(
                f"paths of the build count from {self._context.name}/, which has what it copies"
            )
        self._images: list[Image] = []
        self._arguments: dict[str, str] = dict(PLATFORM)
        self._copies = Copies(self._drafting, self._context, self._images, self._arguments)
        self._whose: list[tuple[int, int, Image | None]] = []
        """Which items belong to which stage."""

    def draft(self, target: str | None) -> Draft:
        """Read all, then keep what the image has."""
        drafting = self._drafting
        self._find_python()
        for instruction in self._instructions:
            before = len(drafting.items)
            self._read(instruction)
            if len(drafting.items) == before:
                drafting.carry(f"{instruction.name} {instruction.value}", instruction.line)
            self._whose.append((before, len(drafting.items), self._images[-1] if self._images else None))
            if sum(len(image.steps) for image in self._images) > STAGES:
                raise ValueError(f"it installs more than {STAGES} times: a spec has no more stages")
        if not self._images:
            raise ValueError("it has no FROM")
        named = [image for image in self._images if target and image.name == target.lower()]
        last = named[-1] if named else self._images[-1]
        return self._finished(last)

    def _find_python(self) -> None:
        """The Python comes first: markers are decided for it."""
        drafting = self._drafting
        if drafting.python is not None:
            return
        arguments = dict(PLATFORM)
        said: list[tuple[str, str]] = []
        for instruction in self._instructions:
            value = expanded(instruction.value, arguments)
            if instruction.name in {"ARG", "ENV"}:
                arguments |= {name: value for name, value in _assigned(value) if "$" not in value}
            if instruction.name == "FROM":
                said.append(("image", value.split()[0] if value.split() else ""))
            if instruction.name == "RUN":
                text = "\n".join([value, *(body for _, body in instruction.heredocs)])
                for pattern in (
                    r"(?:apt(?:-get)?|conda|mamba)\b[^&;]*\bpython=?(3\.\d+)",
                    r"uv (?:python install|venv)[^&;]*?\b(3\.\d+)",
                ):
                    said += [("command", found[1]) for found in re.finditer(pattern, text)]
        for kind, text in reversed(said):
            tagged = _PYTHON.search(text) if kind == "image" else None
            if tagged or kind == "command":
                drafting.python = minor_version(tagged[1] if tagged else text)
                return
        for kind, text in reversed(said):
            release = next(
                (python for name, python in RELEASES.items() if kind == "image" and name in text), None
            )
            if release:
                drafting.python = release
                drafting.remark(f"python = {release}: that of {text}, as the file names no other")
                return
        drafting.choose_python(None, drafting.file.name)

    def _finished(self, last: Image) -> Draft:
        drafting = self._drafting
        whole = last.whole()
        for begin, end, image in self._whose:
            if image is not None and image not in whole:
                for number in range(begin, end):
                    item = drafting.items[number]
                    if item.carried:
                        drafting.items[number] = type(item)(
                            text=item.text, line=item.line, file=item.file, size=item.size, why=_OTHER_STAGE
                        )
        seen: dict[str, None] = {}
        for image in whole:
            drafting.installs += image.steps
            seen |= dict.fromkeys(image.apt if image in last.ancestors() else ())
        drafting.apt = list(seen)
        self._built_with(last, dict.fromkeys(name for image in whole for name in image.apt))
        for number, step in enumerate(drafting.installs, 1):
            if re.fullmatch(r"step-\d+", step.name):
                step.name = f"step-{number}"
        base = last.ancestors()[0].base
        for image in last.ancestors():
            drafting.env |= image.env
        copies = [copy for image in last.ancestors() for copy in image.copies]
        if not any(saying.name == "USER" for image in last.ancestors() for saying in image.sayings):
            for copy in copies:  # its programs are root, and may write beside their code
                copy.setdefault("owner", OWN)
        if len(copies) > COPIES:
            drafting.remark(f"only the first {COPIES} of {len(copies)} copies are in the spec")
        started = Started(drafting, last).table()
        self._look_into(last, started.get("command", ()))
        return drafting.finish(
            **hashed_pins(drafting),
            image=base if _is_image(base) else None,
            copies=tuple(copies[:COPIES]),
            run=started or dict(drafting.run),
            proposed="" if started else drafting.proposed,
        )

    def _look_into(self, last: Image, words: Iterable[str]) -> None:
        """Say of a script that is started that it wants a tool which no image of a spec has."""
        for word in words:
            file = self._context / (last.original(word) or "")
            if word.startswith("-") or not is_file(file):
                continue
            try:
                called = calls_manager(read_text(file, _SCRIPT))
            except SpecError:  # no text
                continue
            if called:
                self._drafting.remark(
                    f"{word} starts its program by `{called}`, which images of a spec do not have: give"
                    " `[run] command` the words behind it"
                )

    def _built_with(self, last: Image, packages: Iterable[str]) -> None:
        """Keep the Debian packages of stages that only build, where the base is a Debian with that Python."""
        drafting = self._drafting
        more = [name for name in packages if name not in drafting.apt]
        base = last.ancestors()[0].base
        suites = [name for name in re.findall(r"[a-z]+", base) if RELEASES.get(name) == drafting.python]
        if suites:
            drafting.build_apt = more
        elif more:
            drafting.remark(
                f"sources are built with what this machine has, not with {listed(more)} of another stage:"
                f" `build-apt` wants a base that is known to be a Debian with Python {drafting.python}"
            )

    def _read(self, instruction: Instruction) -> None:
        name, drafting = instruction.name, self._drafting
        if name == "FROM":
            self._from(instruction)
            return
        if name == "ARG" and not self._images:
            self._argument(instruction, self._arguments)
            return
        if not self._images:
            raise ValueError(f"line {instruction.line}: {name} stands before the first FROM")
        image = self._images[-1]
        value = expanded(instruction.value, image.variables)
        match name:
            case "ARG":
                self._argument(instruction, image.variables)
            case "ENV":
                self._env(instruction, image)
            case "RUN":
                self._run(instruction, image)
            case "COPY" | "ADD":
                self._copies.copy(instruction, value, image)
            case "WORKDIR":
                image.workdir = image.absolute(value)
                if "$" in value:
                    drafting.leave(f"WORKDIR {value}", instruction.line, "holds a variable without a value")
                else:
                    image.moved = True
                    image.folders.add(image.workdir)
            case "EXPOSE" | "USER" | "CMD" | "ENTRYPOINT" | "HEALTHCHECK" | "STOPSIGNAL" | "VOLUME":
                raw = instruction.value if name in {"CMD", "ENTRYPOINT", "HEALTHCHECK"} else value
                item = len(drafting.items)
                image.sayings.append(Saying(name=name, value=raw, flags=instruction.flags, item=item))
                drafting.carry(" ".join([name, *instruction.flags, instruction.value]), instruction.line)
            case "LABEL" | "MAINTAINER" | "SHELL":
                drafting.aside(f"{name} {instruction.value}", instruction.line)
            case _:
                why = "is for images that begin with this one: a spec has no counterpart"
                drafting.leave(f"{name} {instruction.value}", instruction.line, why)

    def _from(self, instruction: Instruction) -> None:
        words = expanded(instruction.value, self._arguments).split()
        if not words:
            raise ValueError(f"line {instruction.line}: FROM without an image")
        named = words[2].lower() if len(words) > 2 and words[1].upper() == "AS" else ""
        known = {image.name: image for image in self._images if image.name}
        parent = known.get(words[0].lower())
        image = Image(name=named, base=words[0], line=instruction.line, parent=parent)
        if parent is not None:
            image.variables |= parent.variables
            image.workdir, image.moved = parent.workdir, parent.moved
        self._images.append(image)
        text = f"FROM {instruction.value}"
        if parent is None and words[0] != "scratch" and not _is_image(words[0]):
            why = "names its image by a variable without a value" if "$" in words[0] else "is no image's name"
            self._drafting.leave(text, instruction.line, f"{why}: the spec's base is open")
        else:
            self._drafting.carry(text, instruction.line)

    def _argument(self, instruction: Instruction, variables: dict[str, str]) -> None:
        for word in shlex_words(instruction.value):
            name, given, value = word.partition("=")
            if name in PLATFORM:
                variables[name] = PLATFORM[name]
            elif given:
                variables[name] = expanded(value, {**self._arguments, **variables})
            elif name in self._arguments:
                variables[name] = self._arguments[name]
            elif self._images:
                self._images[-1].unset.add(name)

    def _env(self, instruction: Instruction, image: Image) -> None:
        pairs = list(_assigned(instruction.value))
        if not pairs:
            name, _, value = instruction.value.partition(" ")
            pairs = [(name, value.strip())]
        for name, written in pairs:
            unset = {each: "" for stage in image.ancestors() for each in stage.unset}
            value = _SITE.sub("{site}", expanded(written, {**unset, **image.variables}))
            text, line = f"ENV {name}={written}", instruction.line
            own = bool(_PIP_VARIABLES.match(name))
            if "$" not in value:
                image.variables[name] = value
                image.env.pop(name, None)
            if own and not name.startswith(("PATH", "PYTHONPATH")):
                self._drafting.carry(text, line)
            elif "$" in value:
                self._drafting.leave(
                    text, line, _OWN_VARIABLE if set(_NAMED.findall(value)) == {name} else UNKNOWN
                )
            elif why := env_refusal(name, value):
                self._drafting.leave(text, line, why)
            else:
                image.env[name] = value
                self._drafting.carry(text, line)

    def _run(self, instruction: Instruction, image: Image) -> None:
        mounts = [flag for flag in instruction.flags if flag.startswith("--mount=")]
        brought = len(image.brought)
        for mount in mounts:
            self._copies.mount(mount, image)
        runner = Runner(self._drafting, image, self._context)
        value = instruction.value.strip()
        if value.startswith("[") and (words := _exec_form(value)) is not None:
            runner.words(words, instruction.line)
        elif instruction.heredocs:
            bare = without_heredocs(value).strip()
            shell = not bare or re.fullmatch(r"(/\S*/)?(env )?(ba|z|a|da)?sh( -\S+)*", bare)
            for _, body in instruction.heredocs if shell else ():
                runner.script(body, instruction.line + 1)
            if not shell:
                why = "gives a text to a program of the build: a spec runs none"
                self._drafting.leave(f"RUN {value}", instruction.line, why)
        else:
            runner.script(value, instruction.line)
        del image.brought[brought:]


def _exec_form(value: str) -> list[str] | None:
    try:
        words = json.loads(value)
    except (ValueError, RecursionError):
        return None
    good = isinstance(words, list) and all(isinstance(word, str) for word in words)
    return list(words) if good else None


def shlex_words(value: str) -> list[str]:
    """Words without their quotes, whatever they look like."""
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()


def _assigned(value: str) -> list[tuple[str, str]]:
    """Pairs of an ENV, with quotes off."""
    return [
        (name, re.sub(r"\\(.)|[\"']", lambda part: part[1] or "", written))
        for name, written in _ASSIGNED.findall(value)
    ]


def _is_image(name: str) -> bool:
    return not refusal(name, "image") and name != "scratch"
