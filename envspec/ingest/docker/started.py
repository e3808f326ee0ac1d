"""What an image starts, as `[run]` of a spec has it: command, ports, health, user, folder."""

from __future__ import annotations

import dataclasses
import json
import math
import posixpath
import re
import shlex
from typing import Any

import pydantic

from envspec.ingest.docker.image import Image
from envspec.ingest.docker.programs import SHELL, bare_text, unwrapped
from envspec.ingest.docker.shell import expanded
from envspec.ingest.drafting import Drafting
from envspec.spec.program import Program

_NO_COMMAND = "belongs to a program, and the file names none with CMD or ENTRYPOINT"
_REQUEST = re.compile(
    r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(\d{1,5}))?(/[\w/.~%+@:,;=?&-]*)?"
)

_UNSET = re.compile(r"\$(?:\w+|\{\w+\})")
"""A variable that the image does not have, for which a shell puts nothing."""

_ASKED = "has no key in a spec: its images ask every 10 s, and count as unwell after 3 failures"
_NO_TIME = "is no time that a program of a spec can have to start"
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)(ms|us|µs|ns|h|m|s)")
_LONGEST = 86_400
"""Seconds that a program of a spec may have to start."""

_EVERY, _TRIES = 30.0, 3
"""How often engines ask, and after how many failures a program is unwell, where a file does not say it.

Source: https://docs.docker.com/reference/dockerfile/#healthcheck.
"""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Saying:
    """One instruction that says something of the program, and where its item is."""

    name: str
    value: str
    flags: tuple[str, ...]
    item: int


