"""The relay: through it uv and pip ask the indexes on the network, for the length of a block.

It is a proxy on the loopback address that answers for hosts which exist nowhere else, one for each index, and
one for several that count as one (`envspec.supply.chain`). So a program knows no password and no certificate;
every question is asked with this machine's patience and within its bounds; and what an index refused is known
here, whatever the program makes of it.

    http://<digest of the index's address>.envspec.invalid/<project>/            the page of a project
    http://<digest of the index's address>.envspec.invalid/<project>/<file>      a file of it
    http://<digest of the index's address>.envspec.invalid/                      all files of a page of links
    http://<digest of the index's address>.envspec.invalid/-/<digest>/<file>     a file that is known already

The names are the same in every run, so that what a program keeps by address is found again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import re
import secrets
import threading
import urllib.parse
from collections.abc import Callable, Iterator

import requests
from packaging.utils import canonicalize_name

from envspec.supply.chain import Chain, Groups
from envspec.supply.credentials import plain_address
from envspec.supply.http import http_session
from envspec.supply.listings import Listings, Page
from envspec.supply.local_index import local_files
from envspec.supply.page import RemoteFile, project_of
from envspec.supply.pip_settings import PipSettings, local_path
from envspec.supply.relay_server import DOMAIN, RelayServer
from envspec.system.errors import OutsideError

_OURS = re.compile(rf"http://[0-9a-f]{{16}}{re.escape(DOMAIN)}/")
_FORM = "1"
"""Enters the names: pages that a program kept of another form are not found again."""

_NOWHERE = 9
"""A port at which nobody answers, as long as the relay does not run."""

NETWORK_HINT = "check the network and pip's configuration (`pip config list`)"
PASSWORD_HINT = (
    "give a name and a password that it accepts: a line in ~/.netrc, "  # noqa: S105 - it says where it goes
    "`machine HOST login NAME password PASSWORD`, in its address, or in a keyring"
)


class Relay:
    """Answers programs for the indexes of one machine. Safe for any number of programs at once."""

    def __init__(
        self, machine: PipSettings, listings: Listings, session: Callable[[], requests.Session]
    ) -> None:
        """`machine` is how pip is set up; `session` gives the one to ask for files with."""
        self.listings = listings
        self.session = session
        self.trouble: dict[str, str] = {}
        """What could not be asked, with the reason: sentences by the address asked for."""
        self.token = secrets.token_urlsafe(18)
        self._chains: dict[str, Chain] = {}
        self._pages: dict[tuple[str, str], Page] = {}
        self._names = {url: f"index {name}" for url, name in machine.named.items()}
        self._pages_of_links = {place for place in machine.find_links if local_path(place) is None}
        self._alone: dict[tuple[str, str], RemoteFile] = {}
        self._machine = machine
        self._port = _NOWHERE

    @property
    def machine(self) -> PipSettings:
        """pip's settings for programs that ask through the relay."""
        given = dataclasses.replace(
            self._machine,
            index_url=self.chain(self._machine.default_groups) or self.index(self._machine.index_url),
            first_index_urls=(),
            last_index_urls=(),
            extra_index_urls=(),
            find_links=tuple(map(self.index, self._machine.find_links)),
            redirects={},
            named={},
        )
        hosts = (*self._machine.trusted_hosts, *(f"{key}{DOMAIN}" for key in self._chains))
        return dataclasses.replace(
            given, trusted_hosts=hosts, relay=f"http://envspec:{self.token}@127.0.0.1:{self._port}"
        )

    @property
    def is_local(self) -> bool:
        """Whether all indexes behind `default` are folders, so that asking them is no use of a network."""
        return all(local_path(url) is not None for url in self._machine.default_urls)

    def index(self, url: str, name: str = "") -> str:
        """The address by which programs ask for an index; the same where it is on this machine.

        `name` is what messages call it.
        """
        if not url or local_path(url) is not None or _is_ours(url):
            return url
        if name:
            self._names[url] = f"index {name}"
        return self._host(((url,),))

    def chain(self, groups: Groups) -> str:
        """The address by which programs ask for several indexes as for one; empty for none."""
        urls = Chain(groups).urls
        return self.index(urls[0]) if len(urls) == 1 else self._host(groups) if urls else ""

    def _host(self, groups: Groups) -> str:
        key = _key("|".join(" ".join(map(_plain, group)) for group in groups))
        self._chains[key] = Chain(groups)
        return f"http://{key}{DOMAIN}/"

    def links(self, url: str) -> str:
        """The same for a page of links."""
        if local_path(url) is None:
            self._pages_of_links.add(url)
        return self.index(url)

    def file(self, remote: RemoteFile) -> RemoteFile:
        """A file that is known already, as programs ask for it."""
        if local_path(remote.url) is not None:
            return remote
        host = self.index(urllib.parse.urljoin(remote.url, "/"))
        folder = f"-/{_key(_plain(remote.url))}"
        self._alone[urllib.parse.urlsplit(host).netloc, f"/{folder}/{remote.file}"] = remote
        return dataclasses.replace(remote, url=f"{host}{folder}/{urllib.parse.quote(remote.file)}")

    def meant(self, url: str) -> str:
        """The true address of what programs call so; the same for what is none of the relay's.

        Raises `OutsideError` when its index cannot be asked, or has it no more.
        """
        if not _is_ours(url):
            return url
        parts = urllib.parse.urlsplit(url)
        path = urllib.parse.unquote(parts.path)
        file = path.rpartition("/")[2]
        try:
            return self.found(parts.netloc, path).url
        except KeyError as error:
            raise OutsideError(f"{file} cannot be had: its index has it no more") from error
        except OutsideError as error:
            raise OutsideError(f"{file} cannot be had: {error.message}", hint=error.hint) from error

    def found(self, host: str, path: str) -> RemoteFile:
        """The file at a path. Raises `OutsideError`, and `KeyError` for what nobody offers."""
        if (alone := self._alone.get((host, path))) is not None:
            return alone
        chain = self._chains[host.removesuffix(DOMAIN)]
        _, project, name = path.split("/")
        if chain.urls[0] in self._pages_of_links:
            project = ""
        if (host, project) not in self._pages:
            self._pages[host, project] = chain.page(project or None, None, self._ask) or Page(files=())
        return self._pages[host, project].named[name]

    def page(self, host: str, path: str, known: str | None) -> tuple[str | None, Page | None]:
        """The project that a page's address means, and its page; None where it still has the tag `known`.

        Raises `OutsideError`, and `KeyError` for what is no address of a page.
        """
        chain = self._chains[host.removesuffix(DOMAIN)]
        name = path.strip("/")
        if not name and chain.urls[0] in self._pages_of_links:
            return None, chain.page(None, known, self._ask)
        if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
            raise KeyError(name)
        project = canonicalize_name(name)
        return project, chain.page(project, known, self._ask)

    def _ask(self, index: str, project: str | None, known: str | None) -> Page | None:
        """The page of one index, for a chain."""
        try:
            if (folder := local_path(index)) is not None:
                return Page(files=tuple(local_files(folder, project or "")))
            if project is None or not index.endswith(".html"):
                return self.listings.page(index, project, known)
            linked = self.listings.files(index, None)  # asked once for all projects
            return Page(files=tuple(file for file in linked if project_of(file.file) == project))
        except OutsideError as error:
            what = f"for {project}" if project else "for its links"
            raise OutsideError(f"{self.name(index)} cannot be asked {what}: {error.message}") from error

    def refuse_trouble(self) -> None:
        """Raise `OutsideError` when an index could not be asked, whatever the program made of that."""
        if self.trouble:
            said = "; ".join(list(dict.fromkeys(self.trouble.values()))[:3])
            raise OutsideError(said, hint=PASSWORD_HINT if "(401)" in said else NETWORK_HINT)

    def refuse_failure(self) -> None:
        """The same after a program failed, when a folder that is an index may have been the reason too."""
        self.refuse_trouble()
        for url in self._machine.default_urls:
            path = local_path(url)
            if path is not None and not path.is_dir():
                raise OutsideError(
                    "index default cannot be asked: its folder is not there", hint=NETWORK_HINT
                )

    def name(self, index: str) -> str:
        """What messages call an index."""
        if index in self._names:
            return self._names[index]
        if index in self._pages_of_links:
            return "a page of pip's `find-links`"
        if index != self._machine.index_url and index in self._machine.extra_index_urls:
            return "an index of pip's `extra-index-url`"
        return "index default" if index == self._machine.index_url else "an index"

    @contextlib.contextmanager
    def running(self) -> Iterator[Relay]:
        """The relay, at the service of programs for the length of the block."""
        self.trouble = {}
        with RelayServer(self) as server:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            self._port = server.server_port
            try:
                yield self
            finally:
                self._port = _NOWHERE
                server.shutdown()


@contextlib.contextmanager
def relay_for(machine: PipSettings, note: Callable[[str], None] = lambda _: None) -> Iterator[Relay]:
    """A relay of its own for one program, for the length of the block; `note` is told of long waits."""
    session = functools.cache(lambda: http_session(machine, note=note))
    with Relay(machine, Listings(session), session).running() as relay:
        yield relay


def _plain(url: str) -> str:
    return plain_address(url).rstrip("/")


def _key(text: str) -> str:
    return hashlib.sha256(f"{_FORM} {text}".encode()).hexdigest()[:16]


def _is_ours(url: str) -> bool:
    return _OURS.match(url) is not None
