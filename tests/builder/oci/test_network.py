"""What is no package is fetched as packages are: with pip's trusted hosts and this machine's certificate."""

import hashlib
import pathlib
from collections.abc import Iterator

import pytest

from builder.oci.store.network import Network
from envspec.lockfile.lock import File
from envspec.supply.pip_settings import PipSettings
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError
from tests.support import tls
from tests.support.web import Answer, Web


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
    network = Network(PipSettings(trusted_hosts=("localhost",), client_cert=shown))
    assert network.read(address) == b"body"


def test_its_own_authority_will_do(archive: tuple[str, str | None], identity: pathlib.Path) -> None:
    address, shown = archive
    assert Network(PipSettings(cert=str(identity), client_cert=shown)).read(address) == b"body"


def test_a_host_that_nobody_trusts_is_not(archive: tuple[str, str | None]) -> None:
    address, shown = archive
    with pytest.raises(OutsideError, match="its certificate is not trusted"):
        Network(PipSettings(client_cert=shown)).read(address)


BODY = bytes(range(256)) * 12000
FILE = File(file="demo_amd64.deb", sha256=hashlib.sha256(BODY).hexdigest(), size=len(BODY))
ADDRESS = "/pool/demo_1.0_amd64.deb"


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Wheelhouse:
    return Wheelhouse(tmp_path / "wheelhouse")


def test_a_file_that_broke_off_is_completed_by_the_next_run(store: Wheelhouse, web: Web) -> None:
    """Its address ends in another name than the one it is stored by, as Debian's archives have it."""
    web.answers[ADDRESS] = Answer(body=BODY[: 2 << 20], promised=len(BODY))
    with pytest.raises(OutsideError, match=r"demo_1\.0_amd64\.deb did not arrive: its answer broke off"):
        Network(PipSettings()).bring(f"{web.url}{ADDRESS}", FILE, store)
    assert not store.has(FILE)
    web.answers[ADDRESS] = Answer(body=BODY, ranges=True)
    Network(PipSettings()).bring(f"{web.url}{ADDRESS}", FILE, store)
    assert web.asked[-1] == (ADDRESS, f"bytes={2 << 20}-")
    assert store.path(FILE).read_bytes() == BODY


def test_a_file_that_is_not_what_was_locked_is_refused(store: Wheelhouse, web: Web) -> None:
    web.answers[ADDRESS] = Answer(body=b"evil")
    with pytest.raises(OutsideError, match="is not the file that was locked"):
        Network(PipSettings()).bring(f"{web.url}{ADDRESS}", FILE, store)
    assert not store.has(FILE)


def test_without_a_network_nothing_is_brought(store: Wheelhouse) -> None:
    with pytest.raises(OutsideError, match="not on this machine") as caught:
        Network(PipSettings(), offline=True).bring("http://mirror.example/a.deb", FILE, store)
    assert "--offline" in caught.value.hint