class Started:
    """Makes the table of what the stages say, the last word of each counting."""

    def __init__(self, drafting: Drafting, image: Image) -> None:
        self._drafting = drafting
        self._image = image
        self._sayings = [saying for stage in image.ancestors() for saying in stage.sayings]

    def table(self) -> dict[str, Any]:
        """The table `[run]`; empty where the image starts nothing of its own."""
        command = self._command()
        if not command:
            for saying in self._sayings:
                if saying.name not in {"CMD", "ENTRYPOINT"}:
                    self._leave(saying, _NO_COMMAND)
            return {}
        table: dict[str, Any] = {}
        self._try(table, "command", command, None)
        if not table:
            self._drafting.remark("the image's command is none that a spec can have, and is left out")
            return {}
        self._ports(table)
        if self._image.moved:
            self._try(table, "workdir", self._image.workdir, None)
        for saying in self._sayings:
            match saying.name:
                case "USER":
                    user, _, group = saying.value.partition(":")
                    if (made := self._image.user(user)) is not None:
                        user, group = made, group if made else ""
                    if not user:  # the image's own stands for it
                        table.pop("user", None)
                        continue
                    said = f"{user}:{group}" if group.isdigit() else user
                    self._try(table, "user", said, saying)
                case "STOPSIGNAL":
                    self._try(table, "stop-signal", saying.value, saying)
                case "VOLUME":
                    places = _listed(saying.value) or saying.value.split()
                    self._try(table, "volumes", [*table.get("volumes", []), *places], saying)
                case "HEALTHCHECK":
                    self._health(table, saying)
        checks = [saying for saying in self._sayings if saying.name == "HEALTHCHECK"]
        kept = [saying for saying in checks if self._drafting.items[saying.item].carried]
        if "health" in table and kept:
            self._timing(table, kept[-1])
        return table

    def _command(self) -> list[str]:
        entry: list[str] = []
        arguments: list[str] = []
        for saying in self._sayings:
            if saying.name == "ENTRYPOINT":
                entry, arguments = self._words(saying.value), []
                if not saying.value.lstrip().startswith("[") and len(entry) > 2 and entry[0] == "sh":
                    self._drafting.remark("ENTRYPOINT is a line for a shell, which the spec's command starts")
            elif saying.name == "CMD":
                arguments = self._words(saying.value)
        shell = entry[:2] == ["sh", "-c"]  # a shell's line takes no further words
        words = entry if shell else [*entry, *arguments]
        words = unwrapped(words) if words and words[0] != "env" else words
        if len(words) > 2 and SHELL.fullmatch(words[0]) and words[1] == "-c":
            words = [*words[:2], bare_text(words[2]), *words[3:]]
        return [self._image.program(word) if number == 0 else word for number, word in enumerate(words)]

    def _words(self, value: str) -> list[str]:
        if (listed := _listed(value)) is not None:
            return listed
        text = expanded(value, self._image.variables).removeprefix("exec ").strip()
        if not text:
            return []
        if re.search(r"[;&|<>$`(){}*?\n]", text):
            return ["sh", "-c", value.strip()]
        try:
            return shlex.split(text)
        except ValueError:
            return ["sh", "-c", value.strip()]

    def _ports(self, table: dict[str, Any]) -> None:
        ports: list[int] = []
        for saying in self._sayings:
            if saying.name != "EXPOSE":
                continue
            found = [re.fullmatch(r"(\d{1,5})(/tcp)?", word, re.IGNORECASE) for word in saying.value.split()]
            ports += [int(match[1]) for match in found if match and 0 < int(match[1]) < 65536]
            if not all(found):
                self._leave(saying, "names a port that is no number, or not of TCP")
        ports = list(dict.fromkeys(ports))
        if ports:
            table["port"] = ports[0]
        if ports[1:]:
            table["ports"] = ports[1:]

    def _health(self, table: dict[str, Any], saying: Saying) -> None:
        value = saying.value.strip()
        if value.upper() == "NONE":
            table.pop("health", None)
            return
        said = re.sub(r"^CMD\s+", "", value, flags=re.IGNORECASE)
        words = self._words(said)
        asked = expanded(" ".join(words), self._image.variables)
        request = _REQUEST.search(_UNSET.sub("", asked))
        asks = posixpath.basename(words[0]) in {"curl", "wget", "sh"} if words else False
        port = table.get("port")
        if request and asks and (request[1] is None or port in {None, int(request[1])}):
            if request[1] is not None and port is None:
                table["port"] = int(request[1])
            if "port" in table:
                self._try(table, "health", request[2] or "/", saying)
                return
        if words:
            self._try(table, "health", {"command": words}, saying)

    def _timing(self, table: dict[str, Any], saying: Saying) -> None:
        """How long the program gets to become well; how often it is asked afterwards is named.

        A program is unwell once the start period and all tries behind it have gone by.
        """
        said = {name: value for name, _, value in (flag.partition("=") for flag in saying.flags)}
        line = self._drafting.items[saying.item].line
        if (text := said.pop("--start-period", None)) is not None:
            period, every = seconds(text), seconds(said.get("--interval", "")) or _EVERY
            retries = said.get("--retries", "")
            tries = int(retries) if re.fullmatch(r"[1-9]\d{0,4}", retries) else _TRIES
            whole = math.ceil(period + tries * every) if period is not None else 0
            if 0 < whole <= _LONGEST:
                table["start-timeout"] = whole
                self._drafting.remark(
                    f"start-timeout = {whole}: --start-period={text}, and {tries} tries {every:g} s apart"
                )
                self._drafting.carry(f"--start-period={text}", line)
            else:
                self._drafting.leave(f"--start-period={text}", line, _NO_TIME)
        for name, value in said.items():
            same = (name, value) == ("--retries", "3") or (name, seconds(value)) == ("--interval", 10)
            if same:
                self._drafting.carry(f"{name}={value}", line)
            else:
                self._drafting.leave(f"{name}={value}", line, _ASKED)

    def _try(self, table: dict[str, Any], key: str, value: Any, saying: Saying | None) -> None:
        """Say something, if a program of a spec can have it."""
        try:
            Program.model_validate({**table, key: value})
        except pydantic.ValidationError as error:
            if saying is not None:
                first = error.errors(include_url=False)[0]
                why = (
                    str(first["ctx"]["error"])
                    if first["type"] == "value_error"
                    else "is none that a spec can have"
                )
                self._leave(saying, why)
        else:
            table[key] = value

    def _leave(self, saying: Saying, why: str) -> None:
        items = self._drafting.items
        items[saying.item] = dataclasses.replace(items[saying.item], why=why)


def seconds(text: str) -> float | None:
    """A duration such as `1m30s` in seconds; None for what is none."""
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        return None
    return sum(float(part[1]) * _UNITS[part[2]] for part in parts)


def _listed(value: str) -> list[str] | None:
    """The words of a value in JSON; None for one in words of a shell."""
    if not value.lstrip().startswith("["):
        return None
    try:
        words = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None
