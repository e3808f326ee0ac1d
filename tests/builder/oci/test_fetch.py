"""What is no package is fetched as packages are: with pip's trusted hosts and this machine's certificate."""

import pathlib
from collections.abc import Iterator

import pytest

from builder.oci.store.network import Network
from envspec.supply.pip_settings import Machine
from envspec.system.errors import OutsideError
from tests.support import tls


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tls.identity(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=[False, True], ids=["server only", "both sides"])
def archive(request: pytest.FixtureRequest, identity: pathlib.Path) -> Iterator[tuple[str, str | None]]:
    """Address of a file over TLS, and the certificate that who asks has to show."""
    with tls.serving(identity, b"body", "text/plain", both=request.param) as address:
        yield f"{address}/file", str(identity) if request.param else None


def test_a_trusted_host_is_asked_without_its_certificate(archive: tuple[str, str | None]) -> None:
    address, shown = archive
    network = Network(Machine(trusted_hosts=("localhost",), client_cert=shown))
    assert network.read(address) == b"body"


def test_its_own_authority_will_do(archive: tuple[str, str | None], identity: pathlib.Path) -> None:
    address, shown = archive
    assert Network(Machine(cert=str(identity), client_cert=shown)).read(address) == b"body"


def test_a_host_that_nobody_trusts_is_not(archive: tuple[str, str | None]) -> None:
    address, shown = archive
    with pytest.raises(OutsideError, match="SSLError"):
        Network(Machine(client_cert=shown)).read(address)
