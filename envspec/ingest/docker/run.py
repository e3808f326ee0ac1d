"""The commands of a RUN: what each installs, and which of them a spec has no need of."""

from __future__ import annotations

import pathlib
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence

from envspec.ingest.docker import projects
from envspec.ingest.docker.image import Image
from envspec.ingest.docker.programs import (
    APT_VALUES,
    NEEDLESS,
    SHELL,
    UNKNOWN,
    compiles,
    installing,
    is_housekeeping,
    made_environment,
    made_user,
    owned,
    shell_text,
    unwrapped,
)
from envspec.ingest.docker.shell import Command, commands
from envspec.ingest.drafting import Drafting, Step, is_file, is_there, minor_version, refusal
from envspec.ingest.indexes import add_index
from envspec.ingest.pip_options import Option, sorted_words
from envspec.ingest.requirements import Requirements

_CONDITION = "stands under a condition, which only the build knows: add it where it holds"
_RULED_OUT = "stands in a branch that the values in the file rule out"
_COMMAND = "is a command of the build: a spec runs none"
_COMPILED = (
    "is a command of the build: images have what a service is known to load of its packages compiled,"
    " unless the spec says `compile = false`"
)
_OTHER_PACKAGES = (
    "installs packages of another distribution, and a spec names those of Debian: take a base that has them"
)


_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=\S+)?")
_TOOLS = {"pip", "setuptools", "wheel", "uv", "poetry", "pipenv", "pdm", "virtualenv", "hatch", "pip-tools"}
"""What manages environments, and is no part of one."""

NESTED = 5
"""Shells in shells that are read."""


