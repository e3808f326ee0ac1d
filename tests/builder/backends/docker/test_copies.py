"""What a spec copies, in images of a real engine; and the engine's own word on `.dockerignore`."""

import json
import pathlib
import subprocess
import tarfile

import pytest

from builder.backends.docker.engine import Engine
from builder.backends.docker.program import buildkit_program, client_environment
from builder.backends.docker.ship import save_image
from builder.values.copies import PlannedCopy
from builder.values.copying import collect_copies
from envspec.source.ignored import DockerIgnore
from envspec.spec.files import Copy
from tests.builder.backends.docker.conftest import Workshop

pytestmark = pytest.mark.docker

WANTED = (
    {"from": "weights", "to": "/lib/weights", "owner": "app", "mode": "0640"},
    {"from": "conf", "to": "conf"},
    {"from": "run.sh", "to": "/usr/bin/", "owner": "daemon:7"},
)


def copies(workshop: Workshop) -> tuple[PlannedCopy, ...]:
    for path in ("weights/a.bin", "conf/train.yaml", "run.sh"):
        (workshop.folder / path).parent.mkdir(exist_ok=True)
        if not (workshop.folder / path).exists():
            (workshop.folder / path).write_text(workshop.name)
    (workshop.folder / "run.sh").chmod(0o755)
    link = workshop.folder / "conf" / "weights"
    if not link.is_symlink():
        link.symlink_to("../weights/a.bin")
    return collect_copies([Copy.model_validate(each) for each in WANTED], workshop.folder)


def saved_layers(
    engine: Engine, name: str, folder: pathlib.Path
) -> tuple[list[str], dict[str, tuple[object, ...]]]:
    """Digests of the layers, and what stands at the paths that copies bring: kind, mode, owner and link."""
    file = folder / "saved.tar"
    save_image(engine, name, file)
    found: dict[str, tuple[object, ...]] = {}
    with tarfile.open(file) as archive:
        manifest = json.loads(archive.extractfile("manifest.json").read())[0]  # type: ignore[union-attr]
        config = json.loads(archive.extractfile(manifest["Config"]).read())  # type: ignore[union-attr]
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(layer)) as packed:
                for info in packed:
                    found[info.name.rstrip("/")] = (info.mode & 0o7777, info.uid, info.gid, info.linkname)
    return list(config["rootfs"]["diff_ids"]), found


def test_copies_have_their_places_owners_and_modes_and_an_edit_changes_one_layer(workshop: Workshop) -> None:
    plan = workshop.plan(("one", [workshop.wheel("lib")]), copies=copies(workshop), compiled=False)
    before, found = saved_layers(workshop.engine, workshop.build(plan).reference, workshop.folder)
    assert found["usr/lib/weights"] == (0o750, 10001, 10001, "")
    assert found["usr/lib/weights/a.bin"] == (0o640, 10001, 10001, "")
    assert found["app/conf/train.yaml"] == (0o644, 0, 0, "")
    assert found["app/conf/weights"] == (0o777, 0, 0, "/lib/weights/a.bin")
    assert found["usr/bin/run.sh"] == (0o755, 1, 7, "")
    (workshop.folder / "weights" / "a.bin").write_text("another")
    again = plan.model_copy(update={"copies": copies(workshop)})
    after, _ = saved_layers(workshop.engine, workshop.build(again).reference, workshop.folder)
    changed = [place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert len(changed) == 1


PATTERNS = """
*.md
!README.md
/top
dir/
*/one
**/deep.txt
sub/**
!sub/keep
temp?
[ab]x
a\\*b
**/*.log
!**/keep.log
name with space
# comment
"""

PATHS = [
    "a.md", "README.md", "x/a.md", "top", "x/top", "dir/a", "x/dir/a", "x/one", "one", "x/y/one", "deep.txt",
    "x/y/deep.txt", "sub/a", "sub/b/c", "sub/keep", "sub/keep2", "temp1", "temp12", "ax", "cx", "a*b", "acb",
    "q.log", "x/y/q.log", "x/keep.log", "name with space", "kept/file", "# comment",
]  # fmt: skip


def test_docker_copies_what_the_reader_of_dockerignore_says(quick: Workshop, tmp_path: pathlib.Path) -> None:
    program = buildkit_program()
    if program is None or not quick.engine.has_buildkit:
        pytest.skip("no client program here speaks BuildKit")
    context, out = tmp_path / "context", tmp_path / "out"
    for path in PATHS:
        (context / path).parent.mkdir(parents=True, exist_ok=True)
        (context / path).write_text("x")
    (context / ".dockerignore").write_text(PATTERNS)
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY . /\n")
    subprocess.run(
        [program, "build", "--file", dockerfile, "--output", f"type=local,dest={out}", context],
        env=client_environment(quick.engine.address),
        check=True,
        capture_output=True,
    )
    copied = {place.relative_to(out).as_posix() for place in out.rglob("*") if place.is_file()}
    rules = DockerIgnore(context)
    assert copied - {".dockerignore"} == {path for path in PATHS if not rules.ignores(path)}
