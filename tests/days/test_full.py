"""A full disk at every place that a run writes to: exit 4 with the place, what is free and what to set.

Whole runs in a namespace of their own, where the place is a small file system. Then that is made larger,
and the same command must end well. `ENVSPEC_DAYS=all` tries all sizes.
"""

import dataclasses
import io
import os
import pathlib
import random
import subprocess
import tarfile

import pytest

from tests.support.amount import ALL
from tests.support.index import simple_index
from tests.support.program import BIN, machine
from tests.support.wheels import wheel

pytestmark = pytest.mark.days

SIZES = ("16k", "64k", "128k", "256k", "512k", "1m", "2m", "3m", "4m", "6m", "8m", "12m")
FEW = ("16k", "2m")

SPEC = """\
name = "full"
python = "3.11"
{more}
[[stage]]
name = "first"
install = ["noise==1.0"]

[[stage]]
name = "second"
install = ["voice==1.0"]
"""
MORE = {
    "virtualenv": "[base]\nhost = true",
    # For a processor that nothing here can run, so nothing in it is: what remains is what writes.
    "oci": 'machine = "aarch64"\ncompile = false\n'
    '[base]\nimage = "nowhere.invalid/base:bookworm"\narchive = "base.tar"',
}

SCRIPT = """
mount -t tmpfs -o size=$SIZE tmpfs "$SMALL" || exit 99
if [ "$FILL" ]; then mkdir -p "$FILL"; fi
if [ "$SPEC" ]; then cp -r "$SPEC"/. "$SMALL" 2>/dev/null || { echo "ended with 77"; exit 0; }; fi
"$@"; echo "ended with $?"
find "$SMALL" "$PLAIN" -name 'envspec-*' -o -name '.payload-*' -o -path '*/building/*' -o -name '.unpacking-*'
echo "afterwards"
mount -o remount,size=256m "$SMALL"
"$@"; echo "ended with $?"
"""


@dataclasses.dataclass(frozen=True)
class Where:
    """A place that is small, by what names it in messages."""

    setting: str
    backend: str
    words: tuple[str, ...] = ()
    variable: str = ""


PLACES = {
    "home, virtualenv": Where("ENVSPEC_HOME", "virtualenv", variable="ENVSPEC_HOME"),
    "home, oci": Where("ENVSPEC_HOME", "oci", variable="ENVSPEC_HOME"),
    "temporary, virtualenv": Where("TMPDIR", "virtualenv", variable="TMPDIR"),
    "temporary, oci": Where("TMPDIR", "oci", variable="TMPDIR"),
    "layout": Where("--output", "oci", words=("--output", "{small}/layout")),
    "archive": Where("--output", "oci", words=("--output", "{small}/image.tar")),
    "report": Where("--report", "oci", words=("--report", "{small}/report")),
    "project": Where("{small}", "virtualenv"),
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two packages, of 2 MB that nothing makes smaller each."""
    folder, noise = tmp_path_factory.mktemp("index"), random.Random(5)
    files = [
        wheel(
            folder / "files",
            name,
            "1.0",
            files={f"{name}.py": "x = 1\n", f"{name}.bin": noise.randbytes(2 << 20)},
        )
        for name in ("noise", "voice")
    ]
    return simple_index(folder / "simple", files)


def project(folder: pathlib.Path, backend: str) -> pathlib.Path:
    """A folder with a spec, and with a base that looks like one."""
    folder.mkdir()
    (folder / "envspec.toml").write_text(SPEC.format(more=MORE[backend]))
    if backend == "oci":
        with tarfile.open(folder / "base.tar", "w") as archive:
            for name in ("usr/bin/python3.11", "etc/passwd"):
                info = tarfile.TarInfo(name)
                info.size = 4
                archive.addfile(info, io.BytesIO(b"body"))
    return folder


@pytest.mark.parametrize("size", SIZES if ALL else FEW)
@pytest.mark.parametrize("name", PLACES)
def test_a_full_disk_is_named_and_room_is_all_that_is_needed(
    tmp_path: pathlib.Path, index: str, name: str, size: str
) -> None:
    where, small, plain = PLACES[name], tmp_path / "small", tmp_path / "plain"
    for folder in (small, plain):
        folder.mkdir()
    spec = project(tmp_path / "spec", where.backend)
    env = machine(tmp_path / "home", PIP_INDEX_URL=index, TMPDIR=str(plain), PLAIN=str(plain), SIZE=size)
    env |= {"SMALL": str(small), "FILL": "", "SPEC": str(spec) if name == "project" else ""}
    if where.variable:
        env |= {where.variable: str(small / "below"), "FILL": str(small / "below")}
    words = [str(BIN / "build-image"), str(small if name == "project" else spec), "--quiet"]
    words += ["--backend", where.backend, *(word.format(small=small) for word in where.words)]
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh", *words]
    done = subprocess.run(inside, env=env, capture_output=True, text=True, timeout=300)
    if done.returncode == 99 or "unshare failed" in done.stderr:
        assert os.environ.get("CI") != "true", done.stderr
        pytest.skip(f"no file system of one's own can be mounted here: {done.stderr.strip()}")
    said = done.stdout + done.stderr
    if "ended with 77" in said:
        return  # not even the spec fits
    assert "Traceback" not in said
    assert "damaged" not in said
    first, _, second = done.stdout.partition("afterwards")
    code = first.partition("ended with ")[2].split()[0]
    surely = size == "16k" and where.setting not in {"TMPDIR", "{small}"}
    assert code in ({"4"} if surely else {"0", "4"}), said
    if code == "4":
        told = " ".join(f"{first} {done.stderr}".split())
        assert where.setting.format(small=small) in told, said
        assert "no space left" in told or "no folder for temporary files" in told, said
        assert " free" in told, said
    assert first.partition("ended with ")[2].split()[1:] == [], "something half-made was left"
    assert "ended with 0" in second, said
