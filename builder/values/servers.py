"""The servers that serve an application: for which of Python's two interfaces, and by which words.

Sources: PEP 3333 (WSGI), the ASGI specification 3.0, and the manuals of the servers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection

from envspec.spec.model import Service

ASGI, WSGI = "ASGI", "WSGI"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """One server, as a distribution brings it."""

    name: str
    """Canonical name of its distribution."""
    interface: str
    """`ASGI` or `WSGI`."""
    words: Callable[[str, bool], tuple[str, ...]]
    """Its words for `module:name`, and whether that is a factory that makes the application."""


def _gunicorn(application: str, factory: bool) -> tuple[str, ...]:
    bound = ("python", "-m", "gunicorn", "--bind", "{host}:{port}", "--workers", "1", "--threads", "4")
    return (*bound, f"{application}()" if factory else application)


def _waitress(application: str, factory: bool) -> tuple[str, ...]:
    return ("python", "-m", "waitress", "--listen={host}:{port}", *_if(factory, "--call"), application)


def _uvicorn(application: str, factory: bool) -> tuple[str, ...]:
    asked = ("python", "-m", "uvicorn", "--host", "{host}", "--port", "{port}")
    return (*asked, *_if(factory, "--factory"), application)


def _hypercorn(application: str, factory: bool) -> tuple[str, ...]:
    called = f"{application}()" if factory else application
    return ("python", "-m", "hypercorn", "--bind", "{host}:{port}", called)


def _granian(interface: str) -> Callable[[str, bool], tuple[str, ...]]:
    def words(application: str, factory: bool) -> tuple[str, ...]:
        asked = ("python", "-m", "granian", "--interface", interface, "--host", "{host}", "--port", "{port}")
        return (*asked, *_if(factory, "--factory"), application)

    return words


def _if(wanted: bool, word: str) -> tuple[str, ...]:
    return (word,) if wanted else ()


SERVERS = (
    Server(name="gunicorn", interface=WSGI, words=_gunicorn),
    Server(name="waitress", interface=WSGI, words=_waitress),
    Server(name="granian", interface=WSGI, words=_granian("wsgi")),
    Server(name="uvicorn", interface=ASGI, words=_uvicorn),
    Server(name="hypercorn", interface=ASGI, words=_hypercorn),
    Server(name="granian", interface=ASGI, words=_granian("asgi")),
)
"""All that are known; of those that a lock has, the first that speaks the interface is taken."""


def server_for(interface: str, locked: Collection[str]) -> Server | None:
    """The server of a lock that speaks an interface; None where it has none."""
    return next((each for each in SERVERS if each.interface == interface and each.name in locked), None)


def server_names(interface: str) -> tuple[str, ...]:
    """What could serve that interface."""
    return tuple(each.name for each in SERVERS if each.interface == interface)


def application_of(service: Service) -> tuple[str, bool]:
    """`module:name` of a service, and whether that is a factory."""
    return service.module.removesuffix("()"), service.module.endswith("()")


def default_words(service: Service) -> tuple[str, ...]:
    """Words that serve it where nothing else is known.

    The embedded speech service knows how to serve itself; any other payload is an application for gunicorn.
    """
    if service.source is None:
        return ("python", "-m", "service", "--host", "{host}", "--port", "{port}")
    return _gunicorn(*application_of(service))
