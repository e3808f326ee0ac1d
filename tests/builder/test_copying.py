"""What `[[copy]]` brings: which files, what stays at home, and links that never get lost in silence."""

import json
import os
import pathlib
import socket
import tarfile
from typing import Any

import pytest

from builder.values import copying
from builder.values.copies import PlannedCopy
from builder.values.copying import collect_copies, copy_file
from envspec.spec.files import Copy
from envspec.system.errors import BuildError, SpecError

KEY = (
    "-----BEGIN PRIVATE KEY-----\n" + "MIIBVQIBADANBgkqhkiG9w0BAQEFAASC" * 8 + "\n-----END PRIVATE KEY-----\n"
)


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A spec's folder with some settings."""
    monkeypatch.setenv("ENVSPEC_HOME", str(tmp_path / "home"))
    put(tmp_path / "spec", "configs/train.yaml", "configs/deep/eval.yaml", "run.sh")
    (tmp_path / "spec" / "run.sh").chmod(0o700)
    return tmp_path / "spec"


def put(folder: pathlib.Path, *paths: str, text: str = "x") -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def copy(source: str = "configs", to: str = "/etc/shop", **more: Any) -> Copy:
    return Copy.model_validate({"from": source, "to": to, **more})


def collected(folder: pathlib.Path, *copies: Copy) -> tuple[PlannedCopy, ...]:
    return collect_copies(copies, folder)


def places(folder: pathlib.Path, *copies: Copy) -> list[str]:
    return [file.path for each in collected(folder, *copies) for file in each.files]


def refused(folder: pathlib.Path, *copies: Copy) -> str:
    with pytest.raises(SpecError) as caught:
        collected(folder, *copies)
    return f"{caught.value.problems[0].path}: {caught.value.problems[0].message}"


@pytest.mark.parametrize(
    ("source", "to", "expected"),
    [
        ("configs", "/etc/shop", ["/etc/shop/deep/eval.yaml", "/etc/shop/train.yaml"]),
        ("configs", "/etc/shop/", ["/etc/shop/deep/eval.yaml", "/etc/shop/train.yaml"]),
        ("configs", "conf", ["conf/deep/eval.yaml", "conf/train.yaml"]),
        ("configs", ".", ["deep/eval.yaml", "train.yaml"]),
        ("run.sh", "/usr/bin/start", ["/usr/bin/start"]),
        ("run.sh", "/usr/bin/", ["/usr/bin/run.sh"]),
        ("run.sh", "//usr/./bin/", ["/usr/bin/run.sh"]),
        ("run.sh", ".", ["run.sh"]),
        ("run.sh", "./bin/", ["bin/run.sh"]),
    ],
)
def test_files_go_where_the_spec_says(
    folder: pathlib.Path, source: str, to: str, expected: list[str]
) -> None:
    assert places(folder, copy(source, to)) == expected


def test_all_of_the_spec_s_folder_is_named_by_a_dot(folder: pathlib.Path) -> None:
    assert "src/configs/train.yaml" in places(folder, copy(".", "src"))


def test_an_executable_file_stays_one_and_a_mode_says_otherwise(folder: pathlib.Path) -> None:
    plain, own = collected(folder, copy("run.sh", "a"), copy("run.sh", "b", mode="0640"))
    assert (plain.file_mode(plain.files[0]), plain.folder_mode) == (0o755, 0o755)
    assert (own.file_mode(own.files[0]), own.folder_mode) == (0o640, 0o750)


def test_what_ignore_files_name_stays_at_home_and_is_counted(folder: pathlib.Path) -> None:
    put(folder, "configs/a.log", "configs/b.tmp")
    put(folder, ".gitignore", text="*.log\n")
    put(folder, ".dockerignore", text="**/*.tmp\n")
    (found,) = collected(folder, copy())
    assert ([file.path for file in found.files], found.ignored) == (
        ["/etc/shop/deep/eval.yaml", "/etc/shop/train.yaml"],
        2,
    )


@pytest.mark.parametrize("include", [["a.log"], ["."]])
def test_what_is_included_goes_along_although_it_is_ignored(folder: pathlib.Path, include: list[str]) -> None:
    put(folder, "configs/a.log")
    put(folder, ".gitignore", text="*.log\n")
    assert "/etc/shop/a.log" in places(folder, copy(include=include))


def test_a_file_of_an_ignored_folder_goes_along_alone(folder: pathlib.Path) -> None:
    put(folder, "configs/out/best.bin", "configs/out/worst.bin", "configs/out/deep/x")
    put(folder, ".gitignore", text="out/\n")
    found = places(folder, copy(include=["out/best.bin"]))
    assert [path for path in found if "/out/" in path] == ["/etc/shop/out/best.bin"]


def test_a_folder_that_from_names_is_not_ignored_itself(folder: pathlib.Path) -> None:
    put(folder, "weights/a.bin")
    put(folder, ".gitignore", text="weights/\n")
    put(folder, ".dockerignore", text="weights\n")
    assert places(folder, copy("weights", "/w")) == ["/w/a.bin"]


