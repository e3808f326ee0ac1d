"""Sessions over HTTP as this machine's pip is set up for them: certificates, trusted hosts, proxy, passwords.

What an index may cost is bounded here: how often it is asked, how long is waited, and how much is read.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import email.utils
import functools
import pathlib
import re
import ssl
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import requests
import urllib3.exceptions
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3.exceptions import InsecureRequestWarning
from urllib3.util.retry import Retry
from urllib3.util.ssl_ import create_urllib3_context

from envspec.supply.credentials import Credentials, origin_of
from envspec.supply.pip_settings import PipSettings, scrub_addresses
from envspec.system.errors import OutsideError

TIMEOUT = (10.0, 20.0)
"""Seconds to connect, and to wait for the next bytes."""

ANSWER_SECONDS = 60.0
"""How long a page, or a file's beginning, may take in all: tries, waits, redirections and reading."""

REDIRECTS = 10
"""How often one question may be sent on."""

CHUNK = 1 << 16
"""Bytes read at a time, before they are inflated."""

_PASSING = frozenset({429, 500, 502, 503, 504})
_CONNECTIONS = 64

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How passing failures are borne with."""

    again: int = 4
    """How often a question is asked again that was answered with a passing failure."""
    pause: float = 0.4
    """Seconds before the second time; they double."""
    longest: float = 30.0
    """Seconds that all waits for one question may take, whatever the server asks for."""


PATIENCE = Patience()

_UPLOADS = Retry(
    total=4,
    connect=1,
    backoff_factor=0.4,
    status_forcelist=_PASSING,
    allowed_methods={"PUT", "DELETE"},
    respect_retry_after_header=False,
)
"""For what is no question, and for connections that are not made."""


class _Session(requests.Session):
    """With pip's own setting of certificates before the environment's, as pip has it."""

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        own = self.verify if verify is None and isinstance(self.verify, str) else verify
        merged = super().merge_environment_settings(url, proxies, stream, own, cert)
        chosen = merged["verify"]
        if isinstance(chosen, str) and not pathlib.Path(chosen).exists():
            raise OutsideError(
                f"the environment names certificates that are not there: {chosen}",
                hint="correct REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE",
            )
        return merged

    def rebuild_auth(self, prepared_request: Any, response: requests.Response) -> None:
        """A redirection to another place gets what is known of that place, and nothing else."""
        before, after = origin_of(response.request.url or ""), origin_of(prepared_request.url)
        upgraded = (before[0], before[2], after[0], after[2]) == ("http", 80, "https", 443)
        if before == after or (upgraded and before[1] == after[1]):
            return
        prepared_request.headers.pop("Authorization", None)
        prepared_request.hooks["response"] = []
        if self.auth is not None:
            prepared_request.prepare_auth(self.auth)


class _Patient(HTTPAdapter):
    """Asks again where that may help, within the bounds of its patience."""

    def __init__(self, patience: Patience, note: Callable[[str], None]) -> None:
        super().__init__(pool_maxsize=_CONNECTIONS, max_retries=_UPLOADS)
        self._patience = patience
        self._note = note

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """As requests has it, with certificates that are read once, and not for every connection.

        They belong to the pool from its beginning: several threads share it, and none changes it.
        """
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        file = pool.get("ca_certs", DEFAULT_CA_BUNDLE_PATH if verify is True else None)
        if file and not cert and host["scheme"] == "https":  # one's own would go into what others share
            with contextlib.suppress(OSError):  # what is wrong with the file is said where it is connected
                told = pathlib.Path(file).stat()
                pool["ssl_context"] = _trusting(file, told.st_size, told.st_mtime_ns)
                pool.pop("ca_certs", None)
        return host, pool

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """What the pool has from its beginning need not be said again."""
        if "ssl_context" not in conn.conn_kw:
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]

    def send(self, request: requests.PreparedRequest, *args: Any, **settings: Any) -> requests.Response:
        if request.method not in {"GET", "HEAD"}:
            return super().send(request, *args, **settings)
        left = self._patience.longest
        for number in range(self._patience.again + 1):
            try:
                answer = super().send(request, *args, **settings)
            except requests.ConnectionError as error:
                if number or not self._patience.again or _is_final(error):
                    raise
                wait = self._patience.pause
            else:
                if answer.is_redirect:  # what it says besides is read by nobody, and may have no end
                    _forget(answer)
                asked = retry_after(answer)
                wait = self._patience.pause * 2**number if asked is None else asked
                if answer.status_code not in _PASSING or number == self._patience.again or wait > left:
                    return answer
                answer.close()
                if wait >= 1:
                    self._note(f"an index answers {answer.status_code}: asking again in {wait:.0f} s")
            left -= wait
            time.sleep(wait)
        raise AssertionError  # the last turn returns or raises


class _Unchecked(_Patient):
    """For hosts that the machine's owner trusts without a certificate."""

    def send(self, request: requests.PreparedRequest, *args: Any, **settings: Any) -> requests.Response:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InsecureRequestWarning)
            return super().send(request, *args, **{**settings, "verify": False})


