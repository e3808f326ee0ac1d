"""Reads the `pip install` lines of a Dockerfile, with its base image and Debian packages."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import pathlib
import re
import shlex
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dockerfile_parse import DockerfileParser

from envspec.ingest.draft import Draft, Install, Wish
from envspec.ingest.pip_words import from_words
from envspec.system.errors import Problem, SpecError
from envspec.system.limits import STAGES
from envspec.system.reading import read_bytes

LIMIT = 128 << 10
"""Largest Dockerfile in bytes."""

_PIP = re.compile(
    r"^(?:(?:python|python3|python3\.\d+)\s+-m\s+)?(?:uv\s+)?pip3?(?:\.\d+)?\s+(install|uninstall)\s"
)
_TAG = re.compile(r"python:(3\.\d+)")


def read_dockerfile(file: pathlib.Path, _: Wish) -> Draft:
    """The draft that a Dockerfile's last stage gives. Raises `SpecError`."""
    try:
        parser = DockerfileParser(fileobj=io.BytesIO(read_bytes(file, LIMIT)))
        scripts = _scripts(parser.structure)
        image = parser.baseimage or None
    except ValueError as error:
        raise SpecError(str(file), (Problem(path="", message=f"no Dockerfile: {error}"),)) from error
    installs: list[Install] = []
    apt: list[str] = []
    notes: list[str] = []
    for command in itertools.chain.from_iterable(map(shell_commands, scripts)):
        apt += _apt(command)
        _pip(command, f"step-{len(installs) + 1}", file.parent, installs, notes)
        if len(installs) > STAGES:
            problem = Problem(
                path="", message=f"runs pip more than {STAGES} times: a spec has no more stages"
            )
            raise SpecError(str(file), (problem,))
    tagged = _TAG.search(image or "")
    return Draft(
        name=_name(file),
        python=tagged[1] if tagged else None,
        image=image,
        apt=tuple(dict.fromkeys(apt)),
        installs=tuple(installs),
        remarks=tuple(notes),
    )


def _scripts(lines: Iterable[Mapping[str, str]]) -> list[str]:
    """What the last stage runs, and nothing of those before it is in the image. Raises `ValueError`."""
    variables: dict[str, str] = {}
    scripts: list[str] = []
    room = 8 * LIMIT
    for line in lines:
        value = line["value"]
        match line["instruction"]:
            case "ARG" | "ENV":
                variables |= _assigned(value)
            case "FROM":
                scripts = []
            case "RUN":
                longest = max(map(len, variables.values()), default=0)
                room -= len(value) + value.count("$") * longest
                if room < 0:
                    raise ValueError("its commands are too long with their variables filled in")
                scripts.append(_expanded(value, variables))
    return scripts


def shell_commands(script: str) -> Iterator[str]:
    """The simple commands of a RUN line, in order; JSON-array lines are one command."""
    if script.lstrip().startswith("["):
        with contextlib.suppress(ValueError, RecursionError):
            yield " ".join(map(str, json.loads(script)))
            return
    script = re.sub(r"(?<!\S)--mount=\S+\s", "", script)
    yield from (part.strip() for part in re.split(r"&&|\|\||;|\n", script) if part.strip())


def _assigned(value: str) -> dict[str, str]:
    pairs = dict(re.findall(r'(?<!\w)([A-Za-z_]\w*+)=("[^"]*"|\S+)', value))
    return {name: text.strip('"') for name, text in pairs.items()}


def _expanded(value: str, variables: dict[str, str]) -> str:
    return string.Template(value).safe_substitute(variables)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command, comments=True)
    except ValueError:
        return command.split()


def _apt(command: str) -> list[str]:
    words = _words(command)
    if words[:1] not in (["apt-get"], ["apt"]) or "install" not in words:
        return []
    return [
        word for word in words[words.index("install") + 1 :] if re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", word)
    ]


def _pip(command: str, name: str, folder: pathlib.Path, installs: list[Install], notes: list[str]) -> None:
    found = _PIP.match(f"{command} ")
    if not found:
        return
    words = _words(command[found.end() :])
    if found[1] == "uninstall":
        _uninstall([word for word in words if not word.startswith("-")], installs)
        return
    part, more = from_words(name, words, folder)
    notes.extend(more)
    if part.requirements:
        installs.append(part)


def _uninstall(names: Sequence[str], installs: list[Install]) -> None:
    if installs:
        last = installs.pop()
        installs.append(
            Install(
                name=last.name,
                requirements=last.requirements,
                index_url=last.index_url,
                extra_index_urls=last.extra_index_urls,
                find_links=last.find_links,
                uninstalled=(*last.uninstalled, *names),
            )
        )


def _name(file: pathlib.Path) -> str:
    return file.absolute().parent.name