def test_secrets_stay_at_home_unless_they_are_named(folder: pathlib.Path) -> None:
    put(folder, "configs/.env", "configs/.ssh/id_rsa")
    put(folder, "configs/notes.txt", text=KEY)
    (found,) = collected(folder, copy())
    assert found.left_out == (".env", ".ssh/", "notes.txt")
    (named,) = collected(folder, copy(include=[".env", "notes.txt"]))
    assert named.left_out == (".ssh/",)
    assert {"/etc/shop/.env", "/etc/shop/notes.txt"} <= {file.path for file in named.files}


def test_a_secret_that_from_names_itself_is_meant(folder: pathlib.Path) -> None:
    put(folder, "configs/.env")
    put(folder, ".gitignore", text=".env\n")
    assert places(folder, copy("configs/.env", "/run-time/")) == ["/run-time/.env"]


@pytest.mark.parametrize("path", ["__pycache__/a.pyc", "a.pyc", "node_modules/a.js", "envspec.lock"])
def test_caches_and_locks_never_go_along(folder: pathlib.Path, path: str) -> None:
    before = collected(folder, copy())
    put(folder, f"configs/{path}")
    assert collected(folder, copy()) == before


def image_file(place: pathlib.Path, label: str) -> None:
    config, manifest = place.with_name("c.json"), place.with_name("manifest.json")
    config.write_text(json.dumps({"config": {"Labels": {label: "1"}}}))
    manifest.write_text('[{"Config": "c.json"}]')
    with tarfile.open(place, "w") as archive:
        for file in (config, manifest):
            archive.add(file, file.name)
            file.unlink()


def test_what_this_tool_wrote_is_told_by_what_it_is(folder: pathlib.Path) -> None:
    image_file(folder / "configs" / "ours.tar", "io.envspec.plan")
    image_file(folder / "configs" / "theirs.tar", "org.example.plan")
    put(folder, "configs/ours.tar.cdx.json", "configs/theirs.tar.cdx.json", "configs/broken.tar")
    put(folder, "configs/layout/oci-layout", "configs/layout/blobs/sha256/ab")
    put(
        folder, "configs/layout/index.json", text='{"manifests": [{"annotations": {"io.envspec.refers": 1}}]}'
    )
    put(folder, "configs/out/report.json", text='{"tool": "envspec 1", "phase": "ship"}')
    put(folder, "configs/out/report.html", "configs/out/notes.txt", "configs/report.html")
    (found,) = collected(folder, copy())
    assert found.outputs == ("layout/", "ours.tar", "ours.tar.cdx.json", "out/report.html", "out/report.json")
    kept = {file.path.removeprefix("/etc/shop/") for file in found.files}
    assert {"theirs.tar", "theirs.tar.cdx.json", "broken.tar", "out/notes.txt", "report.html"} <= kept


def links(folder: pathlib.Path, *copies: Copy) -> dict[str, str]:
    return {file.path: file.link for each in collected(folder, *copies) for file in each.files if file.link}


def test_a_link_within_the_copy_is_a_link(folder: pathlib.Path) -> None:
    (folder / "configs" / "now.yaml").symlink_to("train.yaml")
    (folder / "configs" / "all").symlink_to("deep")
    (folder / "configs" / "deep" / "up.yaml").symlink_to("../now.yaml")
    (folder / "configs" / "deep" / "me").symlink_to("..")
    assert links(folder, copy()) == {
        "/etc/shop/now.yaml": "train.yaml",
        "/etc/shop/all": "deep",
        "/etc/shop/deep/up.yaml": "../now.yaml",
        "/etc/shop/deep/me": "..",
    }


def test_a_link_by_this_machine_s_path_leads_to_the_same_file_in_the_copy(folder: pathlib.Path) -> None:
    (folder / "configs" / "deep" / "far").symlink_to(folder / "configs" / "train.yaml")
    (folder / "configs" / "out-and-in").symlink_to("../configs/train.yaml")
    assert links(folder, copy()) == {
        "/etc/shop/deep/far": "../train.yaml",
        "/etc/shop/out-and-in": "train.yaml",
    }


@pytest.mark.parametrize(("to", "leads"), [("/opt/data", "/opt/data/big.bin"), ("data", "../data/big.bin")])
def test_a_link_to_what_another_copy_brings_leads_there(folder: pathlib.Path, to: str, leads: str) -> None:
    put(folder, "data/big.bin")
    (folder / "configs" / "big").symlink_to("../data/big.bin")
    assert links(folder, copy(to="conf"), copy("data", to)) == {"conf/big": leads}


def test_a_link_that_would_lead_nowhere_is_refused_with_its_name(folder: pathlib.Path) -> None:
    put(folder, "data/big.bin")
    (folder / "configs" / "big").symlink_to("../data/big.bin")
    assert refused(folder, copy()) == (
        "copy[0].from: the link big of 'configs' leads to ../data/big.bin, which is not copied"
    )