class Runner:
    """Reads the commands of one stage's RUN instructions into steps."""

    def __init__(self, drafting: Drafting, image: Image, context: pathlib.Path) -> None:
        self.drafting = drafting
        self.image = image
        self.context = context
        self.line = 0

    def script(self, text: str, line: int, *, depth: int = 0) -> None:
        """Every simple command of a script. Raises `SpecError`, and `ValueError` beyond all bounds."""
        folder = self.image.workdir
        for command in commands(text, self.image.variables):
            self.line = line + (command.line if depth == 0 else 0)
            goes = command.words[0] == "cd" and command.runs is not False
            if goes and len(command.words) > 1 and "$" not in command.words[1]:
                folder = posixpath.join(folder, command.words[1])
            self._command(command, folder, depth)

    def words(self, words: Sequence[str], line: int) -> None:
        """One command that no shell reads."""
        self.line = line
        if words:
            self._command(Command(words=tuple(words), text=" ".join(words)), self.image.workdir, 0)

    def _command(self, command: Command, folder: str, depth: int) -> None:
        drafting = self.drafting
        words = unwrapped(command.words)
        program = posixpath.basename(words[0]) if words else ""
        if words and command.runs is not False:
            made = made_environment(program, words, self.image.variables)
            if made and "$" not in made:
                self.image.environments.append(posixpath.normpath(posixpath.join(folder, made)))
        if not words or program in NEEDLESS:
            drafting.carry(command.text, self.line)
        elif command.runs is False:
            drafting.leave(command.text, self.line, _RULED_OUT)
        elif SHELL.fullmatch(words[0]) and (inner := shell_text(words)) is not None:
            if command.runs is None:
                drafting.leave(command.text, self.line, _CONDITION)
            elif depth >= NESTED:
                drafting.leave(command.text, self.line, "is a shell in a shell in a shell")
            else:
                self.script(inner, self.line, depth=depth + 1)
        elif (reader := self._reader(program, words)) is not None:
            if command.runs is None:
                drafting.leave(command.text, self.line, _CONDITION)
                return
            _with_settings(self.image.variables, command.settings, lambda: reader(command, folder))
        elif program in {"useradd", "adduser"} and (user := made_user(words)):
            self.image.users |= user
            drafting.carry(command.text, self.line)
        elif (given := owned(program, words)) is not None:
            self._own(command, *given, folder)
        elif compiles(program, words):
            drafting.leave(command.text, self.line, _COMPILED)
        elif is_housekeeping(program, words):
            drafting.carry(command.text, self.line)
        else:
            drafting.leave(command.text, self.line, _COMMAND)

    def _own(self, command: Command, owner: str, places: Sequence[str], folder: str) -> None:
        """Give what was copied below some places to a user, as `chown` does."""
        found = False
        for place in places:
            below = posixpath.normpath(posixpath.join(folder, place))
            found |= self.image.own(below, owner)
        if found and command.runs:
            self.drafting.carry(command.text, self.line)
        else:
            self.drafting.leave(command.text, self.line, _COMMAND)

    def _reader(self, program: str, words: list[str]) -> Callable[[Command, str], None] | None:
        """What reads a command that installs; None for others."""
        drafting = self.drafting
        kind, arguments = installing(program, words)
        if kind is None:
            return None
        if kind == "pip":
            return lambda command, folder: self._pip(command, arguments, folder)
        if kind == "other-packages":
            return lambda command, _: drafting.leave(command.text, self.line, _OTHER_PACKAGES)
        if kind == "export":
            return lambda command, _: self._export(command, program, arguments)
        if kind == "setup":
            return lambda _, folder: self._setup(folder)
        if kind == "uninstall":
            return lambda command, _: self._uninstall(command, arguments)
        if kind == "apt":
            return lambda command, _: self._apt(command, arguments)
        return lambda command, folder: projects.install_project(self, kind, arguments, command.text, folder)

    def new_step(self) -> Step:
        """A step of this stage, with the indexes that its variables name."""
        count = sum(len(image.steps) for image in self.image.ancestors())
        step = Step(name=f"step-{count + 1}")
        for name, kind in (
            ("PIP_INDEX_URL", "index"),
            ("UV_INDEX_URL", "index"),
            ("UV_DEFAULT_INDEX", "index"),
            ("PIP_EXTRA_INDEX_URL", "extra"),
            ("UV_EXTRA_INDEX_URL", "extra"),
            ("UV_INDEX", "extra"),
            ("PIP_FIND_LINKS", "links"),
            ("UV_FIND_LINKS", "links"),
        ):
            for url in self.image.variables.get(name, "").split():
                add_index(self.drafting, step, kind, url.rpartition("=")[2], self.line, shown=f"{name}={url}")
        return step

    def _pip(self, command: Command, arguments: list[str], folder: str) -> None:
        drafting = self.drafting
        step = self.new_step()
        reader = Requirements(drafting, step)
        before = len(drafting.items)
        kept: list[str] = []
        for part in sorted_words(arguments):
            self._pip_part(part, step, reader, folder, kept)
        if kept:
            reader.words(kept, self.context, self.line)
        if constraint := self.image.variables.get("PIP_CONSTRAINT"):
            self._include(
                Option(text=f"PIP_CONSTRAINT={constraint}", kind="constraint", value=constraint),
                reader,
                folder,
            )
        if len(drafting.items) == before:
            drafting.carry(command.text, self.line)
        if step.says_something:
            self.image.steps.append(step)

    def _pip_part(
        self, part: Option | str, step: Step, reader: Requirements, folder: str, kept: list[str]
    ) -> None:
        drafting = self.drafting
        text = part if isinstance(part, str) else part.text
        if "$" in text:
            drafting.leave(text, self.line, UNKNOWN)
        elif isinstance(part, Option):
            step.alone |= part.text in {"--no-deps", "--no-dependencies"}
            if part.why:
                drafting.leave(part.text, self.line, part.why)
            elif part.kind in {"requirement", "constraint", "override"}:
                self._include(part, reader, folder)
            elif part.kind == "editable":
                self._local(part.value, reader, step, folder, editable=True)
            elif part.kind == "group":
                projects.install_project(self, "group", ["--group", part.value], part.text, folder)
            elif part.kind:
                kept += part.text.split(maxsplit=1)
        elif re.split(r"[\[=<>!~ ]", part)[0].lower() in _TOOLS and "/" not in part:
            drafting.carry(part, self.line)
        elif part.startswith((".", "/", "~")) or ("/" in part and "://" not in part and "@" not in part):
            self._local(part, reader, step, folder, editable=False)
        else:
            reader.words([part], self.context, self.line)

    def _include(self, option: Option, reader: Requirements, folder: str) -> None:
        found = self.file(option.value, folder)
        if found is None and option.kind == "requirement" and self._exported(option, folder):
            return
        if found is None:
            why = "is not among the files that the image gets from here"
            self.drafting.leave(option.text, self.line, why)
            return
        self.drafting.carry(option.text, self.line)
        reader.read(found, limits="" if option.kind == "requirement" else option.kind)

    def _export(self, command: Command, program: str, arguments: list[str]) -> None:
        """Remember which requirements a command writes of a project's lock, until something installs them."""
        self.drafting.carry(command.text, self.line)
        self.image.exports.append((program, tuple(arguments)))

    def _exported(self, option: Option, folder: str) -> bool:
        """Install what an earlier command wrote of a project's lock; whether one did."""
        name = posixpath.basename(option.value)
        for program, arguments in reversed(
            [found for image in self.image.whole() for found in image.exports]
        ):
            goals = [word for word in arguments if posixpath.basename(word.rpartition("=")[2]) == name]
            if goals or not any(word.startswith(("-o", "--output")) for word in arguments):
                text = " ".join(word for word in arguments if word not in goals)
                kept = re.sub(r"(^| )(-f|--format)[ =]\S+", "", text).split()
                kept += [] if program == "uv" else ["--no-root"]  # the others never write the project itself
                projects.install_project(self, program, kept, option.text, folder)
                return True
        return False

    def _setup(self, folder: str) -> None:
        """`setup.py install` in a folder of the image, as pip installs that folder."""
        step = self.new_step()
        self._local(folder, Requirements(self.drafting, step), step, folder, editable=False)
        if step.says_something:
            self.image.steps.append(step)

    def file(self, path: str, folder: str) -> pathlib.Path | None:
        """The file of the build's folder that a path of the image means; None where there is none."""
        places = list(self.image.originals(path, folder))
        if not path.startswith("/"):
            places.append(path)
        places += [posixpath.basename(path)] if not places else []
        for place in places:
            found = self.context / place
            if not posixpath.normpath(place).startswith("..") and is_file(found):
                return found
        return None

    def _local(self, text: str, reader: Requirements, step: Step, folder: str, *, editable: bool) -> None:
        """A path of the image that is installed, or an address."""
        shown = f"-e {text}" if editable else text
        if "://" in text:
            reader.words([text], self.context, self.line)
            return
        found = re.fullmatch(r"([^\[\]]*)(\[[^\[\]]*\])?", text)
        path, extras = (found[1], found[2] or "") if found else (text, "")
        original = self._project(path, folder)
        if original is None and not path.startswith(("/", "~", "..")) and is_there(self.context / path):
            original = path
        if original is None:
            if any(image.taken for image in self.image.ancestors()):
                self.drafting.carry(shown, self.line)  # wheels that another stage made
                return
            self.drafting.leave(
                shown, self.line, "is a place of the image that nothing is copied to from here"
            )
            return
        word, why = self.drafting.source(f"{original}{extras}", self.context)
        if why:
            self.drafting.leave(shown, self.line, why)
        else:
            self.drafting.require(step, f"-e {word}" if editable else word, self.line, shown=shown)

    def _project(self, path: str, folder: str) -> str | None:
        """What of the build's folder a path is installed from: the folder of its project's file."""
        for name in ("pyproject.toml", "setup.py", "setup.cfg"):
            for found in self.image.originals(posixpath.join(path, name), folder):
                if is_file(self.context / found):
                    return posixpath.dirname(found) or "."
        return self.image.original(path, folder)

    def _uninstall(self, command: Command, names: list[str]) -> None:
        self.drafting.carry(command.text, self.line)
        wanted = [name for name in names if not name.startswith("-") and "$" not in name]
        steps = [step for image in self.image.ancestors() for step in image.steps]
        if steps:
            steps[-1].uninstalled += wanted

    def _apt(self, command: Command, words: list[str]) -> None:
        drafting = self.drafting
        said = False
        waiting = list(reversed(words))
        while waiting:
            word = waiting.pop()
            if word.startswith("-"):
                if word in APT_VALUES and waiting:
                    waiting.pop()
                continue
            said = True
            bare = re.sub(r":[a-z0-9]+(?==|$)", "", word, count=1) if "=" not in word else word
            why = UNKNOWN if "$" in word else ""
            if not why and (not _PACKAGE.fullmatch(word) or refusal(bare, "apt")):
                why = "is no Debian package that a spec can name"
            if why:
                drafting.leave(word, self.line, why)
            else:
                self.image.apt.append(bare)
                drafting.carry(word, self.line)
                if drafting.python is None and re.fullmatch(r"python3\.\d+", bare):
                    drafting.python = minor_version(bare)
        if not said:
            drafting.carry(command.text, self.line)


def _with_settings(
    variables: dict[str, str], settings: Mapping[str, str], action: Callable[[], None]
) -> None:
    before = {name: variables.get(name) for name in settings}
    variables.update(settings)
    try:
        action()
    finally:
        for name, value in before.items():
            if value is None:
                variables.pop(name, None)
            else:
                variables[name] = value
