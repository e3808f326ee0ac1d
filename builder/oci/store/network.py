"""Bytes from the network for the parts of an image that no package index serves."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import requests

from builder.oci.store.compress import CHUNK
from envspec.lockfile.lock import File
from envspec.supply.http import TIMEOUT, failure_in_words, http_session
from envspec.supply.pip_settings import PipSettings
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError

LARGEST = 256 << 20
"""Bytes of one answer that is held in memory."""


class Fetcher(Protocol):
    """What asks the network."""

    def read(self, address: str, *, missing_ok: bool = False) -> bytes | None:
        """The bytes at an address; None when there are none and `missing_ok`. Raises `OutsideError`."""

    def bring(self, address: str, file: File, store: Wheelhouse) -> None:
        """Put the file at an address into the store. Raises `OutsideError`, also for other bytes."""


class Network:
    """Asks over HTTP, as this machine's pip is set up for it."""

    def __init__(self, machine: PipSettings, *, offline: bool = False) -> None:
        self._machine = machine
        self._offline = offline

    def session(self) -> requests.Session:
        """A session for one task, patient with passing failures. Raises `OutsideError` when offline."""
        if self._offline:
            raise OutsideError("it is not on this machine", hint="run once without --offline")
        return http_session(self._machine)

    def read(self, address: str, *, missing_ok: bool = False) -> bytes | None:
        """The bytes at an address, held in memory up to `LARGEST`."""
        name = address.rsplit("/", 1)[-1]
        try:
            with self.session() as session, session.get(address, stream=True, timeout=TIMEOUT) as answer:
                if missing_ok and answer.status_code == requests.codes.not_found:
                    return None
                answer.raise_for_status()
                body = bytearray()
                for chunk in answer.iter_content(CHUNK):
                    body += chunk
                    if len(body) > LARGEST:
                        raise OutsideError(f"{name} is larger than {LARGEST} bytes")
                return bytes(body)
        except requests.RequestException as error:
            raise OutsideError(
                f"{name} did not arrive: {failure_in_words(error)}",
                hint="is the archive or registry reachable? run again",
            ) from error

    def bring(self, address: str, file: File, store: Wheelhouse) -> None:
        """Put the file at an address into the store; a download that broke off goes on in the next run."""
        from envspec.supply.page import RemoteFile  # with readers of package indexes behind it

        with self.session() as session:
            remote = RemoteFile(file=address.rsplit("/", 1)[-1], url=address, sha256=file.sha256)
            store.bring(remote, file, _Connection(session=session))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Connection:
    """One session, as downloads take it."""

    session: requests.Session
    offline: bool = False
