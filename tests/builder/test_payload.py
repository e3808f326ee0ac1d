"""The payload's files: which they are, and when their digest changes."""

import os
import pathlib

import pytest

from builder.values import payload
from builder.values.copied import read_file
from envspec.spec.model import Service
from envspec.system.errors import OutsideError, SpecError

OWN = Service(module="app:app", source="app")


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A spec's folder with a payload of its own."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "app.py").write_text("app = 1\n")
    (app / "data").mkdir()
    (app / "data" / "words.txt").write_text("words")
    return tmp_path


def paths(found: payload.Payload) -> list[str]:
    return [file.path for file in found.files]


def test_all_files_of_the_folder_travel(folder: pathlib.Path) -> None:
    assert paths(payload.collect_payload(OWN, folder)) == ["app.py", "data/words.txt"]


def test_without_a_source_the_speech_service_travels(folder: pathlib.Path) -> None:
    found = paths(payload.collect_payload(Service(module="service.app:create_app()"), folder))
    assert {"service/app.py", "service/__main__.py", "service/client/__main__.py"} <= set(found)
    assert all(path.startswith("service/") for path in found)


@pytest.mark.parametrize(
    "path", ["__pycache__/app.pyc", "app.pyc", ".venv/bin/python", "node_modules/a.js", "envspec.lock"]
)
def test_caches_and_tools_stay_at_home(folder: pathlib.Path, path: str) -> None:
    before = payload.collect_payload(OWN, folder)
    (folder / "app" / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / "app" / path).write_text("x")
    assert payload.collect_payload(OWN, folder) == before


def test_a_link_that_leaves_the_folder_stays_at_home(folder: pathlib.Path) -> None:
    (folder / "secret").write_text("secret")
    (folder / "app" / "link").symlink_to(folder / "secret")
    (folder / "app" / "links").symlink_to(folder)
    assert paths(payload.collect_payload(OWN, folder)) == ["app.py", "data/words.txt"]


