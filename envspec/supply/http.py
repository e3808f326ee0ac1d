"""Sessions over HTTP as this machine's pip is set up for them: certificates, trusted hosts, proxy."""

from __future__ import annotations

import warnings
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import InsecureRequestWarning
from urllib3.util.retry import Retry

from envspec.supply.pip_settings import PipSettings, scrub_addresses

TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and to wait for the next bytes."""

PATIENCE = Retry(total=4, connect=1, backoff_factor=0.4, status_forcelist=(429, 500, 502, 503, 504))
"""How often a passing failure is asked again, in about six seconds altogether."""


class _Session(requests.Session):
    """With pip's own setting of certificates before the environment's, as pip has it."""

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        own = self.verify if verify is None and isinstance(self.verify, str) else verify
        return super().merge_environment_settings(url, proxies, stream, own, cert)


class _Unchecked(HTTPAdapter):
    """For hosts that the machine's owner trusts without a certificate."""

    def send(self, request: requests.PreparedRequest, *args: Any, **settings: Any) -> requests.Response:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InsecureRequestWarning)
            return super().send(request, *args, **{**settings, "verify": False})


def http_session(machine: PipSettings, patience: Retry = PATIENCE) -> requests.Session:
    """A session for one thread, patient with passing failures."""
    made = _Session()
    made.mount("https://", HTTPAdapter(max_retries=patience))
    made.mount("http://", HTTPAdapter(max_retries=patience))
    for host in machine.trusted_hosts:
        for end in ("/",) if ":" in host else ("/", ":"):
            made.mount(f"https://{host}{end}", _Unchecked(max_retries=patience))
    if machine.cert:
        made.verify = machine.cert
    if machine.client_cert:
        made.cert = machine.client_cert
    if machine.proxy:
        made.proxies = {"http": machine.proxy, "https": machine.proxy}
    return made


def failure_in_words(error: requests.RequestException) -> str:
    """A network failure in few words and without hosts."""
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return "it has no address that could be asked"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy refuses"
    if isinstance(error, requests.Timeout) or "Read timed out" in str(error):
        return "no answer in time"
    if isinstance(error, requests.exceptions.RetryError):
        return "it answers with errors, again and again"
    if isinstance(error, requests.exceptions.ChunkedEncodingError) or "IncompleteRead" in str(error):
        return "its answer broke off"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if error.response is not None:
        return f"it answers {error.response.status_code}"
    return scrub_addresses(str(error))