@pytest.mark.parametrize(
    ("goal", "why"),
    [("nothing", "leads nowhere"), ("a", "leads in a circle"), ("b", "leads in a circle")],
)
def test_broken_links_and_circles_are_refused(folder: pathlib.Path, goal: str, why: str) -> None:
    (folder / "configs" / "a").symlink_to(goal)
    if goal == "b":
        (folder / "configs" / "b").symlink_to("a")
    assert why in refused(folder, copy())


def test_a_link_to_a_secret_stays_at_home_with_it(folder: pathlib.Path) -> None:
    put(folder, "configs/.env")
    put(folder, "configs/notes.txt", text=KEY)
    (folder / "configs" / "settings").symlink_to(".env")
    (folder / "configs" / "words").symlink_to("notes.txt")
    (found,) = collected(folder, copy())
    assert found.left_out == (".env", "notes.txt", "settings", "words")


def test_an_ignored_link_is_no_matter(folder: pathlib.Path) -> None:
    (folder / "configs" / "big").symlink_to("/nowhere")
    put(folder, ".gitignore", text="big\n")
    assert links(folder, copy()) == {}


def test_pipes_and_sockets_are_refused_by_name(folder: pathlib.Path) -> None:
    os.mkfifo(folder / "configs" / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        here = pathlib.Path.cwd()
        os.chdir(folder / "configs")  # a socket's path is short
        try:
            bound.bind("socket")
        finally:
            os.chdir(here)
        assert refused(folder, copy()).endswith("holds what no copy can have: pipe: a pipe, socket: a socket")
    put(folder, ".dockerignore", text="configs/pipe\nconfigs/socket\n")
    assert places(folder, copy())


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("none", "is not there"),
        ("outside", "leads out of the spec's folder"),
        ("empty", "has no files to copy"),
    ],
)
def test_what_cannot_be_copied_is_said(folder: pathlib.Path, source: str, why: str) -> None:
    (folder / "empty").mkdir()
    (folder / "outside").symlink_to(folder.parent)
    assert refused(folder, copy(source)) == f"copy[0].from: {source!r} {why}"


def test_a_copy_of_which_nothing_is_left_says_what_it_would_have_been(folder: pathlib.Path) -> None:
    put(folder, ".gitignore", text="*.yaml\n")
    assert refused(folder, copy()).endswith("written by this tool: deep/eval.yaml, train.yaml")


def test_an_included_file_must_be_there(folder: pathlib.Path) -> None:
    assert refused(folder, copy(include=["x"])) == "copy[0].include[0]: 'x' is no file below 'configs'"


def test_too_much_is_refused_with_the_largest_files(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "configs/big.bin", text="x" * 1000)
    monkeypatch.setattr(copying, "COPIED_BYTES", 1000)
    assert "its largest: big.bin, " in refused(folder, copy())
    monkeypatch.setattr(copying, "COPIED_FILES", 2)
    assert refused(folder, copy()).endswith("holds more than 2 files")


def test_the_digest_is_of_places_contents_and_owners_alone(folder: pathlib.Path) -> None:
    def digest(to: str = "/etc/shop", **more: Any) -> str:
        return collected(folder, copy(to=to, **more))[0].digest

    before = digest()
    put(folder, "configs/.env", "configs/envspec.lock")
    os.utime(folder / "configs" / "train.yaml", (1, 1))
    (folder / "configs" / "train.yaml").chmod(0o600)
    assert digest() == before
    assert len({before, digest(owner="app"), digest(mode="0600"), digest(to="/etc/other")}) == 4
    put(folder, "configs/train.yaml", text="y")
    assert digest() != before


def test_a_large_file_is_read_once(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, "configs/big.bin", text="x" * (2 << 20))
    (before,) = collected(folder, copy("configs/big.bin", "/b"))
    monkeypatch.setattr(copying, "read_file", None)
    assert collected(folder, copy("configs/big.bin", "/b")) == (before,)


def test_a_virtual_environment_s_files_can_be_read_by_their_owner(folder: pathlib.Path) -> None:
    (folder / "configs" / "now.yaml").symlink_to("train.yaml")
    (found,) = collected(folder, copy(to="conf", mode="4040"))
    for file in found.files:
        copy_file(found, file, folder, folder / "out" / file.path)
    out = folder / "out" / "conf"
    assert (out / "train.yaml").stat().st_mode & 0o7777 == 0o440
    assert (out / "now.yaml").readlink() == pathlib.Path("train.yaml")


def test_a_file_that_changes_before_it_is_copied_is_refused(folder: pathlib.Path) -> None:
    (found,) = collected(folder, copy("run.sh", "run"))
    put(folder, "run.sh", text="another")
    with pytest.raises(BuildError, match=r"run\.sh changed while it was copied"):
        copy_file(found, found.files[0], folder, folder / "out")
