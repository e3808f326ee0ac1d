"""Images written out, and read back as bases."""

import io
import json
import pathlib
import re
import tarfile

import pytest

from builder.oci.image import attest, layout, saved
from builder.oci.image.base import BaseImage, examine_base
from builder.oci.image.documents import ContainerSettings, Image, assemble_image
from builder.oci.store import pieces
from builder.oci.store.blobs import Blobs
from builder.oci.store.pieces import file_piece, link_piece
from builder.values.verdict import Verdict
from envspec.system.errors import OutsideError, UsageError

SETTINGS = ContainerSettings(
    user="10001:10001",
    folder="/app",
    variables={"A": "own", "PATH": "/opt/env/bin:/usr/bin"},
    labels={"io.envspec.lock": "sha256:1"},
    entrypoint=("/opt/env/bin/python",),
    command=("serve",),
    ports=(5000,),
    health=("check",),
)

VERDICT = Verdict(
    target="x", findings=(), python="3.11.2", platform="linux", distributions=(), counts={}, timings={}
)


@pytest.fixture
def base(blobs: Blobs) -> BaseImage:
    layer = pieces.layer_of_pieces(
        "base",
        [
            file_piece("usr/bin/python3.11", b"elf", executable=True),
            file_piece("etc/passwd", b"root:x:0:0::/:/bin/sh\n"),
        ],
        blobs,
        known=(),
    )
    settings = {"Env": ["A=base", "B=base"], "Labels": {"maker": "them"}}
    return BaseImage(name="demo:1", machine="amd64", layers=(layer,), settings=settings)


@pytest.fixture
def image(base: BaseImage, blobs: Blobs) -> Image:
    layer = pieces.layer_of_pieces(
        "payload", [file_piece("app/run.py", b"print(1)\n"), link_piece("app/link", "run.py")], blobs
    )
    return assemble_image(base, [layer], SETTINGS, "/opt/env/bin/python", blobs)


def test_the_configuration_says_how_a_container_starts(image: Image, blobs: Blobs) -> None:
    document = json.loads(blobs.read(image.config))
    config = document["config"]
    assert document["rootfs"]["diff_ids"] == [layer.diff_id for layer in image.layers]
    assert [entry["created_by"] for entry in document["history"]] == ["envspec: base", "envspec: payload"]
    assert config["Env"] == ["A=own", "B=base", "PATH=/opt/env/bin:/usr/bin"]
    assert config["Labels"] == {"maker": "them", "io.envspec.lock": "sha256:1"}
    assert (config["User"], config["WorkingDir"]) == ("10001:10001", "/app")
    assert config["ExposedPorts"] == {"5000/tcp": {}}
    assert config["Healthcheck"]["Test"] == ["CMD", "check"]


def test_the_same_content_gives_the_same_image_in_any_store(
    image: Image, base: BaseImage, tmp_path: pathlib.Path
) -> None:
    other = Blobs(tmp_path / "elsewhere")
    assert assemble_image(base, image.layers[1:], SETTINGS, image.python, other) == image


