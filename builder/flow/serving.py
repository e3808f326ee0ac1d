"""How the application of `[service]` is served: by a server of its lock, or a finding that says which."""

from __future__ import annotations

import dataclasses

from builder.flow.project import Project
from builder.values.servers import WSGI, application_of, server_for, server_names
from envspec.lockfile.lock import Lock
from envspec.system import rules
from envspec.system.finding import Finding


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """What serves an application."""

    words: tuple[str, ...] | None = None
    """The words that do; None where they follow from the spec alone."""
    findings: tuple[Finding, ...] = ()


def find_server(project: Project, lock: Lock) -> Serving:
    """What serves the application of the spec's `[service]`; nothing to say where there is none."""
    service = project.spec.service
    if service is None or service.source is None:
        return Serving()
    server = server_for(WSGI, lock.pins)
    if server is None:
        names = server_names(WSGI)
        missing = rules.NO_SERVER.finding(
            f"{service.module} is served as a WSGI application, and the lock has none of {', '.join(names)}",
            hint=f'add "{names[0]}" to the `install` of the last stage',
            where="service.module",
        )
        return Serving(findings=(missing,))
    return Serving(words=server.words(*application_of(service)))
