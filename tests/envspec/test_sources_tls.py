"""Indexes with certificates of their own: trusted hosts, and what this machine shows of itself."""

import pathlib
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from envspec.supply.http import http_session
from envspec.supply.pip_settings import PipSettings
from envspec.system.errors import OutsideError
from tests.envspec.test_sources import sources
from tests.support import tls
from tests.support.index import json_page
from tests.support.web import JSON
from tests.support.wheels import wheel


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tls.identity(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=[False, True], ids=["server only", "both sides"])
def index(
    request: pytest.FixtureRequest, identity: pathlib.Path, tmp_path: pathlib.Path
) -> Iterator[tuple[str, bool]]:
    """Address of an index over TLS, and whether it wants a certificate of who asks."""
    body = json_page("demo", [wheel(tmp_path, "demo")], "https://x.example")
    with tls.serving(identity, body, JSON, both=request.param) as address:
        yield f"{address}/simple", request.param


@pytest.mark.parametrize("port", [False, True])
def test_a_trusted_host_is_asked_without_its_certificate(
    index: tuple[str, bool], identity: pathlib.Path, port: bool
) -> None:
    url, both = index
    host = url.split("/")[2] if port else "localhost"
    mine = str(identity) if both else None
    found = sources(url, PipSettings(no_index=True, trusted_hosts=(host,), client_cert=mine))
    assert [file.file for file in found.files("mine", "demo")] == ["demo-1.0-py3-none-any.whl"]


def test_a_host_that_nobody_trusts_is_not(index: tuple[str, bool]) -> None:
    with pytest.raises(OutsideError, match="its certificate is not trusted"):
        sources(index[0], PipSettings(no_index=True, trusted_hosts=("other.example",))).files("mine", "demo")


def test_its_own_authority_will_do(index: tuple[str, bool], identity: pathlib.Path) -> None:
    found = sources(index[0], PipSettings(no_index=True, cert=str(identity), client_cert=str(identity)))
    assert len(found.files("mine", "demo")) == 1


def test_an_index_that_wants_to_know_who_asks_refuses_others(
    index: tuple[str, bool], identity: pathlib.Path
) -> None:
    url, both = index
    anonymous = sources(url, PipSettings(no_index=True, cert=str(identity)))
    if both:
        with pytest.raises(OutsideError):
            anonymous.files("mine", "demo")
    else:
        assert anonymous.files("mine", "demo")


def test_certificates_are_read_once_for_all_connections(
    identity: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(identity.read_bytes())

    def context(verify: str | bool = str(trusted), cert: str | None = None) -> ssl.SSLContext | None:
        """What a new connection of a new session gets."""
        adapter = http_session(PipSettings(no_index=True)).get_adapter("https://here.example/")
        assert isinstance(adapter, HTTPAdapter)
        asked = requests.Request("GET", "https://here.example/").prepare()
        pool: Any = adapter.get_connection_with_tls_context(asked, verify, cert=cert)
        begun = dict(vars(pool), conn_kw=dict(pool.conn_kw))
        adapter.cert_verify(pool, "https://here.example/", verify, cert)  # type: ignore[no-untyped-call]
        found: ssl.SSLContext | None = pool.conn_kw.get("ssl_context")
        # Other threads connect through the same pool meanwhile.
        assert found is None or vars(pool) == begun
        return found

    first = context()
    assert first is not None
    assert first is context()
    assert first.verify_mode is ssl.CERT_REQUIRED
    assert first.check_hostname
    assert context(cert=str(identity)) is None  # nobody else may show it
    assert context(verify=False) is None
    trusted.write_bytes(identity.read_bytes() * 2)
    assert context() not in (None, first)
    trusted.write_text("no certificate")
    assert context() is None
