"""Everything kept heals: each kind of file damaged in each way, one by one and all at once, and runs killed.

ENVSPEC_DAYS=all damages every file in every way and kills 40 times a backend, which takes hours; else some.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import pathlib
import random
import re
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator

import pytest

from builder.oci.image.layout import REF, read_manifests
from envspec.system.keeping import KINDS
from tests.integration.conftest import SPEC, shop_in, spec_in
from tests.support.amount import ALL
from tests.support.index import simple_index
from tests.support.program import BIN, machine, run
from tests.support.wheels import sdist

pytestmark = [
    pytest.mark.days,
    pytest.mark.skipif(
        not pathlib.Path("/usr/bin/python3.11").exists() and os.environ.get("CI") != "true",
        reason="there is no Debian Python to make a base of",
    ),
]

ROOM = 1.05
"""What the home may hold at most, as a part of what it holds after one clean run of each backend."""

BACKENDS = ("virtualenv", "oci")


def flipped(file: pathlib.Path, body: bytes) -> None:
    middle = len(body) // 2
    file.write_bytes(body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :] if body else b"x")


def emptied(file: pathlib.Path, body: bytes) -> None:
    file.write_bytes(b"" if body else b"x")


def half(file: pathlib.Path, body: bytes) -> None:
    file.write_bytes(body[: len(body) // 2] if body else b"x")


def an_object(file: pathlib.Path, body: bytes) -> None:
    file.write_bytes(b"{}")


def a_list(file: pathlib.Path, body: bytes) -> None:
    file.write_bytes(b"[]")


def null(file: pathlib.Path, body: bytes) -> None:
    file.write_bytes(b"null")


def deep(file: pathlib.Path, body: bytes) -> None:
    file.write_bytes(b"[" * 100_000)


def noise(file: pathlib.Path, body: bytes) -> None:
    file.write_bytes(random.Random(len(body)).randbytes(max(len(body), 1)))


def a_folder(file: pathlib.Path, body: bytes) -> None:
    file.unlink()
    (file / "inside").mkdir(parents=True)


def leads_nowhere(file: pathlib.Path, body: bytes) -> None:
    file.unlink()
    file.symlink_to("/nowhere/at/all")


Damage = Callable[[pathlib.Path, bytes], None]
DAMAGES: tuple[Damage, ...] = (
    flipped,
    a_folder,
    emptied,
    half,
    an_object,
    a_list,
    null,
    deep,
    noise,
    leads_nowhere,
)


def base_of_this_machine(file: pathlib.Path) -> None:
    """A root file system with this machine's Python 3.11, just enough of it to start."""
    left_out = re.compile(
        r"/(test|idlelib|__pycache__|ensurepip|lib2to3|dist-packages|pydoc_data|_test\w*)\b|/config-"
    )
    library = pathlib.Path("/usr/lib/python3.11")
    programs = [pathlib.Path("/usr/bin/python3.11"), *(library / "lib-dynload").glob("*.so")]
    said = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    with tarfile.open(file, "w") as archive:
        archive.add(programs[0], "usr/bin/python3.11")
        archive.add(
            library, "usr/lib/python3.11", filter=lambda info: None if left_out.search(info.name) else info
        )
        for place in sorted(set(re.findall(r"(/lib\S*\.so\S*) \(", said))):
            archive.add(os.path.realpath(place), f"usr{place}")
        for name in ("dev", "etc", "proc", "run", "sys", "tmp"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
        for name in ("bin", "lib", "lib64"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            archive.addfile(link)
        users = tarfile.TarInfo("etc/passwd")
        users.size = len(body := b"root:x:0:0::/root:/bin/sh\n")
        archive.addfile(users, io.BytesIO(body))


def sizes(home: pathlib.Path) -> dict[str, int]:
    """Bytes of all files below each folder of a home, what is under way too; links are not followed."""
    found: dict[str, int] = {}
    for top, _, names in os.walk(home):
        for name in names:
            file = pathlib.Path(top, name)
            with contextlib.suppress(FileNotFoundError):
                kind = file.relative_to(home).parts[0]
                found[kind] = found.get(kind, 0) + file.lstat().st_size
    return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class World:
    """A machine on which both backends have run once."""

    folder: pathlib.Path
    env: dict[str, str]

    @property
    def home(self) -> pathlib.Path:
        return pathlib.Path(self.env["ENVSPEC_HOME"])

    def words(self, backend: str, *more: str) -> tuple[str, ...]:
        return (
            "build-image",
            str(self.folder / backend),
            *("--backend", backend, "--quiet", "--format", "json", *more),
        )

    def built(self, backend: str, *more: str) -> tuple[dict[str, object], list[str]]:
        """What came of a run, but for what only its time decides; and its lines on standard error."""
        done = run(*self.words(backend, *more), env=self.env)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        report = json.loads(done.stdout)
        found = {key: report[key] for key in ("ships", "findings", "lock", "plan")}
        if backend == "oci":
            named = [each for each in read_manifests(self.home / "oci") if REF in each["annotations"]]
            found["images"] = sorted(each["digest"] for each in named)
        lines = done.stderr.splitlines()
        assert [line for line in lines if not line.startswith("kept file ")] == []
        assert len(set(lines)) == len(lines), "each thing is named once"
        return {**found, "reference": report["environment"]["reference"]}, lines

    def files(self) -> Iterator[tuple[str, pathlib.Path]]:
        """Kind and place of every file of the home; no link is followed: those of layers lead out."""
        places = sorted((kind.place for kind in KINDS), key=len, reverse=True)
        for top, _, names in os.walk(self.home):
            for file in (pathlib.Path(top, name) for name in sorted(names)):
                inside = file.relative_to(self.home).as_posix()
                if not file.is_symlink():
                    yield next((each for each in places if inside.startswith(f"{each}/")), inside), file

    def held(self) -> int:
        """Bytes of the home."""
        return sum(sizes(self.home).values())

    def litter(self) -> list[pathlib.Path]:
        """What should not outlive a run."""
        scratch = ("environments/building", "oci/partial", "locks")
        found = [file for each in scratch for file in (self.home / each).glob("*")]
        found += self.home.glob("oci/unpacked/.unpacking-*")
        return [*found, *self.home.rglob(".*.partial")]


def damage(file: pathlib.Path, how: Damage) -> None:
    body = file.read_bytes()
    file.chmod(0o644)
    how(file, body)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], World]:
    """Makes worlds of one index and one base."""
    folder = tmp_path_factory.mktemp("world")
    files = folder / "files"
    index = simple_index(folder / "simple", [*shop_in(files), sdist(files)])
    spec_in(folder / "virtualenv", f'{SPEC}[[stage]]\nname = "third"\ninstall = ["source==1.0"]\n')
    base = 'image = "nowhere.invalid/base:bookworm"\narchive = "base.tar"'
    spec_in(folder / "oci", SPEC.replace("host = true", base))
    base_of_this_machine(folder / "oci" / "base.tar")
    return lambda name: World(folder=folder, env=machine(folder / name, PIP_INDEX_URL=index))