def test_a_link_inside_travels_as_a_file(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (folder / "app" / "link.py").symlink_to("app.py")
    found = payload.collect_payload(OWN, folder)
    payload.copy_payload(found, OWN, folder, tmp_path / "copy")
    assert (tmp_path / "copy" / "link.py").read_text() == "app = 1\n"
    assert not (tmp_path / "copy" / "link.py").is_symlink()


def test_a_folder_reached_through_a_link_is_the_same_payload(
    folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "door").symlink_to(folder)
    assert payload.collect_payload(OWN, tmp_path / "door") == payload.collect_payload(OWN, folder)


def test_a_pipe_is_no_file(folder: pathlib.Path) -> None:
    os.mkfifo(folder / "app" / "pipe")
    assert "pipe" not in paths(payload.collect_payload(OWN, folder))


@pytest.mark.parametrize("source", ["nowhere", "app/app.py", "out"])
def test_a_source_that_is_no_folder_of_the_spec_is_an_error(folder: pathlib.Path, source: str) -> None:
    (folder / "out").symlink_to("/")
    with pytest.raises(SpecError, match=r"service\.source"):
        payload.collect_payload(Service(module="app:app", source=source), folder)


@pytest.mark.parametrize("change", ["content", "name", "mode", "more"])
def test_every_change_changes_the_digest(folder: pathlib.Path, change: str) -> None:
    before = payload.collect_payload(OWN, folder).digest
    file = folder / "app" / "app.py"
    match change:
        case "content":
            file.write_text("app = 2\n")
        case "name":
            file.rename(file.with_name("main.py"))
        case "mode":
            file.chmod(0o755)
        case _:
            file.with_name("more.py").write_text("")
    assert payload.collect_payload(OWN, folder).digest != before


def test_dates_do_not_count(folder: pathlib.Path) -> None:
    before = payload.collect_payload(OWN, folder).digest
    os.utime(folder / "app" / "app.py", (1, 1))
    assert payload.collect_payload(OWN, folder).digest == before


def test_the_copy_has_the_files_with_plain_modes(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (folder / "app" / "app.py").chmod(0o4777)
    payload.copy_payload(payload.collect_payload(OWN, folder), OWN, folder, tmp_path / "copy")
    assert (tmp_path / "copy" / "data" / "words.txt").stat().st_mode & 0o7777 == 0o644
    assert (tmp_path / "copy" / "app.py").stat().st_mode & 0o7777 == 0o755


KEY = "-----BEGIN RSA PRIVATE KEY-----\n" + f"{'MIIEpAIB' * 8}\n" * 4 + "-----END RSA PRIVATE KEY-----\n"
SECRET_FILES = {
    ".env": ".env", "data/.env.production": "data/.env.production", ".ssh/config": ".ssh/",
    "id_rsa": "id_rsa",
    "deep/in/.aws/credentials": "deep/in/.aws/", ".npmrc": ".npmrc", ".git/config": ".git/", ".git": ".git",
    ".docker/config.json": ".docker/config.json", "infra/prod.tfstate": "infra/prod.tfstate",
}  # fmt: skip


@pytest.mark.parametrize("path", SECRET_FILES)
def test_files_whose_names_tell_of_secrets_stay_at_home(folder: pathlib.Path, path: str) -> None:
    before = payload.collect_payload(OWN, folder)
    (folder / "app" / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / "app" / path).write_text("x")
    found = payload.collect_payload(OWN, folder)
    assert (found.digest, found.files) == (before.digest, before.files)
    assert found.left_out == (SECRET_FILES[path],)


@pytest.mark.parametrize("text", [KEY, f"first\n{KEY}", KEY.replace("\n", "\r\n")])
def test_a_private_key_stays_at_home_under_any_name(folder: pathlib.Path, text: str) -> None:
    before = payload.collect_payload(OWN, folder)
    (folder / "app" / "data" / "notes.txt").write_text(text, newline="")
    found = payload.collect_payload(OWN, folder)
    assert found.files == before.files
    assert found.left_out == ("data/notes.txt",)


def test_what_is_public_or_an_example_goes_along(folder: pathlib.Path) -> None:
    public = {
        "cacert.pem": "-----BEGIN CERTIFICATE-----\n"
        + f"{'MIIEpAIB' * 8}\n" * 4
        + "-----END CERTIFICATE-----\n",
        ".env.example": "PASSWORD=",
        "id_rsa.pub": "ssh-rsa " + "AAAAB3Nz" * 40,
        "readme.md": "It begins with -----BEGIN PRIVATE KEY----- and then comes base64.",
        "known.py": "HEADERS = ['-----BEGIN PRIVATE KEY-----', '-----END PRIVATE KEY-----']",
        "settings.py": "PASSWORD = input()",
    }
    for name, text in public.items():
        (folder / "app" / name).write_text(text)
    found = payload.collect_payload(OWN, folder)
    assert public.keys() <= set(paths(found))
    assert found.left_out == ()


def test_what_the_spec_names_itself_goes_along(folder: pathlib.Path) -> None:
    app = folder / "app"
    (app / ".env").write_text("A=1")
    (app / ".aws").mkdir()
    (app / ".aws" / "config").write_text("[default]")
    (app / "key.txt").write_text(KEY)
    (app / ".npmrc").write_text("x")
    named = OWN.model_copy(update={"include": (".env", ".aws/config", "key.txt")})
    found = payload.collect_payload(named, folder)
    assert {".env", ".aws/config", "key.txt"} < set(paths(found))
    assert ".npmrc" in found.left_out
    payload.copy_payload(found, named, folder, folder / "copy")
    assert (folder / "copy" / ".aws" / "config").read_text() == "[default]"
    assert not (folder / "copy" / ".npmrc").exists()


def test_naming_what_is_not_there_is_an_error(folder: pathlib.Path) -> None:
    with pytest.raises(SpecError, match=r"service\.include\[0\]: '\.env' is no file"):
        payload.collect_payload(OWN.model_copy(update={"include": (".env",)}), folder)


def test_a_link_to_a_secret_stays_at_home_under_its_own_name(folder: pathlib.Path) -> None:
    (folder / "app" / ".env").write_text("A=1")
    (folder / "app" / "settings.txt").symlink_to(".env")
    assert payload.collect_payload(OWN, folder).left_out == (".env", "settings.txt")


def test_a_name_that_is_no_text_is_an_error_in_words(folder: pathlib.Path) -> None:
    (folder / "app" / os.fsdecode(b"\xff.py")).write_text("")
    with pytest.raises(SpecError, match="is no UTF-8: rename it"):
        payload.collect_payload(OWN, folder)


def test_a_file_that_goes_while_it_is_read_is_told(folder: pathlib.Path) -> None:
    with pytest.raises(OutsideError, match="cannot be read: No such file"):
        read_file(folder / "gone")


def test_what_ignore_files_name_and_what_this_tool_wrote_stay_at_home(folder: pathlib.Path) -> None:
    before = payload.collect_payload(OWN, folder)
    (folder / ".dockerignore").write_text("app/*.bak\n")
    (folder / "app" / "data" / ".gitignore").write_text("*.log\n.gitignore\n")
    (folder / "app" / "old.bak").write_text("x")
    (folder / "app" / "data" / "a.log").write_text("x")
    (folder / "app" / "report.json").write_text('{"tool": "envspec 1", "phase": "ship"}')
    found = payload.collect_payload(OWN, folder)
    assert (found.files, found.outputs) == (before.files, ("report.json",))


def test_an_ignored_file_that_is_included_goes_along(folder: pathlib.Path) -> None:
    (folder / ".gitignore").write_text("*.bak\n")
    (folder / "app" / "old.bak").write_text("x")
    named = OWN.model_copy(update={"include": ("old.bak",)})
    assert "old.bak" in paths(payload.collect_payload(named, folder))