@functools.lru_cache(maxsize=4)
def _trusting(file: str, size: int, changed: int) -> ssl.SSLContext:  # noqa: ARG001 - states of the file
    """What trusts the certificates of a file, as urllib3 would make it for one connection."""
    context = create_urllib3_context()
    context.load_verify_locations(file)
    return context


def _is_final(error: requests.ConnectionError) -> bool:
    """Whether asking again at once would only say the same."""
    final = (requests.exceptions.SSLError, requests.exceptions.ProxyError, requests.Timeout)
    return isinstance(error, final) or "Name or service" in str(error) or "NameResolutionError" in str(error)


def _forget(answer: requests.Response) -> None:
    answer.close()
    answer._content = b""
    answer._content_consumed = True  # type: ignore[attr-defined]


def http_session(
    machine: PipSettings,
    patience: Patience = PATIENCE,
    *,
    note: Callable[[str], None] = lambda _: None,
    addresses: Iterable[str] = (),
) -> requests.Session:
    """A session, patient with passing failures; `note` is told of waits that somebody notices.

    `addresses` are further ones that may hold credentials. Raises `OutsideError` when a file that pip's
    settings name is not there.
    """
    made = _Session()
    made.max_redirects = REDIRECTS
    made.auth = Credentials((*machine.addresses, *addresses), machine.keyring_provider)
    for scheme in ("https://", "http://"):
        made.mount(scheme, _Patient(patience, note))
    for host in machine.trusted_hosts:
        for end in ("/",) if ":" in host else ("/", ":"):
            made.mount(f"https://{host}{end}", _Unchecked(patience, note))
    if machine.cert:
        made.verify = _there(machine.cert, "cert")
    if machine.client_cert:
        made.cert = _there(machine.client_cert, "client-cert")
    if machine.proxy:
        made.proxies = {"http": machine.proxy, "https": machine.proxy}
    return made


def _there(file: str, setting: str) -> str:
    if not pathlib.Path(file).exists():
        raise OutsideError(
            f"pip's setting `{setting}` names a file that is not there: {file}",
            hint=f"correct it (`pip config list`, PIP_{setting.upper().replace('-', '_')})",
        )
    return file


def retry_after(answer: requests.Response) -> float | None:
    """Seconds that an answer asks to wait, given as seconds or as a date (RFC 9110, section 10.2.3)."""
    said = answer.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,12}", said):
        return float(said)
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        moment = email.utils.parsedate_to_datetime(said)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())
    return None