def test_a_layout_has_every_blob_that_its_manifest_names(
    image: Image, blobs: Blobs, tmp_path: pathlib.Path
) -> None:
    out = tmp_path / "out"
    layout.write_image(image, "amd64", "demo:latest", blobs, out)
    index = json.loads((out / "index.json").read_text())
    (entry,) = index["manifests"]
    copied = Blobs(out)
    manifest = json.loads(copied.read(image.manifest))
    assert entry["digest"] == image.manifest.digest
    assert entry["annotations"] == {layout.REF: "demo:latest"}
    assert json.loads((out / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    for named in (manifest["config"], *manifest["layers"]):
        assert copied.path(named["digest"]).stat().st_size == named["size"]


def test_a_layout_holds_what_the_standard_names_and_nothing_else(
    image: Image, blobs: Blobs, tmp_path: pathlib.Path
) -> None:
    out = tmp_path / "out"
    for tag in ("a:1", "a:1", "b:1"):
        layout.write_image(
            image, "amd64", tag, blobs, out, [attest.attest_verdict(image, tag, VERDICT, blobs)]
        )
    assert sorted(path.name for path in out.iterdir()) == ["blobs", "index.json", "oci-layout"]
    assert [path.name for path in (out / "blobs").iterdir()] == ["sha256"]
    names = [path.name for path in (out / "blobs" / "sha256").iterdir()]
    assert all(re.fullmatch("[0-9a-f]{64}", name) for name in names)


def test_a_name_is_in_a_layout_once_and_others_stay(
    image: Image, blobs: Blobs, tmp_path: pathlib.Path
) -> None:
    for tag in ("a:1", "b:1", "a:1"):
        layout.write_layout(image, "amd64", tag, blobs, tmp_path / "out")
    names = [entry["annotations"][layout.REF] for entry in layout.read_manifests(tmp_path / "out")]
    assert sorted(names) == ["a:1", "b:1"]


def test_a_name_means_every_processor_that_it_was_made_for(
    image: Image, base: BaseImage, blobs: Blobs, tmp_path: pathlib.Path
) -> None:
    """As registries have it: an index with an image a processor, each with its own artifacts."""
    out, arm = tmp_path / "out", base.model_copy(update={"machine": "arm64"})
    other = assemble_image(arm, image.layers[1:], SETTINGS, image.python, blobs)
    proofs = {
        one.manifest.digest: attest.attest_verdict(one, "demo:1", VERDICT, blobs) for one in (image, other)
    }
    for one, machine in ((image, "amd64"), (other, "arm64"), (image, "amd64")):
        layout.write_layout(one, machine, "demo:1", blobs, out, [proofs[one.manifest.digest]])

    entries = layout.read_manifests(out)
    (named,) = (entry for entry in entries if entry["annotations"].get(layout.REF))
    listed = json.loads(Blobs(out).path(named["digest"]).read_text())["manifests"]
    found = {entry["platform"]["architecture"]: entry["digest"] for entry in listed}
    assert found == {"amd64": image.manifest.digest, "arm64": other.manifest.digest}
    subjects = [entry["annotations"].get(layout.SUBJECT) for entry in entries if entry is not named]
    assert sorted(subjects) == sorted(proofs)
    for machine, one in (("amd64", image), ("arm64", other)):
        taken = saved.load_saved_image(out, machine, "3.11", Blobs(tmp_path / machine))
        assert [layer.diff_id for layer in taken.layers] == [layer.diff_id for layer in one.layers]
        assert taken.machine == machine


def test_without_being_asked_for_an_image_takes_the_others_name(
    image: Image, base: BaseImage, blobs: Blobs
) -> None:
    arm = base.model_copy(update={"machine": "arm64"})
    other = assemble_image(arm, image.layers[1:], SETTINGS, image.python, blobs)
    layout.enlist_image(image, "amd64", "demo:1", blobs.root)
    layout.enlist_image(other, "arm64", "demo:1", blobs.root)
    assert [entry["digest"] for entry in layout.read_manifests(blobs.root)] == [other.manifest.digest]


@pytest.mark.parametrize("name", ["index.json", "oci-layout"])
@pytest.mark.parametrize("body", ["", "{}", "[]", "null", "changed"])
def test_at_home_a_damaged_index_has_the_same_names_again(
    image: Image, blobs: Blobs, name: str, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    layout.enlist_at_home(image, "amd64", "demo:1", blobs)
    whole = (blobs.root / name).read_bytes()
    (blobs.root / name).write_bytes(whole.replace(b"1", b"7", 1) if body == "changed" else body.encode())
    layout.enlist_at_home(image, "amd64", "demo:2", blobs)
    names = [entry["annotations"][layout.REF] for entry in layout.read_manifests(blobs.root)]
    assert names == ["demo:1", "demo:2"]
    assert (blobs.root / "oci-layout").read_text() == '{"imageLayoutVersion":"1.0.0"}'
    assert [message.split()[3:] for message in caplog.messages] == [
        ["is", "damaged:", "thrown", "away,", "made", "anew"]
    ]


def test_at_home_what_was_swept_is_no_longer_named(image: Image, base: BaseImage, blobs: Blobs) -> None:
    other = assemble_image(base, image.layers[2:], SETTINGS, image.python, blobs)
    layout.enlist_at_home(other, "amd64", "demo:1", blobs)
    blobs.path(other.manifest.digest).unlink()
    layout.enlist_at_home(image, "amd64", "demo:2", blobs)
    assert [entry["digest"] for entry in layout.read_manifests(blobs.root)] == [image.manifest.digest]


def test_what_is_no_layout_is_left_alone(image: Image, blobs: Blobs, tmp_path: pathlib.Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(UsageError, match="no OCI layout"):
        layout.write_image(image, "amd64", "demo:latest", blobs, tmp_path / "mine")
    (tmp_path / "folder.tar").mkdir()
    with pytest.raises(UsageError, match="no file"):
        layout.write_image(image, "amd64", "demo:latest", blobs, tmp_path / "folder.tar")


def test_the_archive_is_what_docker_load_takes(image: Image, blobs: Blobs, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "image.tar"
    layout.write_image(image, "amd64", "demo:latest", blobs, out)
    with tarfile.open(out) as archive:
        (listed,) = json.loads(member(archive, "manifest.json"))
        assert listed["RepoTags"] == ["demo:latest"]
        assert listed["Config"] == f"{image.config.digest.removeprefix('sha256:')}.json"
        assert member(archive, listed["Config"]) == blobs.read(image.config)
        with tarfile.open(fileobj=io.BytesIO(member(archive, listed["Layers"][-1]))) as layer:
            assert member(layer, "app/run.py") == b"print(1)\n"


def test_a_damaged_layer_never_leaves_the_store(image: Image, blobs: Blobs, tmp_path: pathlib.Path) -> None:
    place = blobs.path(image.layers[0].digest)
    place.chmod(0o644)
    body = bytearray(place.read_bytes())
    body[-1] ^= 255
    place.write_bytes(body)
    with pytest.raises(OutsideError, match="damaged"):
        layout.write_image(image, "amd64", "demo:latest", blobs, tmp_path / "out")
    assert not (tmp_path / "out" / "index.json").exists()


def test_a_cut_layer_never_becomes_an_archive(image: Image, blobs: Blobs, tmp_path: pathlib.Path) -> None:
    place = blobs.path(image.layers[0].digest)
    place.chmod(0o644)
    place.write_bytes(place.read_bytes()[:-100])
    with pytest.raises(OutsideError, match="damaged"):
        layout.write_image(image, "amd64", "demo:latest", blobs, tmp_path / "out.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["oci"]
    assert not place.exists()


def test_a_layer_of_another_length_than_was_noted_never_becomes_an_archive(
    image: Image, blobs: Blobs
) -> None:
    """Its header has been written by then: the archive would be unreadable from there on."""
    layer = image.layers[0].model_copy(update={"length": image.layers[0].length + 512})
    with pytest.raises(OutsideError, match="damaged"):
        list(blobs.plain(layer))


@pytest.mark.parametrize("name", ["layout", "image.tar"])
def test_what_was_written_can_be_a_base(
    image: Image, blobs: Blobs, tmp_path: pathlib.Path, name: str
) -> None:
    layout.write_image(image, "amd64", "demo:latest", blobs, tmp_path / name)
    other = Blobs(tmp_path / "other")
    found = saved.load_saved_image(tmp_path / name, "amd64", "3.11", other)
    assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in image.layers]
    assert found.variables["A"] == "own"
    looked = examine_base(found, "3.11", other, outside="/opt/env")
    assert (looked.python, looked.passwd) == ("/usr/bin/python3.11", "root:x:0:0::/:/bin/sh\n")


def test_a_root_file_system_can_be_a_base(blobs: Blobs, tmp_path: pathlib.Path) -> None:
    place = tmp_path / "root.tar"
    with tarfile.open(place, "w") as archive:
        info = tarfile.TarInfo("./usr/bin/python3.11")
        archive.addfile(info)
    found = saved.load_saved_image(place, "amd64", "3.11", blobs)
    assert examine_base(found, "3.11", blobs, outside="/opt/env").python == "/usr/bin/python3.11"
    with pytest.raises(OutsideError, match=r"no Python 3\.12"):
        examine_base(found, "3.12", blobs, outside="/opt/env")


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"index.json": b"[]"},
        {"index.json": b'{"manifests": [{"digest": "sha256:../../etc/passwd"}]}'},
        {"manifest.json": b'[{"Config": "../secret", "Layers": []}]'},
        {"manifest.json": b"[]"},
        pytest.param({"index.json": b"[" * 100_000}, id="a deep index"),
    ],
)
def test_what_is_no_image_is_said_to_be_none(
    blobs: Blobs, tmp_path: pathlib.Path, files: dict[str, bytes]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret").write_text("{}")
    for name, body in files.items():
        (folder / name).write_bytes(body)
    with pytest.raises(OutsideError, match="cannot be read as an image"):
        saved.load_saved_image(folder, "amd64", "3.11", blobs)


def member(archive: tarfile.TarFile, name: str) -> bytes:
    stream = archive.extractfile(name)
    assert stream is not None
    return stream.read()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", "[" * 100_000], ids=range(6))
def test_an_index_that_cannot_be_read_lists_nothing(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    assert layout.read_manifests(tmp_path) == []
