"""Sources of a spec, as a lock has them: trees, workspaces, archives and commits, and every edit of them."""

import contextlib
import os
import pathlib
import shutil
import subprocess

import pytest

from envspec.lockfile.lock import File, Lock, dump_lock, parse_lock
from envspec.resolve.prefer import moving_packages, preferences_of
from envspec.resolve.resolver import resolve_spec
from envspec.source.bound import ChangedSourceError, refuse_changed
from envspec.source.editable import editable_wheel
from envspec.source.fetch import fetch_locked
from envspec.source.sdist import BuildSite
from envspec.source.yard import SourceYard
from envspec.spec.model import Spec
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.wheel import Wheel
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import FindingsError, OutsideError, SpecError
from tests.support.fakes import Recorder
from tests.support.paths import ROOT
from tests.support.projects import project, written
from tests.support.specs import PIP_TOOLS, artifact, file_of, lock, spec, stage
from tests.support.web import Answer, serving
from tests.support.wheels import sdist, wheel

pytestmark = pytest.mark.usefixtures("home")
HEAD = 'machine = "x86_64"\n'


class Place:
    """A spec's folder, and a machine without any index."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.store = Wheelhouse(folder.parent / "store")
        self.said = Recorder()

    def sources(self, wanted: Spec, *, offline: bool = False) -> Sources:
        return Sources(wanted, PipSettings(no_index=True), offline=offline).within(self.folder)

    def lock(self, *words: str, resolver: str = "uv", offline: bool = False) -> tuple[Spec, Lock]:
        wanted = spec(stage("one", *words), head=HEAD)
        sources = self.sources(wanted, offline=offline)
        return wanted, resolve_spec(wanted, sources, self.store, resolver=resolver, progress=self.said)

    def yard(self, wanted: Spec, *, offline: bool = False) -> SourceYard:
        return SourceYard(
            spec=wanted,
            sources=self.sources(wanted, offline=offline),
            store=self.store,
            progress=self.said,
        )

    def bound(self, wanted: Spec, held: Lock) -> Lock:
        return self.yard(wanted).bind(parse_lock(dump_lock(held)))

    def read(self, held: Lock, name: str, path: str) -> bytes:
        entry = next(entry for entry in held.artifact if entry.name == name)
        with Wheel(self.store.path(entry.installed)) as opened:
            return opened.read(path)


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Place:
    return Place(written(tmp_path / "spec", {"envspec.toml": ""}))


def test_a_tree_is_locked_by_what_it_requires_alone(place: Place) -> None:
    project(place.folder / "core", "core")
    wanted, held = place.lock("./core")
    assert [(entry.name, entry.version, entry.index) for entry in held.artifact] == [("core", "1.0", "spec")]
    assert "artifact" not in dump_lock(held)
    assert parse_lock(dump_lock(held)) == held.unbound
    assert place.bound(wanted, held) == held
    assert "building a wheel from ./core" in place.said.said


@pytest.mark.parametrize("resolver", ["uv", PIP_TOOLS])
def test_trees_take_part_in_the_joint_solution(place: Place, resolver: str) -> None:
    project(place.folder / "core", "core", requires=["util>=1"], extras={"fast": ["speed==2.0"]})
    project(place.folder / "util", "util")
    project(place.folder / "speed", "speed", version="2.0")
    _, held = place.lock("./core[fast]", "./util", "./speed", resolver=resolver)
    assert held.pins == {"core": "1.0", "util": "1.0", "speed": "2.0"}


def test_what_a_tree_requires_and_another_is_not_is_a_contradiction(place: Place) -> None:
    project(place.folder / "core", "core", requires=["util>=2"])
    project(place.folder / "util", "util")
    with pytest.raises(FindingsError) as caught:
        place.lock("./core", "./util")
    assert [finding.rule for finding in caught.value.findings] == ["EV101"]


def test_an_edit_of_the_same_version_size_and_date_is_built_and_keeps_the_lock(place: Place) -> None:
    core = project(place.folder / "core", "core")
    wanted, held = place.lock("./core")
    file = core / "src" / "core" / "__init__.py"
    date = file.stat()
    file.write_text("A = 2\n")
    os.utime(file, ns=(date.st_atime_ns, date.st_mtime_ns))
    now = place.bound(wanted, held)
    assert dump_lock(now) == dump_lock(held)
    assert now.digest == held.digest
    assert now.artifact[0].sha256 != held.artifact[0].sha256
    assert place.read(now, "core", "core/__init__.py") == b"A = 2\n"


def test_an_edit_that_is_taken_back_is_built_no_more(place: Place) -> None:
    core = project(place.folder / "core", "core")
    wanted, held = place.lock("./core")
    project(core, "core", code="A = 2\n")
    place.bound(wanted, held)
    project(core, "core")
    place.said.said.clear()
    assert place.bound(wanted, held) == held
    assert place.said.said == []


def test_a_tree_that_requires_something_else_is_not_what_was_locked(place: Place) -> None:
    core = project(place.folder / "core", "core")
    wanted, held = place.lock("./core")
    project(core, "core", requires=["util"])
    with pytest.raises(ChangedSourceError, match=r"\./core requires other things"):
        place.bound(wanted, held)


def test_members_of_a_workspace_come_by_themselves(place: Place) -> None:
    names = ["one", "two", "three", "four", "five"]
    beside = "".join(f"{name} = {{ workspace = true }}\n" for name in names)
    written(
        place.folder,
        {"pyproject.toml": f'[tool.uv.workspace]\nmembers = ["libs/*"]\n[tool.uv.sources]\n{beside}'},
    )
    for name, after in zip(names, [*names[1:], None], strict=True):
        project(place.folder / "libs" / name, name, requires=[after] if after else [])
    wanted, held = place.lock("./libs/one")
    assert held.pins == dict.fromkeys(names, "1.0")
    assert {source.path: source.at for source in held.source} == {
        "libs/one": "stage[0].install[0]",
        **{f"libs/{name}": "" for name in names[1:]},
    }
    assert place.bound(wanted, held) == held


def test_a_neighbour_comes_by_its_path(place: Place) -> None:
    project(place.folder / "app", "app", requires=["util"], more='[tool.uv.sources]\nutil={path="../util"}\n')
    project(place.folder / "util", "util")
    assert place.lock("./app")[1].pins == {"app": "1.0", "util": "1.0"}


def test_a_neighbour_outside_the_spec_s_folder_is_refused(place: Place) -> None:
    more = '[tool.uv.sources]\nutil = { path = "../../util" }\n'
    project(place.folder / "app", "app", requires=["util"], more=more)
    project(place.folder.parent / "util", "util")
    with pytest.raises(SpecError, match="leaves the folder of the spec"):
        place.lock("./app")


def test_what_a_tree_pins_otherwise_than_its_neighbour_is_a_contradiction(place: Place) -> None:
    more = '[tool.uv.sources]\nutil = { path = "../util" }\n'
    project(place.folder / "app", "app", requires=["util==3"], more=more)
    project(place.folder / "util", "util")
    with pytest.raises(FindingsError) as caught:
        place.lock("./app")
    assert [finding.rule for finding in caught.value.findings] == ["EV101"]


@pytest.mark.parametrize("status", [401, 503])
def test_what_a_tree_requires_of_an_index_that_does_not_answer_is_no_contradiction(
    place: Place, status: int
) -> None:
    project(place.folder / "core", "core", requires=["lib>=1"])
    with serving() as web:
        web.answers["/lib/"] = Answer(status=status)
        wanted = spec(
            stage("one", "lib", more='index = "mine"'),
            stage("two", "./core"),
            head=HEAD,
            tail=f'[index.mine]\nurl = "{web.url}"',
        )
        with pytest.raises(OutsideError, match="index mine cannot be asked for lib") as caught:
            resolve_spec(wanted, place.sources(wanted), place.store, progress=place.said)
    assert ("NAME:PASSWORD@" in caught.value.hint) == (status == 401)


def test_one_name_twice_is_refused(place: Place) -> None:
    project(place.folder / "a", "core")
    project(place.folder / "b", "core")
    with pytest.raises(SpecError, match=r"stage\[0\]\.install\[1\]: core is .*name it once"):
        place.lock("./a", "./b")


def test_a_name_that_is_asked_of_an_index_too_is_refused(place: Place) -> None:
    project(place.folder / "core", "core")
    with pytest.raises(SpecError, match=r"install\[1\]: core is asked for by stage\[0\]\.install\[0\]"):
        place.lock("core==1.0", "./core")


def test_a_marker_that_does_not_hold_leaves_a_source_out(place: Place) -> None:
    project(place.folder / "core", "core")
    project(place.folder / "other", "other")
    assert place.lock("./core", "./other; sys_platform == 'win32'")[1].pins == {"core": "1.0"}


def test_a_requirement_by_address_wants_a_word_of_its_own(place: Place) -> None:
    project(place.folder / "core", "core", requires=["util @ https://host.example/util-1.0.tar.gz"])
    with pytest.raises(SpecError, match="core requires util by an address"):
        place.lock("./core")
    project(place.folder / "util", "util")
    assert place.lock("./core", "./util")[1].pins == {"core": "1.0", "util": "1.0"}


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ('git = "https://host.example/util", tag = "v1"', "util @ git+https://host.example/util@v1"),
        ('url = "https://host.example/util-1.0.tar.gz"', "util @ https://host.example/util-1.0.tar.gz"),
        ('path = "../util-1.0.tar.gz"', "./util-1.0.tar.gz"),
    ],
)
def test_what_a_tree_takes_from_elsewhere_never_comes_from_an_index(
    place: Place, said: str, word: str
) -> None:
    (place.folder / "util-1.0.tar.gz").touch()
    more = f"[tool.uv.sources]\nutil = {{ {said} }}\n"
    project(place.folder / "core", "core", requires=["util"], more=more)
    with pytest.raises(SpecError, match="core takes util from elsewhere than an index") as caught:
        place.lock("./core")
    assert word in caught.value.hint
    project(place.folder / "util", "util")
    assert place.lock("./core", "./util")[1].pins == {"core": "1.0", "util": "1.0"}


def test_a_backend_that_fails_says_its_last_words(place: Place) -> None:
    project(place.folder / "core", "core", backend='raise SystemExit("no such thing")')
    with pytest.raises(FindingsError) as caught:
        place.lock("./core")
    (finding,) = caught.value.findings
    assert (finding.rule, finding.where) == ("EV106", "stage[0].install[0]")
    assert "no such thing" in finding.message


def test_a_backend_that_asks_the_network_is_said_so(place: Place) -> None:
    asks = "import urllib.request; urllib.request.urlopen('http://host.example')"
    project(place.folder / "core", "core", backend=asks)
    with pytest.raises(FindingsError) as caught:
        place.lock("./core")
    assert "asks for the network" in caught.value.findings[0].message


def test_a_backend_that_writes_elsewhere_is_kept_from_it(place: Place) -> None:
    project(place.folder / "core", "core", backend=f"open({str(ROOT / 'written-by-a-build')!r}, 'w')")
    with pytest.raises(FindingsError) as caught:
        place.lock("./core")
    assert "its own folder alone" in caught.value.findings[0].message
    assert not (ROOT / "written-by-a-build").exists()


def test_what_a_backend_writes_to_the_temporary_folder_is_thrown_away(place: Place) -> None:
    """Where the kernel lets it, a build has a temporary folder of its own over this machine's."""
    outside = place.folder / "written"
    project(place.folder / "core", "core", backend=f"open({str(outside)!r}, 'w')")
    with contextlib.suppress(FindingsError):
        place.lock("./core")
    assert not outside.exists()


