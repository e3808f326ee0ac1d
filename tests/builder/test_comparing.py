"""What differs between locks and environments, and why a package is there."""

import json
import os
import pathlib
import sys
from collections.abc import Sequence

import pytest

from builder.cli.diff import KINDS, find_changes, side_of, side_of_subject
from builder.cli.explain import explanation
from envspec.lockfile.lock import Lock, write_lock
from envspec.system.errors import FindingsError, OutsideError, UsageError
from envspec.system.process import Completed
from tests.support.specs import artifact, lock, spec, spec_text, stage
from tests.support.wheels import wheel


class FakeTarget:
    """An environment that gives one answer, whatever it is asked."""

    label = "a fake"
    python = "/opt/env/bin/python"
    root = None

    def __init__(self, says: str, code: int = 0) -> None:
        self.says, self.code = says, code
        self.asked: list[Sequence[str]] = []

    def run(self, command: Sequence[str], *, stdin: str | None, timeout: float | None) -> Completed:
        self.asked.append(command)
        return Completed(command=tuple(command), code=self.code, stdout=self.says, stderr="it broke")


def locked(folder: pathlib.Path, version: str) -> pathlib.Path:
    """A spec's folder with a lock of `app` at that version."""
    folder.mkdir()
    (folder / "envspec.toml").write_text(spec_text(stage("one", f"app=={version}")))
    held: Lock = lock(artifact(wheel(folder, "app", version)))
    write_lock(folder / "envspec.lock", held)
    return folder


def test_two_locks_are_compared_package_by_package(tmp_path: pathlib.Path) -> None:
    old, new = locked(tmp_path / "old", "1.0"), locked(tmp_path / "new", "2.0")
    assert [str(change) for change in find_changes(str(old), str(new))] == ["~ app 1.0 -> 2.0"]
    assert find_changes(str(old), str(old / "envspec.lock")) == ()


def test_an_environment_is_asked_with_its_own_python() -> None:
    target = FakeTarget(
        json.dumps({"python": "3.11", "found": {"My_App": "1.0"}, "more": {"My_App": ["pip", ""]}})
    )
    found = side_of_subject(target)
    assert (found.python, dict(found.pins), found.label) == ("3.11", {"my-app": "1.0"}, "a fake")
    assert target.asked[0][0] == "/opt/env/bin/python"


def test_what_a_container_prints_before_the_answer_does_no_harm() -> None:
    answer = json.dumps({"python": "3.9", "found": {}, "more": {}})
    assert side_of_subject(FakeTarget(f"welcome!\n{answer}\n")).python == "3.9"


@pytest.mark.parametrize("target", [FakeTarget(""), FakeTarget("no JSON"), FakeTarget("{}", code=1)])
def test_an_environment_without_an_answer_is_an_error_in_words(target: FakeTarget) -> None:
    with pytest.raises(OutsideError, match="a fake is no working interpreter"):
        side_of_subject(target)


def test_an_interpreter_is_a_side() -> None:
    found = side_of(sys.executable)
    assert found.python == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert "pytest" in found.pins


def test_a_spec_without_a_lock_is_told_how_to_get_one(tmp_path: pathlib.Path) -> None:
    (tmp_path / "envspec.toml").write_text(spec_text(stage("one", "app==1.0")))
    with pytest.raises(UsageError, match=r"envspec\.toml has no lock") as caught:
        side_of(str(tmp_path))
    assert f"envspec lock {os.path.relpath(tmp_path)}/envspec.toml`" in caught.value.hint


def test_what_is_neither_lock_nor_environment_is_an_error_in_words(tmp_path: pathlib.Path) -> None:
    for place in ("/nowhere/at/all", "x" * 5000):
        with pytest.raises(UsageError, match="is not there") as caught:
            side_of(place)
        assert caught.value.hint == KINDS
    with pytest.raises(UsageError, match="neither a spec nor an environment"):
        side_of(str(tmp_path))
    (tmp_path / "other.toml").write_text(spec_text(stage("one", "app==1.0")))
    with pytest.raises(UsageError, match=r"other\.lock is not there") as caught:
        side_of(str(tmp_path / "other.lock"))
    assert caught.value.hint.endswith("/other.toml` makes it")


@pytest.mark.usefixtures("home")
def test_what_has_no_lock_is_named_as_the_command_line_names_it(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = spec_text(stage("one", "app==1.0"), tail="[variant.big]\n")
    for name, words in (("envspec.toml", ""), ("a b.toml", " 'a b.toml'")):
        (tmp_path / name).write_text(text)
        with pytest.raises(FindingsError, match=f"^{name} has no lock$") as caught:
            explanation(pathlib.Path(name), None, "app")
        assert caught.value.hint == f"`envspec lock{words}` makes it"
    with pytest.raises(FindingsError, match=r"envspec\.toml has no lock for variant big") as caught:
        explanation(None, "big", "app")
    assert caught.value.hint == "`envspec lock --variant big` makes it"


@pytest.mark.usefixtures("home")
def test_a_package_that_is_not_locked_cannot_be_explained(tmp_path: pathlib.Path) -> None:
    place = tmp_path / "envspec.toml"
    place.write_text(spec_text(stage("one", "app==1.0"), tail="[remove]\npackages = ['tool']"))
    with pytest.raises(FindingsError, match="has no lock"):
        explanation(place, None, "app")
    held = lock(removed=("tool",)).model_copy(update={"spec": spec(stage("one", "app==1.0")).digest})
    write_lock(tmp_path / "envspec.lock", held)
    with pytest.raises(FindingsError, match="Tool is not in the lock: the spec removes it"):
        explanation(place, None, "Tool")
