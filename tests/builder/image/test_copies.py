"""Where copies stand on a base: places through its links, owners by its users, folders as they are."""

import dataclasses
import pathlib
from collections.abc import Collection, Mapping

import pytest

from builder.image.copies import copy_layers, owner_ids, settle_copies
from builder.image.placing import check_places
from builder.oci.store.blobs import Blobs
from builder.oci.store.lookup import Standing
from builder.oci.store.tar import TarEntry
from builder.values.copies import PlannedCopy
from builder.values.copying import collect_copies
from builder.values.payload import Payload, PayloadFile
from envspec.spec.files import Copy
from envspec.system.errors import BuildError, SpecError

FOLDERS = ("/etc", "/usr", "/usr/lib", "/usr/bin")


@dataclasses.dataclass(frozen=True)
class Base:
    """A base of some folders, a file, a link, and a user."""

    def standing(self, wanted: Collection[str]) -> Mapping[str, Standing]:
        there = {path: Standing(kind="folder") for path in FOLDERS} | {
            "/private": Standing(kind="folder", mode=0o700),
            "/etc/hosts.d": Standing(kind="file"),
            "/lib": Standing(kind="link", goal="usr/lib"),
            "/var": Standing(kind="link", goal="/etc"),
        }
        return {path: there[path] for path in wanted if path in there}

    def passwd(self) -> str:
        return "root:x:0:0::/root:/bin/sh\nwww:x:33:34::/:/bin/false\nbroken\n"


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("ENVSPEC_HOME", str(tmp_path / "home"))
    (tmp_path / "conf" / "deep").mkdir(parents=True)
    (tmp_path / "conf" / "a").write_text("a")
    (tmp_path / "conf" / "deep" / "b").write_text("b")
    (tmp_path / "one").write_text("1")
    return tmp_path


def planned(folder: pathlib.Path, *copies: Mapping[str, object]) -> tuple[PlannedCopy, ...]:
    return collect_copies([Copy.model_validate(each) for each in copies], folder)


def settled(folder: pathlib.Path, **copy: object) -> dict[str, TarEntry]:
    (found,) = settle_copies(planned(folder, {"from": "conf", **copy}), Base())
    return {entry.path: entry for entry, _ in found.entries}


def test_folders_of_the_base_stay_as_they_are_and_new_ones_are_the_copy_s_own(folder: pathlib.Path) -> None:
    found = settled(folder, to="/private/x/y", owner="www", mode="0640")
    assert {path: (entry.mode, entry.user, entry.group) for path, entry in found.items()} == {
        "private": (0o700, 0, 0),
        "private/x": (0o755, 0, 0),
        "private/x/y": (0o750, 33, 34),
        "private/x/y/deep": (0o750, 33, 34),
        "private/x/y/a": (0o640, 33, 34),
        "private/x/y/deep/b": (0o640, 33, 34),
    }


@pytest.mark.parametrize(("payload", "user"), [(False, 10001), (True, 0)])
def test_the_folder_that_programs_start_in_belongs_to_its_copy_unless_a_payload_has_it(
    folder: pathlib.Path, user: int, *, payload: bool
) -> None:
    copies = planned(folder, {"from": "conf", "to": "/app", "owner": "app"})
    (found,) = settle_copies(copies, Base(), payload=payload)
    assert {entry.path: entry.user for entry, _ in found.entries}["app"] == user


def test_a_copy_goes_where_a_link_of_the_base_leads(folder: pathlib.Path) -> None:
    found = settled(folder, to="/lib/x", owner="app")
    assert [found[path].user for path in ("usr/lib", "usr/lib/x", "usr/lib/x/deep/b")] == [0, 10001, 10001]
    assert settled(folder, to="/var", owner="app")["etc/deep"].user == 10001


def test_everybody_may_start_in_the_folder_for_that_whoever_owns_it(folder: pathlib.Path) -> None:
    found = settled(folder, to=".", owner="www", mode="0600")
    assert (found["app"].mode, found["app"].user, found["app/deep"].user) == (0o755, 33, 33)


@pytest.mark.parametrize(
    ("source", "to", "why"),
    [
        ("conf", "/etc/hosts.d", "/etc/hosts.d is a file of the base, and no folder"),
        ("one", "/etc", "/etc is a folder of the base: with `/` at its end a file goes into it"),
    ],
)
def test_a_file_and_a_folder_never_take_each_other_s_place(
    folder: pathlib.Path, source: str, to: str, why: str
) -> None:
    with pytest.raises(SpecError, match=why):
        settle_copies(planned(folder, {"from": source, "to": to}), Base())


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        (None, (0, 0)),
        ("root", (0, 0)),
        ("app", (10001, 10001)),
        ("www", (33, 34)),
        ("www:7", (33, 7)),
        ("1000", (1000, 1000)),
        ("1000:5", (1000, 5)),
    ],
)
def test_owners_are_known_by_name_or_number(owner: str | None, expected: tuple[int, int]) -> None:
    assert owner_ids(owner, Base(), "copy[0].owner") == expected


