"""How this machine's pip is set up: its indexes, folders of wheels, certificates and proxy.

All of it is honoured and none of it is kept: it never enters a lock, an image or a report.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import functools
import os
import pathlib
import re
import sys
import threading
import urllib.parse
from collections.abc import Iterable, Mapping

from envspec.spec.types import INDEX_VARIABLES, index_variable
from envspec.system.errors import OutsideError
from envspec.system.process import run_process
from envspec.system.public_index import public_index
from envspec.system.quoting import shortened

_OWN = frozenset(
    {
        *("index-url", "extra-index-url", "find-links", "cert", "client-cert", "trusted-host", "proxy"),
        *("no-index", "keyring-provider", "retries", "timeout", "default-timeout", "no-input"),
        *("target", "user", "prefix", "root", "python", "require-virtualenv", "dry-run", "report", "quiet"),
        *("verbose", "log", "disable-pip-version-check", "no-python-version-warning"),
    }
)
"""pip's settings that are read here, or that say how it talks and where it installs: never handed on."""

_ADDRESS = re.compile(r"\b(?!file:)[a-z][a-z0-9+.-]{0,30}://(?P<rest>[^\s'\"<>`)\]]*)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PipSettings:
    """The effective settings of pip on this machine."""

    index_url: str = ""
    """Empty in the settings of no machine at all, which has no index."""
    first_index_urls: tuple[str, ...] = ()
    """The spec's indexes before those two: the first that has a package is the only one asked for it."""
    last_index_urls: tuple[str, ...] = ()
    """Those that are asked in the same way for what all others do not have."""
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    """Folders, or pages, of files that are candidates beside every index."""
    cert: str | None = None
    """File of certificate authorities."""
    client_cert: str | None = None
    """File with the certificate and the key that this machine shows of itself."""
    trusted_hosts: tuple[str, ...] = ()
    """Hosts, as `host` or `host:port`, whose certificates are not asked for."""
    proxy: str | None = None
    no_index: bool = False
    keyring_provider: str = ""
    """Where passwords are asked for that no address has: `import`, `subprocess`; pip's own word for it."""
    redirects: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Where the user sends a named index instead: `ENVSPEC_INDEX_<NAME>`."""
    others: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """pip's further settings for `install`, such as `constraint`, which are pip's alone."""
    named: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What the spec calls those of the indexes that are its own, by address."""
    relay: str | None = None
    """Proxy through which programs ask indexes (`envspec.supply.relay`): then they know no password."""

    @property
    def default_groups(self) -> tuple[tuple[str, ...], ...]:
        """The indexes that stand behind the name `default`, as `envspec.supply.chain` has them."""
        if self.no_index or not self.index_url:
            return ()
        first, last = ([(url,) for url in urls] for urls in (self.first_index_urls, self.last_index_urls))
        return (*first, (self.index_url, *self.extra_index_urls), *last)

    @property
    def default_urls(self) -> tuple[str, ...]:
        """The same, in the order in which they are asked."""
        return tuple(url for group in self.default_groups for url in group)

    def url(self, index: str, declared: str) -> str:
        """Address of a named index: the user's redirection, or what the spec declares."""
        return self.redirects.get(index_variable(index).removeprefix(INDEX_VARIABLES), declared)

    def idle(self, indexes: Iterable[str]) -> tuple[str, ...]:
        """The variables that redirect none of these named indexes: a name may be mistyped."""
        known = {index_variable(index).removeprefix(INDEX_VARIABLES) for index in indexes}
        return tuple(f"{INDEX_VARIABLES}{name}" for name in sorted(self.redirects.keys() - known))

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses that may hold credentials."""
        own = (self.index_url, *self.extra_index_urls)
        indexes = (*self.first_index_urls, *own, *self.last_index_urls)
        return tuple(filter(None, (*indexes, *self.redirects.values(), *self.find_links)))

    def environment(self) -> dict[str, str]:
        """Environment for programs that reach the network, with pip's certificates and proxy."""
        env = dict(os.environ)
        if self.cert:
            env.update(dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), self.cert))
        if self.client_cert:
            env["SSL_CLIENT_CERT"] = self.client_cert
        if self.proxy:
            env.update(dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), self.proxy))
        if self.relay:
            env = {
                name: value for name, value in env.items() if not name.startswith(("PIP_", INDEX_VARIABLES))
            }
            env |= dict.fromkeys(("HTTP_PROXY", "http_proxy"), self.relay)
            env |= dict.fromkeys(("NO_PROXY", "no_proxy"), "")
        return env

    def pip_environment(self) -> dict[str, str]:
        """Environment for a pip that asks these indexes, and has the user's other settings."""
        lists = {
            "INDEX_URL": (self.index_url,),
            "EXTRA_INDEX_URL": self.extra_index_urls,
            "FIND_LINKS": self.find_links,
            "TRUSTED_HOST": self.trusted_hosts,
            "NO_INDEX": ("1",) if self.no_index else (),
        }
        own = {f"PIP_{name.upper().replace('-', '_')}": value for name, value in self.others.items()}
        own |= {f"PIP_{name}": " ".join(values) for name, values in lists.items() if any(values)}
        env = {name: value for name, value in self.environment().items() if not name.startswith("PIP_")}
        return {
            **env,
            **own,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "PIP_RETRIES": "0",  # the relay asks again itself
            "PIP_TIMEOUT": "180",
        }


