"""Models: where they are found, what a lock holds of them, and how they get into an image's folder."""

import pathlib

import pydantic
import pytest

from builder.values import models
from builder.values.plan import make_plan
from envspec.lockfile import lock as locks
from envspec.lockfile.lock import Lock
from envspec.spec.model import Service
from envspec.system.errors import FindingsError, OutsideError, SpecError
from tests.support import specs

VOICE = "./voices/mine"


def service(*entries: str) -> Service:
    return Service(module="app:app", source="app", models=entries)


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A spec's folder with a model, on a machine that downloaded none."""
    monkeypatch.setenv("ENVSPEC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "cache"))
    model = tmp_path / "spec" / "voices" / "mine"
    (model / "deep").mkdir(parents=True)
    (model / "weights.bin").write_bytes(b"weights")
    (model / "deep" / "config.json").write_text("{}")
    return tmp_path / "spec"


@pytest.mark.parametrize(
    "entry", ["one", "../up/down", "./a/../b", "/etc/passwd", "a/b/c", "./", "a/.git", "a b/c"]
)
def test_what_is_neither_an_id_nor_a_folder(entry: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        service(entry)


def test_a_folder_keeps_the_last_two_parts_of_its_name() -> None:
    assert [models.model_name(entry) for entry in (VOICE, "./a/b/c", "./mine", "damo/voice")] == [
        "voices/mine", "b/c", "local/mine", "damo/voice",
    ]  # fmt: skip


def test_a_folder_that_is_not_there_or_leads_out(folder: pathlib.Path) -> None:
    (folder / "out").symlink_to("/etc")
    for entry in ("./none", "./out"):
        with pytest.raises(SpecError, match="no folder of the spec's"):
            models.model_folder(entry, folder)


@pytest.mark.parametrize(
    "place", ["hub/damo/v1___5", "hub/models/damo/v1___5", "models/damo/v1.5", "hub/damo/v1.5"]
)
def test_an_id_is_found_where_modelscope_keeps_it(folder: pathlib.Path, place: str) -> None:
    downloaded = folder.parent / "cache" / place
    downloaded.mkdir(parents=True)
    assert models.model_folder("damo/v1.5", folder) == downloaded


def test_an_id_that_was_not_downloaded(folder: pathlib.Path) -> None:
    with pytest.raises(OutsideError, match="damo/v1 is not on this machine") as caught:
        models.model_folder("damo/v1", folder)
    assert "modelscope download --model damo/v1" in caught.value.hint


def test_the_digest_is_of_paths_and_contents_alone(folder: pathlib.Path) -> None:
    (first,) = models.lock_models(service(VOICE), folder)
    assert (first.name, first.size) == ("voices/mine", 9)
    weights = folder / "voices" / "mine" / "weights.bin"
    weights.touch()
    weights.chmod(0o600)
    (weights.parent / ".msc").write_text("a downloader's notes")
    assert models.lock_models(service(VOICE), folder) == (first,)
    weights.write_bytes(b"Weights")
    (second,) = models.lock_models(service(VOICE), folder)
    assert second.digest != first.digest
    weights.rename(weights.with_name("other.bin"))
    assert models.lock_models(service(VOICE), folder)[0].digest != second.digest


def test_two_models_of_one_name(folder: pathlib.Path) -> None:
    (folder / "more").mkdir()
    (folder / "voices").rename(folder / "more" / "voices")
    (folder / "voices").symlink_to("more/voices")
    with pytest.raises(SpecError, match="two of them would stand at voices/mine"):
        models.lock_models(service(VOICE, "./more/voices/mine"), folder)


def test_a_model_without_files(folder: pathlib.Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(SpecError, match="has no files"):
        models.lock_models(service("./empty"), folder)


def held() -> Lock:
    return specs.lock()


def test_a_changed_model_is_a_drift(folder: pathlib.Path) -> None:
    wanted = service(VOICE)
    first = models.settle_models(held(), wanted, folder, fresh=True, may_add=True)
    assert models.settle_models(first, wanted, folder, fresh=False, may_add=False) is first
    (folder / "voices" / "mine" / "weights.bin").write_bytes(b"changed")
    with pytest.raises(FindingsError, match=r"voices/mine is not the one that was locked"):
        models.settle_models(first, wanted, folder, fresh=False, may_add=True)
    again = models.settle_models(first, wanted, folder, fresh=True, may_add=True)
    assert again.models != first.models


def test_a_model_named_since_joins_the_lock_unless_it_is_to_stand(folder: pathlib.Path) -> None:
    with pytest.raises(FindingsError, match="other models"):
        models.settle_models(held(), service(VOICE), folder, fresh=False, may_add=False)
    with_one = models.settle_models(held(), service(VOICE), folder, fresh=False, may_add=True)
    assert [model.name for model in with_one.models] == ["voices/mine"]
    assert models.settle_models(with_one, service(), folder, fresh=False, may_add=True).models == ()


def test_locks_keep_models_and_their_digest(folder: pathlib.Path) -> None:
    plain = held()
    with_one = models.settle_models(plain, service(VOICE), folder, fresh=True, may_add=True)
    assert locks.parse_lock(locks.dump_lock(with_one)) == with_one
    assert with_one.digest != plain.digest


def test_a_plan_has_the_models_and_tells_the_service_where(
    folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    wanted = service(VOICE)
    with_one = models.settle_models(held(), wanted, folder, fresh=True, may_add=True)
    spec = specs.spec(specs.stage("one")).model_copy(update={"service": wanted})
    plan, plain = make_plan(spec, with_one), make_plan(spec, held())
    assert plan.digest != plain.digest
    assert plan.packages_digest == plain.packages_digest
    assert models.model_variables(plan, "/srv") == {"TTS_MODELS_DIR": "/srv", "TTS_MODELS": "voices/mine"}
    assert models.model_variables(plain, "/srv") == {}
    assert models.local_model_variables(plan, folder) == {"TTS_MODELS": str(folder / "voices" / "mine")}
    secret = folder / "voices" / "mine" / "weights.bin"
    secret.chmod(0o600)
    models.copy_models(plan, folder, tmp_path / "copy")
    copied = tmp_path / "copy" / "voices" / "mine"
    assert sorted(path.relative_to(copied).as_posix() for path in copied.rglob("*") if path.is_file()) == [
        "deep/config.json", "weights.bin",
    ]  # fmt: skip
    assert (copied / "weights.bin").stat().st_mode & 0o777 == 0o644
    assert secret.stat().st_mode & 0o777 == 0o600


def test_secrets_beside_the_weights_are_no_part_of_the_model(
    folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    wanted = service(VOICE)
    before = models.lock_models(wanted, folder)
    place = folder / "voices" / "mine"
    for path in ("id_rsa", ".env", ".git/config", "deep/.aws/credentials"):
        (place / path).parent.mkdir(exist_ok=True)
        (place / path).write_text("x")
    body = "MIIEpAIB" * 8
    (place / "deep" / "notes.txt").write_text(
        f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"
    )
    assert models.lock_models(wanted, folder) == before
    assert models.read_model(place).left_out == (
        ".env", ".git/", "deep/.aws/", "deep/notes.txt", "id_rsa",
    )  # fmt: skip
    spec = specs.spec(specs.stage("one")).model_copy(update={"service": wanted})
    plan = make_plan(spec, held().model_copy(update={"models": before}))
    models.copy_models(plan, folder, tmp_path / "copy")
    copied = tmp_path / "copy" / "voices" / "mine"
    assert sorted(path.relative_to(copied).as_posix() for path in copied.rglob("*") if path.is_file()) == [
        "deep/config.json", "weights.bin",
    ]  # fmt: skip
