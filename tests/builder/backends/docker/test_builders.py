"""Which builder is taken, and what it is given."""

import pathlib
import stat

import pytest

from builder.backends.docker.backend import choose_builder
from builder.backends.docker.builders import AptPackages, BuildKitBuilder, BuildRequest, apt_settings
from builder.backends.docker.classic import ClassicBuilder
from builder.backends.docker.program import buildkit_program
from envspec.supply.pip_settings import PipSettings
from envspec.system.progress import SILENT

from .conftest import FakeEngine


@pytest.fixture
def path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A PATH with nothing on it but what the test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    buildkit_program.cache_clear()
    return tmp_path


def program(folder: pathlib.Path, text: str) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "docker"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def test_a_client_without_its_buildx_component_is_passed_over(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(path / "one", "echo 'ERROR: buildx component is missing' >&2; exit 1")
    able = program(path / "two", "echo '      --secret stringArray'")
    monkeypatch.setenv("PATH", f"{path / 'one'}:{path / 'two'}")
    assert buildkit_program() == able
    assert isinstance(choose_builder(FakeEngine()), BuildKitBuilder)


def test_without_such_a_client_the_classic_builder_is_taken(path: pathlib.Path) -> None:
    assert isinstance(choose_builder(FakeEngine()), ClassicBuilder)


@pytest.mark.parametrize("engine", [FakeEngine(api="1.38"), FakeEngine(name="Podman Engine")])
def test_an_engine_without_buildkit(engine: FakeEngine, path: pathlib.Path) -> None:
    program(path, "echo --secret")
    assert isinstance(choose_builder(engine), ClassicBuilder)


def test_apt_gets_this_machines_proxy_and_certificates(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    own = tmp_path / "ca.pem"
    own.write_text("x")
    text = apt_settings(PipSettings(proxy="http://user:secret@proxy:3128", cert=str(own)), "/run/secrets")
    assert 'Acquire::https::Proxy "http://user:secret@proxy:3128";' in text
    assert 'CaInfo "/run/secrets/certificates"' in text
    assert apt_settings(PipSettings(), "/run/secrets") == ""


BUILDS = """
while [ $# -gt 0 ]; do
  case "$1" in
    --iidfile) echo sha256:made > "$2" ;;
    --secret) echo "$2" >> secrets; cat "${2#*src=}" >> secrets ;;
  esac
  shift
done
"""
"""A client that writes down the secrets that it is given, and what is in them."""


def test_secrets_belong_to_one_request(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step that installs packages has this machine's settings; a build with the same builder has none."""
    monkeypatch.chdir(tmp_path)
    builder = BuildKitBuilder(FakeEngine(), program(tmp_path, BUILDS))
    request = BuildRequest(context=tmp_path, target="base", network="none")
    packages = AptPackages(base="base:1", command="apt-get install one")
    proxied = PipSettings(proxy="http://user:secret@proxy:3128")
    assert builder.install_packages(request, packages, proxied, SILENT) == "sha256:made"
    assert "user:secret@proxy" in (tmp_path / "secrets").read_text()
    (tmp_path / "secrets").unlink()
    assert builder.build_image(request, SILENT) == "sha256:made"
    assert not (tmp_path / "secrets").exists()