def test_a_backend_that_talks_for_ever_is_cut(place: Place) -> None:
    talks = "[print('x' * 1000) for _ in range(100_000)]; raise SystemExit('end')"
    project(place.folder / "core", "core", backend=talks)
    with pytest.raises(FindingsError) as caught:
        place.lock("./core")
    assert "end" in caught.value.findings[0].message


def test_a_wheel_by_path_that_was_built_anew_is_another(place: Place) -> None:
    file = wheel(place.folder / "wheels", "core", "1.0")
    wanted, held = place.lock(f"./wheels/{file.name}")
    refuse_changed(held, wanted, place.folder)
    data, date = bytearray(file.read_bytes()), file.stat()
    data[10] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(date.st_atime_ns, date.st_mtime_ns))
    with pytest.raises(ChangedSourceError, match="is not the file that was locked"):
        refuse_changed(held, wanted, place.folder)


def test_a_wheel_of_the_key_that_was_built_anew_is_another(tmp_path: pathlib.Path) -> None:
    file = wheel(tmp_path / "dist", "core")
    held = lock(artifact(file, index="spec"))
    wanted = spec(stage("one", more=f'wheels = [{{ path = "dist/{file.name}" }}]'))
    refuse_changed(held, wanted, tmp_path)
    data, date = bytearray(file.read_bytes()), file.stat()
    data[10] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(date.st_atime_ns, date.st_mtime_ns))
    with pytest.raises(ChangedSourceError, match=r"dist/core-1\.0-py3-none-any\.whl is not the file"):
        refuse_changed(held, wanted, tmp_path)
    file.unlink()  # what is kept serves
    refuse_changed(held, wanted, tmp_path)


