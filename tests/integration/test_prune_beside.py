"""Pruning beside builds: nothing breaks, nothing that a build wants is lost."""

import pathlib
import shutil
import subprocess
import threading

from tests.support.program import BIN, run

from .conftest import SPEC, spec_in

ROUNDS = 3


def test_builds_go_on_while_the_home_is_pruned_again_and_again(
    tmp_path: pathlib.Path, env: dict[str, str]
) -> None:
    specs = {name: SPEC.replace('name = "small"', f'name = "{name}"') for name in ("a", "b", "c")}
    folders = [spec_in(tmp_path / name, text) for name, text in specs.items()]
    done = threading.Event()
    failed: list[str] = []

    def prune() -> None:
        while not done.is_set():
            ended = run("envspec", "cache", "prune", "--keep", "0", env=env)
            if ended.returncode != 0:
                failed.append(ended.stderr)

    pruning = threading.Thread(target=prune)
    pruning.start()
    try:
        for number in range(ROUNDS):
            for folder in folders:
                spec_in(folder, (folder / "envspec.toml").read_text() + f"# {number}\n")
            command = [str(BIN / "build-image"), "--backend", "virtualenv", "--quiet"]
            builds = [
                subprocess.Popen(
                    [*command, str(folder)],
                    env=env,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
                for folder in folders
            ]
            for build in builds:
                out, err = build.communicate(timeout=300)
                assert build.returncode == 0, out + err
                assert "verdict: ships" in out
    finally:
        done.set()
        pruning.join()
    assert failed == []
    home = pathlib.Path(env["ENVSPEC_HOME"])
    assert list((home / "runs").iterdir()) == []
    for folder in folders:
        shutil.rmtree(folder)
    assert run("envspec", "cache", "prune", "--keep", "0", env=env).returncode == 0
