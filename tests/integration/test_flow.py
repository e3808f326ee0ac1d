"""The whole flow on a small spec, as a user runs it; the index is a folder, so no network is needed."""

import json
import pathlib
import shutil
import subprocess
import sys
from typing import Any

import pytest

from envspec.lockfile.lock import parse_lock
from tests.support.program import machine, run
from tests.support.wheels import wheel

from .conftest import NUMBERS, SPEC, spec_in

BUILD = ("build-image", "--backend", "virtualenv", "--format", "json")


def built(small: pathlib.Path, env: dict[str, str], *more: str) -> dict[str, Any]:
    """Run the builder; its report."""
    done = run(*BUILD, small, *more, env=env)
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode
    assert "Traceback" not in done.stderr
    return report


def test_a_spec_becomes_an_environment_that_ships(small: pathlib.Path, env: dict[str, str]) -> None:
    report = built(small, env)
    assert (report["verdict"], report["ships"]) == ("ships", True)
    python = report["environment"]["python"]
    said = subprocess.run(
        [python, "-c", "import greeter; print(greeter.hello())"], capture_output=True, text=True
    )
    assert said.stdout == "1\n"


def test_nothing_of_an_environment_is_kept_twice(small: pathlib.Path, env: dict[str, str]) -> None:
    place = pathlib.Path(built(small, env)["environment"]["reference"])
    files = [path for path in (place / "lib").rglob("*") if path.is_file() and not path.is_symlink()]
    assert any(path.name == "greeter.py" for path in files)
    assert {path.lstat().st_nlink for path in files} == {1}
    assert list((place.parent / "building").iterdir()) == []


def test_the_second_run_does_nothing(small: pathlib.Path, env: dict[str, str]) -> None:
    first = built(small, env)["environment"]
    place = pathlib.Path(first["reference"])
    before = {path: path.lstat().st_mtime_ns for path in (place, small / "envspec.lock", *place.rglob("*"))}
    second = built(small, env)["environment"]
    assert (first["reused"], second["reused"]) == (False, True)
    assert {path: path.lstat().st_mtime_ns for path in before} == before


def test_the_lock_is_the_same_bytes_on_another_machine(
    small: pathlib.Path, env: dict[str, str], tmp_path: pathlib.Path
) -> None:
    run("envspec", "lock", small, env=env)
    first = (small / "envspec.lock").read_bytes()
    (small / "envspec.lock").unlink()
    other = machine(tmp_path / "other", PIP_FIND_LINKS=str(tmp_path / "files"), PIP_NO_INDEX="1")
    assert run("envspec", "lock", small, env=other).returncode == 0
    assert (small / "envspec.lock").read_bytes() == first


def test_locked_refuses_a_missing_lock(small: pathlib.Path, env: dict[str, str]) -> None:
    report = built(small, env, "--locked")
    assert report["exit_code"] == 1
    assert "is missing" in report["failure"]["message"]
    assert not (small / "envspec.lock").exists()


def test_locked_refuses_a_stale_lock_and_leaves_it(small: pathlib.Path, env: dict[str, str]) -> None:
    run("envspec", "lock", small, env=env)
    held = (small / "envspec.lock").read_bytes()
    spec_in(small, SPEC.replace("numbers-kit==1.0", "numbers-kit==2.0"))
    report = built(small, env, "--locked")
    assert report["exit_code"] == 1
    assert "was made from another spec" in report["failure"]["message"]
    assert (small / "envspec.lock").read_bytes() == held


def test_a_changed_spec_is_locked_anew(small: pathlib.Path, env: dict[str, str]) -> None:
    run("envspec", "lock", small, env=env)
    spec_in(small, SPEC.replace("numbers-kit==1.0", "numbers-kit==2.0"))
    assert built(small, env)["ships"]
    assert parse_lock((small / "envspec.lock").read_text()).pins["numbers-kit"] == "2.0"


def test_offline_works_once_everything_is_here(
    small: pathlib.Path, env: dict[str, str], tmp_path: pathlib.Path
) -> None:
    built(small, env)
    shutil.rmtree(tmp_path / "home" / "environments")
    shutil.rmtree(tmp_path / "files")
    shutil.rmtree(tmp_path / "simple")
    assert built(small, env, "--offline", "--locked")["ships"]