_ASKING = threading.Lock()


def ask_pip() -> PipSettings:
    """Ask pip itself for its settings, once a run, whichever thread wants them first.

    Raises `OutsideError` where pip cannot read them: to go on without would be to ask another index.
    """
    with _ASKING:
        return _asked()


def ask_pip_ahead() -> None:
    """Begin to ask pip while the run has other things to do: the answer takes a tenth of a second."""

    def ask() -> None:
        with contextlib.suppress(Exception):  # whoever needs the answer asks again, and is told
            ask_pip()

    with contextlib.suppress(RuntimeError):  # no thread can be started
        threading.Thread(target=ask, daemon=True).start()


@functools.cache
def _asked() -> PipSettings:
    done = run_process([sys.executable, "-m", "pip", "config", "list"], timeout=60)
    if not done.ok:
        raise done.refusal or OutsideError(
            f"pip cannot say how it is set up: {shortened(scrub_addresses(done.tail), 1000)}",
            hint="mend the file that it names; `pip config debug` lists all",
        )
    redirects = {
        name.removeprefix(INDEX_VARIABLES): url.strip()
        for name, url in os.environ.items()
        if name.startswith(INDEX_VARIABLES) and url.strip()
    }
    return parse_settings(done.stdout, redirects)


def parse_settings(listing: str, redirects: Mapping[str, str] | None = None) -> PipSettings:
    """The settings in the output of `pip config list`.

    The environment wins over a command's own section, which wins over `global`, as in pip.
    """
    found: dict[str, str] = {}
    for section in ("global.", "install.", ":env:."):
        for line in listing.splitlines():
            key, separator, value = line.partition("=")
            if separator and key.startswith(section):
                found[key.removeprefix(section)] = _unquoted(value)
    return PipSettings(
        index_url=found.get("index-url") or public_index(),
        extra_index_urls=tuple(found.get("extra-index-url", "").split()),
        find_links=tuple(found.get("find-links", "").split()),
        cert=found.get("cert"),
        client_cert=found.get("client-cert"),
        trusted_hosts=tuple(found.get("trusted-host", "").split()),
        proxy=found.get("proxy"),
        no_index=found.get("no-index", "").lower() in {"1", "true", "yes", "on"},
        keyring_provider=found.get("keyring-provider", ""),
        redirects=redirects or {},
        others={name: value for name, value in found.items() if name not in _OWN},
    )


def _unquoted(value: str) -> str:
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # MemoryError: nested too deeply to parse
        return value


def local_path(place: str) -> pathlib.Path | None:
    """The folder or file that an address means on this machine; None when it is on the network."""
    if place.startswith("file:"):
        return pathlib.Path(urllib.parse.unquote(urllib.parse.urlsplit(place).path))
    return None if "://" in place else pathlib.Path(place).expanduser()


def scrub_addresses(text: str) -> str:
    """The text without hosts and credentials: addresses are cut to the file they end in."""
    return _ADDRESS.sub(_cut, text)


def _cut(match: re.Match[str]) -> str:
    """What follows the last `@` begins with the host, and what follows the host's `/` is the path."""
    path = re.split(r"[?#]", match["rest"])[0].rpartition("@")[2].partition("/")[2]
    return f"<{path.rstrip('/').rpartition('/')[2] or 'an address'}>"