def test_a_source_distribution_by_path_is_built(place: Place) -> None:
    file = sdist(place.folder / "dist")
    wanted, held = place.lock(f"./dist/{file.name}")
    (entry,) = held.artifact
    assert (entry.file, entry.installed.file.endswith(".whl")) == (file.name, True)
    assert parse_lock(dump_lock(held)) == held
    shutil.rmtree(place.store.root)
    fetch_locked(held, place.sources(wanted), place.store)
    assert place.store.verify(entry.installed)


def in_place(place: Place, word: str, *, offline: bool = False) -> tuple[str, File]:
    """What an editable tree is installed from: its ordinary wheel's name, and the wheel that leads to it."""
    wanted = spec(stage("one", word), head=HEAD)
    sources = place.sources(wanted, offline=offline)
    held = SourceYard(spec=wanted, sources=sources, store=place.store, progress=place.said).bind(
        resolve_spec(wanted, sources, place.store, progress=place.said)
    )
    (source,), (entry,) = held.trees, held.artifact
    site = BuildSite.of(sources, place.store, held.target, place.said)
    tree = (place.folder / (source.path or ".")).resolve()
    found = editable_wheel(tree, entry, site, within=place.folder.resolve(), tools=source.tools)
    return entry.file, found


def test_an_editable_tree_is_asked_again_only_when_it_changed(place: Place) -> None:
    hook = (
        "\ndef build_editable(folder, config_settings=None, metadata_directory=None):\n"
        "    name = build_wheel(folder)\n"
        "    import os, zipfile\n"
        "    with zipfile.ZipFile(os.path.join(folder, name), 'a') as wheel:\n"
        "        wheel.writestr('core.pth', os.getcwd() + '/src')\n"
        "    return name\n"
    )
    tree = project(place.folder / "core", "core")
    (tree / "backend.py").write_text((tree / "backend.py").read_text() + hook)
    _, first = in_place(place, "-e ./core")
    with Wheel(place.store.path(first)) as opened:
        assert opened.read("core.pth").decode() == f"{tree.resolve()}/src"
    asks = f"asking for a wheel that uses {tree.resolve()} in place"
    assert in_place(place, "-e ./core", offline=True)[1] == first
    assert place.said.said.count(asks) == 1
    (tree / "pyproject.toml").write_text((tree / "pyproject.toml").read_text() + "\n# another\n")
    in_place(place, "-e ./core")
    assert place.said.said.count(asks) == 2