def test_offline_says_what_is_missing(
    small: pathlib.Path, env: dict[str, str], tmp_path: pathlib.Path
) -> None:
    run("envspec", "lock", small, env=env)
    fresh = {**env, "ENVSPEC_HOME": str(tmp_path / "fresh"), "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    report = built(small, fresh, "--offline", "--locked")
    assert report["exit_code"] == 4
    assert "offline" in report["failure"]["message"]


def test_an_index_that_cannot_be_reached_is_exit_4(small: pathlib.Path, env: dict[str, str]) -> None:
    done = run("build-image", small, env={**env, "PIP_INDEX_URL": "http://u:secret@127.0.0.1:9/simple"})
    assert done.returncode == 4
    assert "index default cannot be asked" in done.stdout
    assert "secret" not in done.stdout + done.stderr
    assert "127.0.0.1" not in done.stdout + done.stderr


def test_contradicting_stages_are_refused_with_both_named(
    small: pathlib.Path, env: dict[str, str], tmp_path: pathlib.Path
) -> None:
    wheel(tmp_path / "files", "picky", "1.0", requires=["numbers-kit>=2"])
    page = tmp_path / "simple" / "picky" / "index.html"
    page.parent.mkdir()
    page.write_text(
        f'<a href="{(tmp_path / "files").as_uri()}/picky-1.0-py3-none-any.whl">picky-1.0-py3-none-any.whl</a>'
    )
    spec_in(small, SPEC.replace('"greeter==1.0"', '"picky==1.0"'))
    report = built(small, env)
    assert report["exit_code"] == 1
    (finding,) = [each for each in report["findings"] if each["rule"] == "EV101"]
    for word in ("picky", "numbers-kit", "first", "second"):
        assert word in finding["message"]
    assert not (tmp_path / "home" / "environments").exists()


def test_removed_packages_never_enter(small: pathlib.Path, env: dict[str, str]) -> None:
    """What does without it ships; proof says who asks for it."""
    code = "try:\n    import numbers_kit\nexcept ImportError:\n    numbers_kit = None\n"
    loose = wheel(small / "wheels", "loose", requires=["numbers-kit"], files={"loose.py": code})
    stage = f'[[stage]]\nname = "first"\nwheels = [{{ path = "wheels/{loose.name}" }}]\n'
    removal = '[remove]\npackages = ["numbers-kit"]\n'
    spec_in(small, SPEC.partition("[[stage]]")[0] + stage + removal)
    report = built(small, env)
    assert {"EV104"} <= {finding["rule"] for finding in report["findings"]}
    assert not list(pathlib.Path(report["environment"]["reference"]).rglob("numbers_kit*"))
    assert report["ships"]


def test_what_cannot_be_imported_without_a_removed_package_is_never_built(
    small: pathlib.Path, env: dict[str, str]
) -> None:
    text = SPEC.replace("[smoke]", '[remove]\npackages = ["numbers-kit"]\n[smoke]')
    text = text.replace('"numbers-kit==1.0"', '"greeter==1.0"', 1)
    spec_in(small, text.replace('[[stage]]\nname = "second"\ninstall = ["greeter==1.0"]\n', ""))
    report = built(small, env)
    assert {"EV104", "EV140"} <= {finding["rule"] for finding in report["findings"]}
    assert (report["exit_code"], "environment" in report) == (1, False)


def test_files_are_trimmed(small: pathlib.Path, env: dict[str, str]) -> None:
    text = SPEC.replace("[smoke]", '[remove]\nfiles = ["greeter.py"]\n[smoke]').partition("imports")[0]
    report = built(spec_in(small, text), env)
    place = pathlib.Path(report["environment"]["reference"])
    assert not list(place.rglob("greeter.py"))
    assert list(place.rglob("numbers_kit.py"))


def test_a_wheel_that_writes_over_another_is_never_built(
    small: pathlib.Path, env: dict[str, str], tmp_path: pathlib.Path
) -> None:
    evil = wheel(small / "wheels", "evil", files={"numbers_kit.py": NUMBERS.format(666), "evil.py": NUMBERS})
    spec_in(small, SPEC + f'[[stage]]\nname = "third"\nwheels = [{{ path = "wheels/{evil.name}" }}]\n')
    report = built(small, env)
    assert (report["exit_code"], report["phase"]) == (1, "prove")
    (found,) = [one for one in report["findings"] if one["rule"] == "EV161"]
    assert "numbers_kit.py" in found["message"]
    assert list((tmp_path / "home" / "environments").glob("small-*/")) == []


def test_a_smoke_test_that_fails_keeps_it_from_shipping(small: pathlib.Path, env: dict[str, str]) -> None:
    spec_in(small, SPEC.replace("greeter:hello", "greeter:goodbye"))
    report = built(small, env)
    assert (report["exit_code"], report["verdict"]) == (1, "must be fixed")
    assert any("goodbye" in finding["message"] for finding in report["findings"])


def test_a_bad_verdict_is_not_remembered_as_good(small: pathlib.Path, env: dict[str, str]) -> None:
    spec_in(small, SPEC.replace("greeter:hello", "greeter:goodbye"))
    built(small, env)
    assert built(small, env)["exit_code"] == 1
    spec_in(small)
    assert built(small, env)["exit_code"] == 0


def test_an_environment_whose_python_is_gone_is_built_again(small: pathlib.Path, env: dict[str, str]) -> None:
    place = pathlib.Path(built(small, env)["environment"]["reference"])
    (place / "bin" / "python").unlink()
    (place / "bin" / "python").symlink_to("/nowhere/python3.11")
    report = built(small, env)
    assert (report["ships"], report["environment"]["reused"]) == (True, False)


def test_the_report_is_written_in_every_form(
    small: pathlib.Path, env: dict[str, str], tmp_path: pathlib.Path
) -> None:
    done = run("build-image", small, "--backend", "virtualenv", "--report", tmp_path / "out", env=env)
    assert done.returncode == 0
    assert json.loads((tmp_path / "out" / "report.json").read_text())["ships"] is True
    assert "verdict: ships" in (tmp_path / "out" / "report.txt").read_text()


def test_a_named_index_is_the_only_source(
    small: pathlib.Path, env: dict[str, str], tmp_path: pathlib.Path
) -> None:
    """The machine's index has a newer placeholder of the same name."""
    real = wheel(tmp_path / "real", "kantts", "0.9")
    fake = wheel(tmp_path / "files", "kantts", "1.0")
    page = tmp_path / "simple" / "kantts" / "index.html"
    page.parent.mkdir()
    page.write_text(f'<a href="{fake.as_uri()}">{fake.name}</a>')
    mine = '[index.mine]\nurl = "https://index.invalid/simple"\n'
    spec_in(small, SPEC + mine + '[[stage]]\nname = "third"\nindex = "mine"\ninstall = ["kantts"]\n')
    refused = built(small, env)
    assert refused["exit_code"] == 4
    assert "index mine cannot be asked for kantts" in refused["failure"]["message"]
    assert "ENVSPEC_INDEX_MINE" in refused["failure"]["hint"]
    assert not (small / "envspec.lock").exists()
    accepted = built(small, {**env, "ENVSPEC_INDEX_MINE": str(real.parent)})
    assert accepted["ships"]
    (entry,) = [
        each for each in parse_lock((small / "envspec.lock").read_text()).artifact if each.name == "kantts"
    ]
    assert (entry.version, entry.index) == ("0.9", "mine")


def test_what_can_be_proved_without_an_index_is_said_first(small: pathlib.Path, env: dict[str, str]) -> None:
    text = SPEC.replace("numbers-kit==1.0", "numbers-kit<1").replace("greeter==1.0", "greeter==1.0")
    mine = '[index.mine]\nurl = "http://127.0.0.1:9/simple"\n'
    spec_in(small, text + mine + '[[stage]]\nname = "third"\nindex = "mine"\ninstall = ["kantts"]\n')
    report = built(small, env)
    assert report["exit_code"] == 1
    assert [finding for finding in report["findings"] if finding["rule"] == "EV101"]


def test_export_can_be_installed_by_pip(
    small: pathlib.Path, env: dict[str, str], tmp_path: pathlib.Path
) -> None:
    done = run("envspec", "lock", small, "--export", tmp_path / "out", env=env)
    assert done.returncode == 0
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["pylock.toml", "requirements-1-first.txt", "requirements-2-second.txt", "wheels"]
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--require-hashes", "--no-index", "-q"]
    pip = subprocess.run(
        [*command, "--target", tmp_path / "site", "--find-links",
         tmp_path / "out" / "wheels", "-r", tmp_path / "out" / "requirements-2-second.txt"],
        capture_output=True, text=True, env=env,
    )  # fmt: skip
    assert pip.returncode == 0, pip.stderr
    assert (tmp_path / "site" / "greeter.py").is_file()


@pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
def test_both_resolvers_find_the_same_here(small: pathlib.Path, env: dict[str, str], resolver: str) -> None:
    spec_in(small, SPEC.replace("greeter==1.0", "greeter>=1"))
    assert run("envspec", "lock", small, "--resolver", resolver, env=env).returncode == 0
    held = parse_lock((small / "envspec.lock").read_text())
    assert (held.resolver, held.pins) == (resolver, {"numbers-kit": "1.0", "greeter": "1.0"})