@pytest.fixture(scope="module")
def world(made: Callable[[str], World]) -> World:
    world = made("home")
    for backend in BACKENDS:
        world.built(backend)
    return world


@pytest.fixture(scope="module")
def clean(world: World) -> dict[str, dict[str, object]]:
    """What a run gives where nothing is damaged."""
    return {backend: world.built(backend)[0] for backend in BACKENDS}


@pytest.fixture(scope="module")
def room(world: World, clean: dict[str, dict[str, object]]) -> float:
    """Bytes that the home may hold."""
    return world.held() * ROOM


UNREAD = {"swept", "uv", "seen", "trial", "oci/layers", "oci/facts", "oci/index.json"}
"""What is not read, or is not trusted by itself, where all that stands on it has to be made anew."""


@pytest.mark.parametrize("how", DAMAGES if ALL else DAMAGES[:2])
def test_all_at_once(world: World, clean: dict[str, dict[str, object]], room: float, how: Damage) -> None:
    kinds: set[str] = set()
    for kind, file in list(world.files()):
        damage(file, how)
        kinds.add(kind)
    lines = []
    for backend in BACKENDS:
        found, said = world.built(backend)
        assert found == clean[backend]
        lines += said
    named = {kind for kind in kinds if any(line.startswith(f"kept file {kind}") for line in lines)}
    assert kinds - named <= UNREAD, lines
    for backend in BACKENDS:
        assert world.built(backend) == (clean[backend], [])
    assert world.held() <= room, sizes(world.home)