def test_an_owner_that_the_base_does_not_know_is_refused_with_those_it_knows() -> None:
    with pytest.raises(SpecError, match="no user 'nginx'; it has app, root, www"):
        owner_ids("nginx", Base(), "copy[0].owner")


def layers(folder: pathlib.Path) -> list[str]:
    copies = planned(folder, {"from": "conf", "to": "/srv/conf"}, {"from": "one", "to": "/srv/one"})
    made = copy_layers(settle_copies(copies, Base()), folder, Blobs(folder / "oci"))
    return [layer.diff_id for layer in made]


def test_an_edit_of_one_copy_changes_its_layer_alone(folder: pathlib.Path) -> None:
    before = layers(folder)
    (folder / "conf" / "a").write_text("another")
    after = layers(folder)
    assert (after[0] != before[0], after[1] == before[1]) == (True, True)


def test_a_file_that_changes_meanwhile_is_never_taken_for_the_planned_one(folder: pathlib.Path) -> None:
    copies = planned(folder, {"from": "one", "to": "/srv/one"})
    (folder / "one").write_text("2")
    with pytest.raises(BuildError, match="srv/one changed while it was copied"):
        copy_layers(settle_copies(copies, Base()), folder, Blobs(folder / "oci"))


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("/opt/env", "the packages stand there"),
        ("/opt/env/lib/x", "the packages stand there"),
        ("/opt/envspec/x", "what starts the image stands there"),
        ("/proc/x", "the kernel's files are mounted there"),
        ("/etc/passwd", "the builder writes the image's users there"),
        ("/srv/models/team/voice", "the model team/voice stands there"),
    ],
)
def test_no_copy_goes_over_what_the_image_is_made_of(folder: pathlib.Path, to: str, why: str) -> None:
    copies = planned(folder, {"from": "conf", "to": "/fine"}, {"from": "conf", "to": to})
    with pytest.raises(SpecError) as caught:
        check_places(copies, None, ["team/voice"])
    (problem,) = caught.value.problems
    assert (problem.path, problem.message) == ("copy[1].to", f"{to!r} is no place for a copy: {why}")


def test_a_folder_may_hold_another_s_place_as_long_as_it_brings_nothing_there(folder: pathlib.Path) -> None:
    check_places(planned(folder, {"from": "conf", "to": "/opt"}), None)
    (folder / "conf" / "env").write_text("x")
    with pytest.raises(SpecError):
        check_places(planned(folder, {"from": "conf", "to": "/opt"}), None)


def collision(folder: pathlib.Path, *copies: Mapping[str, object], payload: Payload | None = None) -> str:
    with pytest.raises(SpecError) as caught:
        check_places(planned(folder, *copies), payload)
    return caught.value.problems[0].message


def test_two_copies_of_other_contents_at_one_place_are_refused(folder: pathlib.Path) -> None:
    same = {"from": "one", "to": "x"}
    check_places(planned(folder, same, {"from": "one", "to": "/app/x"}), None)
    assert (
        collision(folder, same, {"from": "conf/a", "to": "/app/x"}) == "copy[0] puts another file at /app/x"
    )
    assert "another file" in collision(folder, same, {**same, "owner": "app"})
    assert (
        collision(folder, same, {"from": "conf", "to": "x"}) == "/app/x, which copy[0] brings, is no folder"
    )
    assert collision(folder, {"from": "conf", "to": "x"}, same) == "/app/x is a folder of copy[0]"


def test_a_copy_must_not_differ_from_the_service_s_own_code(folder: pathlib.Path) -> None:
    own = PayloadFile(path="pkg/a", sha256="0" * 64, executable=False)
    payload = Payload(files=(own,))
    assert collision(folder, {"from": "conf", "to": "pkg"}, payload=payload) == (
        "the service's own code puts another file at /app/pkg/a"
    )
    assert "is a folder of" in collision(folder, {"from": "one", "to": "pkg"}, payload=payload)
    (found,) = planned(folder, {"from": "conf", "to": "pkg"})
    same = own.model_copy(update={"sha256": found.files[0].sha256})
    check_places((found,), Payload(files=(same,)))