def bounded(work: Callable[[], Result], seconds: float = ANSWER_SECONDS) -> Result:
    """What `work` returns or raises, if that is within so many seconds.

    No time-out of a socket bounds a name server that hangs, or a server that sends one byte at a time.
    Raises `OutsideError` when it takes longer; the work is then left to itself.
    """
    results: list[Result] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again by the thread that waits
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not results:
        raise OutsideError(f"no whole answer in {seconds:.0f} s")
    return results[0]


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """Turns every failure of a request into an `OutsideError` that says it in few words, without hosts."""
    try:
        yield
    except requests.RequestException as error:
        raise OutsideError(failure_in_words(error)) from error
    except urllib3.exceptions.HTTPError as error:
        raise OutsideError(_broken_in_words(error)) from error
    except OSError as error:  # such as certificates of the environment that are not there
        raise OutsideError(scrub_addresses(str(error))) from error
    except (ValueError, UnicodeError) as error:  # such as a redirection to something that is no address
        raise OutsideError("it has no address that could be asked") from error


def read_answer(answer: requests.Response, largest: int) -> bytes:
    """The whole body of a streamed answer, inflated. Raises `OutsideError`, also for what has no end."""
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise OutsideError(f"its answer is packed in a way that was not asked for: {encoding[:20]!r}")
    packed = encoding not in {"", "identity"}
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    body = bytearray()
    with in_words():
        for chunk in stream_answer(answer):
            try:
                piece = inflate.decompress(chunk, largest + 1) if packed else chunk
            except zlib.error as error:
                raise OutsideError("its answer cannot be unpacked") from error
            body += piece
            if len(body) > largest:
                raise OutsideError(f"its answer is larger than {largest >> 20} MB")
    if packed and not inflate.eof:
        raise OutsideError("its answer broke off")
    return bytes(body)


def stream_answer(answer: requests.Response) -> Iterator[bytes]:
    """The body of a streamed answer as it was sent, in pieces, each as soon as it is there."""
    while chunk := answer.raw.read1(CHUNK, decode_content=False):
        yield chunk


def refusal_in_words(answer: requests.Response) -> str | None:
    """What an answer refuses, in few words; None for one that does not."""
    code = answer.status_code
    if code < requests.codes.bad_request:
        return None
    said = {
        401: "it wants a name and a password, or does not accept those that it got (401)",
        403: "it refuses access (403)",
        407: "the proxy wants a name and a password (407)",
    }.get(code, f"it answers {code}")
    if code == requests.codes.too_many_requests:
        said = "it has been asked too often (429)"
    elif code >= requests.codes.server_error:
        said = f"it fails, again and again ({code})" if code in _PASSING else f"it fails ({code})"
    if (wait := retry_after(answer)) is not None and code in _PASSING:
        said += f", and wants to be asked again in {min(wait, 1e9):.0f} s"
    return said


def failure_in_words(error: requests.RequestException) -> str:
    """A network failure in few words and without hosts."""
    text = str(error)
    if isinstance(
        error,
        requests.exceptions.InvalidURL
        | requests.exceptions.InvalidSchema
        | requests.exceptions.MissingSchema,
    ):
        return "it has no address that could be asked"
    if isinstance(error, requests.exceptions.SSLError):
        return (
            "its certificate is not trusted"
            if "CERTIFICATE_VERIFY" in text
            else "it speaks no TLS, or another"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy cannot be reached, or refuses"
    if isinstance(error, requests.Timeout) or "timed out" in text:
        return "no answer in time"
    if isinstance(error, requests.TooManyRedirects):
        return f"it sends on more than {REDIRECTS} times"
    if isinstance(error, requests.exceptions.ChunkedEncodingError) or "IncompleteRead" in text:
        return "its answer broke off"
    if "NameResolutionError" in text or "getaddrinfo" in text:
        return "its host's name is not known"
    if isinstance(error, requests.ConnectionError):
        if "reset" in text or "RemoteDisconnected" in text or "aborted" in text:
            return "its answer broke off"
        return "no connection"
    if error.response is not None:
        return refusal_in_words(error.response) or "its answer means nothing"
    return scrub_addresses(text)


def _broken_in_words(error: urllib3.exceptions.HTTPError) -> str:
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "no answer in time"
    return "its answer broke off"
