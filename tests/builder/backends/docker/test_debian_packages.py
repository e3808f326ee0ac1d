"""Debian packages on an image base: the one step with a network, whose secrets stay in no layer."""

import hashlib
import io
import pathlib
import shutil
import subprocess
import tarfile
from collections.abc import Iterator

import pytest

from builder.backends.docker.builders import apt_settings
from builder.backends.docker.engine import Engine
from builder.debian.base import base_image_name
from envspec.lockfile.lock import LockedBase
from envspec.supply import pip_settings
from envspec.supply.pip_settings import PipSettings
from envspec.system.errors import BuildError

from .conftest import Workshop, import_base, make_plan

pytestmark = pytest.mark.docker

SECRET = "only-this-machine-knows"
"""Stands in the certificates and in the proxy's address."""

SEEN = """#!/bin/sh
cp "$APT_CONFIG" /tmp/settings
ca=$(sed -n 's/.*CaInfo "\\(.*\\)".*/\\1/p' /tmp/settings)
{ grep -c Proxy /tmp/settings; wc -c < "$ca"; } > /etc/seen
rm /tmp/settings
"""
"""Runs when the package is installed: tells how many proxies apt has, and the length of its certificates."""


LIST = "/etc/apt/sources.list.d/here.list"
DPKG = "/var/lib/dpkg/status"
"""dpkg's own list of what is installed, which a base laid out from packages alone lacks."""


@pytest.fixture
def secrets(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """This machine has a proxy with a password, and certificates of its own."""
    certificates = tmp_path / "ca.pem"
    certificates.write_text(SECRET * 10)
    monkeypatch.setenv("PIP_CERT", str(certificates))
    monkeypatch.setenv("PIP_PROXY", f"http://user:{SECRET}@127.0.0.1:9")
    pip_settings._asked.cache_clear()
    yield certificates
    pip_settings._asked.cache_clear()


@pytest.fixture(scope="module")
def able(engine: Engine, base: str) -> str:
    """Name of a base that can install packages: apt, dpkg, and the programs that they run."""
    apt = ("apt", "coreutils", "diffutils", "dpkg", "grep", "sed", "tar")
    plan = make_plan([], base=LockedBase(debian="bookworm", apt=apt))
    import_base(engine, plan, base_image_name(plan))
    return base_image_name(plan)


@pytest.fixture
def stocked(engine: Engine, able: str, tmp_path: pathlib.Path) -> Iterator[str]:
    """An image with an archive of one package inside: apt needs no network to reach it."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("packages are made with dpkg-deb")
    control = tmp_path / "deb" / "DEBIAN"
    control.mkdir(parents=True)
    fields = "Package: witness\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\n"
    (control / "control").write_text(f"{fields}Description: tells what it sees\n")
    (control / "postinst").write_text(SEEN)
    (control / "postinst").chmod(0o755)
    deb = tmp_path / "witness.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", control.parent, deb], check=True)
    body = deb.read_bytes()
    listed = (
        f"{fields}Filename: ./witness.deb\nSize: {len(body)}\nSHA256: {hashlib.sha256(body).hexdigest()}\n"
    )
    dockerfile = f"FROM {able}\nCOPY archive /archive\nCOPY here.list {LIST}\nCOPY status {DPKG}\n"
    files = {
        "Dockerfile": dockerfile.encode(),
        "status": b"",
        "here.list": b"deb [trusted=yes] file:/archive ./\n",
        "archive/Packages": listed.encode(),
        "archive/witness.deb": body,
    }
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))
    context.seek(0)
    name = f"stocked-{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}:1"
    engine.client.images.build(fileobj=context, custom_context=True, tag=name, rm=True, network_mode="none")
    yield name
    engine.client.images.remove(name, force=True)


def everything(engine: Engine, image: str) -> bytes:
    """All bytes of an image's layers, and all that it says of itself."""
    said = engine.client.images.get(image)
    whole = io.BytesIO(b"".join(engine.client.api.get_image(image)))
    found = [repr(said.attrs).encode(), repr(said.history()).encode()]
    with tarfile.open(fileobj=whole) as outer:
        for entry in outer:
            stream = outer.extractfile(entry)
            if stream is not None:
                found.append(stream.read())
    return b"".join(found)


def test_a_step_has_this_machines_secrets_and_no_layer_keeps_them(
    workshop: Workshop, secrets: pathlib.Path, stocked: str
) -> None:
    plan = workshop.plan(("one", [workshop.wheel("alpha")]), base=LockedBase(image=stocked, apt=("witness",)))
    environment = workshop.build(plan)
    seen = workshop.backend.run(environment, ["cat", "/etc/seen"])
    assert seen.stdout.split() == ["2", str(secrets.stat().st_size)], seen.tail
    content = everything(workshop.engine, environment.reference)
    assert b"alpha" in content
    assert SECRET.encode() not in content
    left = workshop.backend.run(
        environment, ["sh", "-c", "ls /run /run/secrets /run/envspec /var/lib/apt/lists"]
    )
    assert "apt.conf" not in left.stdout
    assert not (set(left.stdout.split()) & {"secrets", "envspec", "certificates"})


def test_a_package_that_is_not_there(workshop: Workshop, stocked: str) -> None:
    plan = workshop.plan(("one", [workshop.wheel("alpha")]), base=LockedBase(image=stocked, apt=("absent",)))
    with pytest.raises(BuildError, match="no Debian package absent"):
        workshop.build(plan)


def test_settings_name_where_the_certificates_stand(secrets: pathlib.Path) -> None:
    assert 'CaInfo "/given/certificates"' in apt_settings(PipSettings(cert=str(secrets)), "/given")