def test_a_build_that_waits_is_ended_when_the_spec_says(place: Place) -> None:
    project(place.folder / "core", "core", backend="import time; time.sleep(60)")
    wanted = spec(stage("one", "./core"), head=f"{HEAD}build-timeout = 6\n")
    with pytest.raises(FindingsError) as caught:
        resolve_spec(wanted, place.sources(wanted), place.store, progress=place.said)
    assert "build_wheel did not end within 0.1 minutes" in caught.value.findings[0].message
    assert wanted.digest == spec(stage("one", "./core"), head=HEAD).digest


def test_what_it_was_built_with_is_taken_again(place: Place) -> None:
    project(place.folder / "core", "core")
    wanted, held = place.lock("./core")
    (source,) = held.source
    other = held.model_copy(update={"source": (source.model_copy(update={"tools": ("wheel==0.1",)}),)})
    place.said.said.clear()
    place.bound(wanted, other)
    assert place.said.said == ["building a wheel from ./core"]  # with other tools it may be another wheel


# By address.


def test_an_address_is_held_by_its_sha256_without_its_host(place: Place) -> None:
    file = sdist(place.folder.parent / "files")
    with serving() as web:
        web.answers[f"/{file.name}"] = Answer(body=file.read_bytes())
        wanted, held = place.lock(f"{web.url}/{file.name}")
        (entry,) = held.artifact
        assert (entry.index, entry.file, entry.sha256) == ("spec", file.name, file_of(file).sha256)
        assert "http" not in dump_lock(held)
        shutil.rmtree(place.store.root)
        fetch_locked(parse_lock(dump_lock(held)), place.sources(wanted), place.store)
        assert place.store.verify(entry.installed)
        shutil.rmtree(place.store.root)
        web.answers[f"/{file.name}"] = Answer(
            body=sdist(place.folder.parent / "other", extra="1").read_bytes()
        )
        with pytest.raises(OutsideError, match="is not what was locked"):
            fetch_locked(held, place.sources(wanted), place.store)


