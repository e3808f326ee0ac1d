"""Reads a Compose file: the service that is built, by its Dockerfile, with what Compose says otherwise.

Source: https://docs.docker.com/reference/compose-file/.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import shlex
from typing import Any

import pydantic

from envspec.ingest.docker.reader import read_dockerfile
from envspec.ingest.draft import Draft, Item, Wish
from envspec.ingest.drafting import env_refusal
from envspec.ingest.entries import Entries, read_yaml
from envspec.spec.load import spelled
from envspec.spec.program import Program
from envspec.system.errors import Problem, SpecError
from envspec.system.quoting import listed, shortened

_TEXTS = {"user": "user", "working_dir": "workdir", "restart": "restart", "stop_signal": "stop-signal"}


def read_compose(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a Compose file gives: of the first service that it builds. Raises `SpecError`."""
    entries = read_yaml(file)
    services = entries.table("services")
    built = [name for name in services if isinstance(services[name], dict) and "build" in services[name]]
    if not built:
        problem = Problem(path="services", message="none of them is built from a Dockerfile")
        raise SpecError(str(file), (problem,))
    reader = _Service(file, entries, built[0])
    draft = reader.draft(wish)
    remarks = draft.remarks
    if built[1:]:
        remarks = (*remarks, f"service {built[0]} was read; others are built too: {listed(built[1:])}")
    for path, size in entries.rest():
        why = "is of another service" if path[:1] == ("services",) and path[1:2] != (built[0],) else ""
        reader.leave(spelled(path), entries.line(*path), why or "is for whoever runs containers", size)
    items = [
        *reader.items,
        *(dataclasses.replace(item, file=item.file or reader.label) for item in draft.items),
    ]
    return dataclasses.replace(draft, name=built[0], items=tuple(items), remarks=remarks)


def interpolated(text: str) -> str:
    """A value with the defaults that it names, as `${PORT:-8000}` does; what has none stays as it is."""
    return _DEFAULT.sub(lambda found: found[1].replace("$$", "$"), text)


_DEFAULT = re.compile(r"\$\{[A-Za-z_]\w*:?-([^${}]*)\}")


class _Service:
    """One service of the file."""

    def __init__(self, file: pathlib.Path, entries: Entries, name: str) -> None:
        self._file = file
        self._entries = entries
        self._path: tuple[str, ...] = ("services", name)
        self.items: list[Item] = []
        self.label = "Dockerfile"

    def leave(self, text: str, line: int | None, why: str, size: int = 1) -> None:
        """Note what is not carried over; with no reason, what is."""
        self.items.append(Item(text=shortened(text), line=line, why=why, size=size))

    def draft(self, wish: Wish) -> Draft:
        """The draft of its Dockerfile, with what the service says over it."""
        entries, path = self._entries, (*self._path, "build")
        found = entries.get(*path)
        context = entries.text(*path) if isinstance(found, str) else entries.text(*path, "context") or "."
        named = "" if isinstance(found, str) else entries.text(*path, "dockerfile")
        target = "" if isinstance(found, str) else entries.text(*path, "target")
        for key, given in (("context", context), ("dockerfile", named), ("target", target)):
            if given and (
                isinstance(found, str) is (key == "context") or entries.get(*path, key) is not None
            ):
                self.leave(f"build {key}: {given}", entries.line(*path), "")
        folder = self._file.absolute().parent / context
        dockerfile = folder / (named or "Dockerfile")
        self.label = dockerfile.name
        draft = read_dockerfile(dockerfile, wish, target or None)
        env, run = dict(draft.env), dict(draft.run)
        for name, written, place in self._variables():
            value = interpolated(written) if written is not None else None
            why = (
                "takes its value from whoever starts it"
                if value is None or "$" in value
                else env_refusal(name, value)
            )
            self.leave(f"{name}={written}", place, why)
            if not why and value is not None:
                env[name] = value
        self._command(run)
        self._ports(run)
        for key, goal in _TEXTS.items():
            if entries.get(*self._path, key) is not None:
                self._try(run, goal, entries.text(*self._path, key), key)
        return dataclasses.replace(draft, env=env, run=run)

    def _variables(self) -> list[tuple[str, str | None, int | None]]:
        entries, path = self._entries, (*self._path, "environment")
        if isinstance(entries.get(*path), list):
            pairs = [(text.partition("="), line) for text, line in entries.texts(*path)]
            return [(part[0], part[2] if part[1] else None, line) for part, line in pairs]
        return [(name, entries.text(*path, name), entries.line(*path, name)) for name in entries.table(*path)]

    def _command(self, run: dict[str, Any]) -> None:
        entries = self._entries
        said: dict[str, list[str]] = {}
        for key in ("entrypoint", "command"):
            found = entries.get(*self._path, key)
            if isinstance(found, list):
                said[key] = [text for text, _ in entries.texts(*self._path, key)]
            elif found is not None:
                try:
                    said[key] = shlex.split(entries.text(*self._path, key))
                except ValueError:
                    said[key] = ["sh", "-c", str(found)]
        if not said:
            return
        words = [*said.get("entrypoint", []), *said.get("command", [])]
        size = sum(entries.size(*self._path, key) for key in said)
        line = entries.line(*self._path, "command")
        if "entrypoint" not in said and run.get("command"):
            self.leave("command", line, "", size=size)
            run["command"] = words
            return
        self._try(run, "command", words, next(iter(said)), size=size)

    def _ports(self, run: dict[str, Any]) -> None:
        """What is published counts over what the image says: that is where the program listens here."""
        ports: list[int] = []
        for key in ("ports", "expose"):
            for number, entry in enumerate(self._entries.list(*self._path, key)):
                place = (*self._path, key, number)
                self._entries.take(*place)
                text = str(entry.get("target", "")) if isinstance(entry, dict) else str(entry)
                found = re.fullmatch(r"(?:[\d.\[\]:]*[:])?(\d{1,5})(?:/tcp)?", interpolated(text).strip())
                why = "" if found and 0 < int(found[1]) < 65536 else "is no port of the program's own"
                self.leave(f"{key} {text}", self._entries.line(*place), why, self._entries.size(*place))
                if found and not why:
                    ports.append(int(found[1]))
        said = run.get("port")
        if ports and run.get("command") and said not in ports:
            run["port"] = ports[0]
        known = dict.fromkeys((*run.get("ports", ()), *ports, *([said] if said else [])))
        more = [port for port in known if port != run.get("port")]
        if more and run.get("command"):
            run["ports"] = more

    def _try(self, run: dict[str, Any], goal: str, value: Any, key: str, *, size: int = 1) -> None:
        line = self._entries.line(*self._path, key)
        why = ""
        try:
            Program.model_validate({**run, goal: value})
        except pydantic.ValidationError:
            why = (
                "is none that a program of a spec can have" if run.get("command") else "belongs to a program"
            )
        else:
            run[goal] = value
        self.leave(f"{key}: {value}", line, why, size)