def chosen(world: World) -> Iterator[tuple[str, pathlib.Path, Damage]]:
    """Some kinds of files, damaged in some way; or every file in every way, save in large folders."""
    noise = random.Random(11)
    by_kind: dict[str, list[pathlib.Path]] = {}
    for kind, file in world.files():
        by_kind.setdefault(kind, []).append(file)
    kinds = sorted(by_kind) if ALL else sorted(noise.sample(sorted(by_kind), min(len(by_kind), 7)))
    for kind, files in ((kind, by_kind[kind]) for kind in kinds):
        some = files if ALL and len(files) < 40 else noise.sample(files, min(len(files), 5 if ALL else 1))
        for file in some:
            for how in DAMAGES if ALL else (noise.choice(DAMAGES),):
                yield kind, file, how


def test_one_by_one(world: World, clean: dict[str, dict[str, object]], room: float) -> None:
    """Each file alone: the run that needs it names it, and the next one says nothing."""
    tried = {"seen"}
    for kind, file, how in list(chosen(world)):
        if not file.is_file():  # healed into another name meanwhile, or gone with what it belonged to
            continue
        backend = "oci" if kind.startswith("oci") else "virtualenv"
        fresh = ["--fresh"] if kind in {"metadata", "facts", "verdict", "trial", "proof"} else []
        damage(file, how)
        if kind == "uv":
            done = run("envspec", "lock", world.folder / backend, "--upgrade", "--quiet", env=world.env)
            assert done.returncode == 0, done.stdout + done.stderr
        found, lines = world.built(backend)
        assert found == clean[backend], (file, how)
        if fresh:
            assert world.built(backend, *fresh)[0] == clean[backend], (file, how)
        assert world.built(backend) == (clean[backend], []), (file, how)
        tried.add(kind)  # what one backend does not read waits for the other
        assert all(any(each in line for each in {*tried, "has no note"}) for line in lines), (
            file,
            how,
            lines,
        )
    assert len(tried) > 5
    assert world.held() <= room


@pytest.mark.parametrize(
    ("backend", "warm"),
    [(backend, warm) for backend in BACKENDS for warm in (False, True)]
    if ALL
    else [("virtualenv", False), ("oci", True)],
)
def test_what_killed_runs_leave_goes(
    made: Callable[[str], World], world: World, clean: dict[str, dict[str, object]], backend: str, warm: bool
) -> None:
    """One home killed again and again at random moments: what it holds in the end is what one run leaves."""
    whole = made(f"whole-{backend}-{warm}")
    began = time.monotonic()
    whole.built(backend)
    duration = time.monotonic() - began
    killed = made(f"killed-{backend}-{warm}")
    if warm:
        killed.built(backend)
    moments = random.Random(7)
    for _ in range(20 if ALL else 3):
        if warm:
            for kind, file in list(killed.files()):
                if kind in {"environments", "oci/unpacked", "verdict"}:
                    file.unlink()
        process = subprocess.Popen(
            [BIN / killed.words(backend)[0], *killed.words(backend)[1:]],
            env=killed.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(moments.random() * duration)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    found, _ = killed.built(backend)
    assert {**found, "reference": ""} == {**clean[backend], "reference": ""}
    assert killed.built(backend) == (found, [])
    assert killed.litter() == []
    assert killed.held() <= whole.held() * ROOM, (sizes(killed.home), sizes(whole.home))