def test_an_address_that_gives_another_file_than_promised_is_refused(place: Place) -> None:
    file = wheel(place.folder.parent / "files", "core", "1.0")
    with serving() as web:
        web.answers[f"/{file.name}"] = Answer(body=file.read_bytes())
        with pytest.raises(OutsideError, match="promises") as caught:
            place.lock(f"core @ {web.url}/{file.name}#sha256={'0' * 64}")
        assert file_of(file).sha256 in caught.value.hint
        assert place.lock(f"core @ {web.url}/{file.name}#sha256={file_of(file).sha256}")[1].pins == {
            "core": "1.0"
        }


# Git.


def git(folder: pathlib.Path, *words: str) -> str:
    own = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a"}
    own |= {"GIT_COMMITTER_EMAIL": "a@b", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    own |= {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(["git", *words], cwd=folder, env=own, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: pathlib.Path, *tags: str) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "change")
    for tag in tags:
        git(folder, "tag", tag)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "repository"
    project(folder / "libs" / "core", "core")
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "v1")
    return folder


def test_what_git_fills_in_for_an_archive_is_filled_in_for_a_build(place: Place) -> None:
    tree = project(place.folder / "core", "core")
    (tree / ".gitattributes").write_text(
        "src/core/_version.py export-subst\n* text=auto\nnone export-subst\n"
    )
    (tree / "src/core/_version.py").write_text('REFS = "$Format:%D$"\nKEPT = "$Other$"\n')
    git(tree, "init", "--quiet", "--initial-branch", "main")
    commit(tree, "v1.2")
    _, held = place.lock("./core")
    said = place.read(held, "core", "core/_version.py").decode()
    assert "tag: v1.2" in said
    assert "$Other$" in said


