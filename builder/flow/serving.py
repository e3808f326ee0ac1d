"""How the application of `[service]` is served: by a server of its lock, or a finding that says which."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import pathlib
import zipfile

from builder.flow.project import Project
from builder.image.loads import top_level_names
from builder.values.payload import payload_root
from builder.values.servers import (
    ASGI,
    SERVERS,
    WSGI,
    Server,
    application_of,
    server_for,
    server_names,
)
from envspec.lockfile.lock import Artifact, Lock
from envspec.proof.application import UnknownError, application_interface
from envspec.spec.model import Service
from envspec.supply.wheel import Wheel, WheelError
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system import rules
from envspec.system.finding import Finding

_LARGEST = 4 << 20
"""Bytes of a module that is read."""
_ARGUMENTS = "GUNICORN_CMD_ARGS"
"""By which gunicorn is told of a worker that speaks another interface than its own. Source: its settings."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """What serves an application."""

    words: tuple[str, ...] | None = None
    """The words that do; None where they follow from the spec alone."""
    findings: tuple[Finding, ...] = ()


def find_server(project: Project, lock: Lock) -> Serving:
    """What serves the application of the spec's `[service]`; nothing to say where there is none.

    Raises `SpecError` where its folder is not there.
    """
    service = project.spec.service
    if service is None or service.source is None:
        return Serving()
    interface, why = _interface(service, project, lock)
    server = _told_worker(service, project, lock) or server_for(interface, lock.pins)
    if server is None and why:
        server = next((each for each in SERVERS if each.name in lock.pins), None)  # what it has is meant
    if server is None:
        return Serving(findings=(_missing(service, interface, why),))
    return Serving(words=server.words(*application_of(service)))


def _interface(service: Service, project: Project, lock: Lock) -> tuple[str, str]:
    """The interface of an application; where it cannot be told WSGI, and why it cannot."""
    application, factory = application_of(service)
    root = payload_root(service.source, project.folder)
    sources = Sources(root, lock, project.store)
    try:
        with contextlib.closing(sources):
            return application_interface(application, factory=factory, read=sources.read), ""
    except UnknownError as error:
        return WSGI, str(error)


def _told_worker(service: Service, project: Project, lock: Lock) -> Server | None:
    """gunicorn, where the spec tells it of a worker for ASGI itself."""
    told = {**project.spec.env, **service.env}.get(_ARGUMENTS, "")
    return server_for(WSGI, {"gunicorn"} & lock.pins.keys()) if "worker" in told or "-k" in told else None


def _missing(service: Service, interface: str, why: str) -> Finding:
    names = server_names(interface)
    said = f"{service.module} is {'a' if interface == WSGI else 'an'} {interface} application"
    if why:
        said = f"whether {service.module} is WSGI or ASGI cannot be told ({why})"
    return rules.NO_SERVER.finding(
        f"{said}, and the lock has no {', '.join(names[:-1])} or {names[-1]}",
        hint=f'add "{names[0]}" to the `install` of the last stage'
        + (f', or "{server_names(ASGI)[0]}" where it is ASGI' if why else ""),
        where="service.module",
    )


class Sources:
    """The source of modules: the payload's own first, then those of the locked wheels that are here."""

    def __init__(self, root: pathlib.Path, lock: Lock, store: Wheelhouse) -> None:
        self._root = root
        self._lock = lock
        self._store = store
        self._opened = contextlib.ExitStack()

    def close(self) -> None:
        """Close the wheels."""
        self._opened.close()

    def read(self, module: str) -> str | None:
        """The text of a module; None where there is none, or none that can be read."""
        path = f"{module.replace('.', '/')}.py"
        own = self._root / path
        try:
            if own.is_file():
                return own.read_text(encoding="utf-8") if own.stat().st_size <= _LARGEST else None
            for wheel in self._wheels(module.partition(".")[0]):
                if path in wheel.library:
                    return wheel.read(wheel.library[path], limit=_LARGEST).decode("utf-8")
        except (OSError, UnicodeDecodeError, WheelError):
            return None
        return None

    def _wheels(self, top: str) -> list[Wheel]:
        return [self._open(artifact) for artifact in self._bringing(top)]

    @functools.cache  # noqa: B019 - it lives as long as one question
    def _bringing(self, top: str) -> tuple[Artifact, ...]:
        """The locked wheels that bring a top-level module: one of its name, which it nearly always is."""
        here = [each for each in self._lock.artifact if self._store.has(each.installed)]
        likely = [each for each in here if each.name.replace("-", "_") == top.lower()]
        return tuple(each for each in likely or here if top in self._names(each))

    def _names(self, artifact: Artifact) -> list[str]:
        try:
            return top_level_names(artifact.installed, self._store)
        except (OSError, zipfile.BadZipFile):
            return []

    @functools.cache  # noqa: B019 - as above
    def _open(self, artifact: Artifact) -> Wheel:
        return self._opened.enter_context(Wheel(self._store.path(artifact.installed)))
