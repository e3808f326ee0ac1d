"""A base from disk, from the spec's key to an image: locked by its sha256, read without a registry."""

import io
import json
import pathlib
import platform
import tarfile

import pytest

from envspec.lockfile import lock
from tests.support.program import run

from .conftest import SPEC, spec_in

BUILD = ("build-image", "--backend", "oci", "--stop-after", "build", "--format", "json", "--quiet")


@pytest.fixture
def saved(tmp_path: pathlib.Path) -> pathlib.Path:
    """A spec on an image that only its folder has, and that nothing can be run in."""
    base = 'image = "nowhere.invalid/base:bookworm"\narchive = "base.tar"'
    folder = spec_in(tmp_path / "saved", f"compile = false\n{SPEC.replace('host = true', base)}")
    with tarfile.open(folder / "base.tar", "w") as archive:
        for name in ("usr/bin/python3.11", "etc/passwd"):
            info = tarfile.TarInfo(name)
            info.size = 4
            archive.addfile(info, io.BytesIO(b"body"))
    return folder


def test_a_base_on_disk_is_locked_and_built_on(saved: pathlib.Path, env: dict[str, str]) -> None:
    done = run(*BUILD, saved, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["environment"]["backend"] == "oci"
    held = lock.read_lock(saved / "envspec.lock")
    assert held is not None
    assert held.base.archive is not None
    assert held.base.archive.path == "base.tar"
    assert held.glibc == (2, 36), "the name still says which release it is"


def test_another_base_than_the_locked_one_is_refused_before_anything_is_made(
    saved: pathlib.Path, env: dict[str, str]
) -> None:
    assert run("envspec", "lock", saved, "--quiet", env=env).returncode == 0
    with (saved / "base.tar").open("ab") as stream:
        stream.write(bytes(512))
    done = run(*BUILD, saved, env=env)
    assert done.returncode == 4
    failure = json.loads(done.stdout)["failure"]
    assert "another one than when the lock was made" in failure["message"]
    assert run("envspec", "lock", saved, "--upgrade", "--quiet", env=env).returncode == 0
    assert run(*BUILD, saved, env=env).returncode == 0


def test_a_base_that_is_not_there_is_said_when_it_is_locked(saved: pathlib.Path, env: dict[str, str]) -> None:
    (saved / "base.tar").unlink()
    done = run("envspec", "lock", saved, "--quiet", env=env)
    assert done.returncode == 4
    assert "there is no image in" in done.stdout + done.stderr


def test_an_archive_without_a_name_means_nothing(saved: pathlib.Path, env: dict[str, str]) -> None:
    text = (saved / "envspec.toml").read_text()
    (saved / "envspec.toml").write_text(text.replace('image = "nowhere.invalid/base:bookworm"\n', ""))
    done = run("envspec", "lock", saved, "--quiet", env=env)
    assert done.returncode == 2
    assert "give the image its name as well" in done.stderr


def test_an_image_for_another_processor_is_made_and_said_to_be_unproved(
    saved: pathlib.Path, env: dict[str, str], tmp_path: pathlib.Path
) -> None:
    """Nothing in it can be run here: that is a finding, which `--strict` makes an error."""
    there = {"x86_64": "aarch64", "aarch64": "x86_64"}[platform.machine()]
    text = (saved / "envspec.toml").read_text()
    foreign = text.replace("python =", f'machine = "{there}"\npython =', 1)
    (saved / "envspec.toml").write_text(foreign.replace("compile = false\n", ""))
    refused = run("build-image", saved, "--backend", "oci", "--quiet", env=env)
    assert refused.returncode == 4
    assert "`compile = false`" in refused.stdout
    (saved / "envspec.toml").write_text(foreign)
    out = ("--output", tmp_path / "out", "--tag", "small:1")
    done = run("build-image", saved, "--backend", "oci", "--format", "json", "--quiet", *out, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    heavy = [each["rule"] for each in report["findings"] if each["severity"] != "info"]
    assert heavy == ["EV291"]
    (entry, _) = json.loads((tmp_path / "out" / "index.json").read_text())["manifests"][:2]
    assert entry["platform"]["architecture"] == {"aarch64": "arm64", "x86_64": "amd64"}[there]
    strict = run("build-image", saved, "--backend", "oci", "--strict", "--quiet", env=env)
    assert strict.returncode == 1