def test_a_version_that_is_said_for_a_run_is_built_and_not_taken_for_another(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = project(place.folder / "core", "core")
    asks = "__import__('os').environ.get('PBR_VERSION', said['version'])"
    text = (tree / "backend.py").read_text().replace('"-" + said["version"]', f'"-" + {asks}')
    told = text.replace("{said['version']}", "{version}").replace(
        "def _metadata(said):\n", f"def _metadata(said):\n    version = {asks}\n"
    )
    (tree / "backend.py").write_text(told)
    assert place.lock("./core")[1].pins == {"core": "1.0"}
    monkeypatch.setenv("PBR_VERSION", "7.1")
    assert place.lock("./core")[1].pins == {"core": "7.1"}


def word(repository: pathlib.Path, revision: str) -> str:
    return f"core @ git+{repository.as_uri()}@{revision}#subdirectory=libs/core"


def test_a_tag_is_held_by_its_commit_and_contents(place: Place, repository: pathlib.Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    wanted, held = place.lock(word(repository, "v1"))
    (source,), (entry,) = held.source, held.artifact
    assert source.commit == first
    assert entry.file == f"core-{first}.tar"
    assert str(repository) not in dump_lock(held)
    project(repository / "libs" / "core", "core", code="A = 2\n")
    commit(repository)
    git(repository, "tag", "-f", "v1")
    shutil.rmtree(place.store.root)
    fetch_locked(held, place.sources(wanted), place.store)
    assert place.read(held, "core", "core/__init__.py") == b"A = 1\n"


def test_a_branch_stays_at_its_commit_until_it_may_move(place: Place, repository: pathlib.Path) -> None:
    wanted, held = place.lock(word(repository, "main"))
    held = parse_lock(dump_lock(held))
    first = held.source[0].commit
    project(repository / "libs" / "core", "core", code="A = 2\n")
    commit(repository, "v2")

    def commits(words: str, *moving: str) -> str | None:
        asked = spec(stage("one", words), head=HEAD)
        prefer = preferences_of(held, moving_packages(moving, held))
        return resolve_spec(asked, place.sources(asked), place.store, prefer=prefer).source[0].commit

    second = git(repository, "rev-parse", "HEAD")
    assert commits(word(repository, "main")) == first
    assert commits(word(repository, "main"), "core") == second
    assert commits(word(repository, "v2")) == second
    assert place.lock(word(repository, "main"))[1].source[0].commit == second
    shutil.rmtree(place.store.root)
    git(repository, "reset", "-q", "--soft", "HEAD~1")
    git(repository, "commit", "-q", "-m", "written anew", "--amend")
    git(repository, "tag", "-d", "v1", "v2")
    git(repository, "reflog", "expire", "--expire=now", "--all")
    git(repository, "gc", "-q", "--prune=now")
    assert commits(word(repository, "main")) == git(repository, "rev-parse", "main")
    assert wanted.sources


def test_what_is_kept_serves_without_a_network(place: Place, repository: pathlib.Path) -> None:
    wanted, held = place.lock(word(repository, "main"))
    shutil.rmtree(repository)
    fetch_locked(held, place.sources(wanted, offline=True), place.store)
    shutil.rmtree(place.store.root)
    with pytest.raises(OutsideError, match="offline, and"):
        fetch_locked(held, place.sources(wanted, offline=True), place.store)


def test_a_commit_that_is_gone_is_said_so(place: Place, repository: pathlib.Path) -> None:
    with pytest.raises(OutsideError, match=r"commit 0{40} of file:.* is gone"):
        place.lock(word(repository, "0" * 40))
    with pytest.raises(OutsideError, match=r"nothing of file:.* is gone"):
        place.lock(word(repository, "nothing"))


def test_a_repository_that_is_not_there_is_said_so(place: Place, tmp_path: pathlib.Path) -> None:
    with pytest.raises(OutsideError, match="there is no repository at file:"):
        place.lock(f"git+{(tmp_path / 'gone').as_uri()}")


def test_without_git_it_says_so(
    place: Place, repository: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OutsideError, match="git is not installed"):
        place.lock(word(repository, "v1"))


def test_nothing_of_a_repository_s_wish_is_run(
    place: Place, repository: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = f'[filter "own"]\n\tsmudge = "touch {tmp_path}/ran; cat"\n'
    monkeypatch.setenv("HOME", str(written(tmp_path / "user", {".gitconfig": settings})))
    written(repository, {".gitattributes": "*.py filter=own\n"})
    commit(repository)
    place.lock(word(repository, "main"))
    assert not (tmp_path / "ran").exists()


def test_a_part_of_a_commit_s_digits_is_enough(place: Place, repository: pathlib.Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    assert place.lock(word(repository, first[:10]))[1].source[0].commit == first


def test_another_name_than_stated_is_refused(place: Place, repository: pathlib.Path) -> None:
    with pytest.raises(SpecError, match="is not other, but core"):
        place.lock(f"other @ git+{repository.as_uri()}#subdirectory=libs/core")


def test_members_of_a_repository_want_words_of_their_own(place: Place, repository: pathlib.Path) -> None:
    settings = "[tool.uv.workspace]\nmembers = ['libs/*']\n[tool.uv.sources]\nutil = { workspace = true }\n"
    written(repository, {"pyproject.toml": settings})
    project(repository / "libs" / "core", "core", requires=["util"])
    project(repository / "libs" / "util", "util")
    commit(repository)
    with pytest.raises(SpecError, match="core takes util from elsewhere") as caught:
        place.lock(word(repository, "main"))
    other = f"util @ git+{repository.as_uri()}@main#subdirectory=libs/util"
    assert "@main#subdirectory=libs/util" in caught.value.hint
    assert place.lock(word(repository, "main"), other)[1].pins == {"core": "1.0", "util": "1.0"}
