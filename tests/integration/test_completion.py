"""Shells complete both programs, with the script that the programs print."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from tests.support.paths import EXAMPLES

BASH = """
source <(envspec completion bash)
COMP_WORDS=({line}); COMP_CWORD={last}
_{function}_completion {program}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """
autoload -U compinit; compinit -u -D
source <(envspec completion zsh)
words=({line}); CURRENT={last}+1
_describe() {{ print -l -- ${{(P)3%%:*}} }}
compadd() {{ print -l -- ${{(P)argv[-1]}} }}
_{function}_completion
"""
FISH = """
envspec completion fish | source
complete --do-complete '{program} {rest}'
"""
LINES = {
    "envspec rules EV10": "EV101",
    "build-image --variant c": "cuda",
    "envspec check --variant f": "full",
}


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize(("shell", "program"), [("bash", BASH), ("zsh", ZSH), ("fish", FISH)])
def test_a_shell_completes(shell: str, program: str, line: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not on this machine")
    name, _, rest = line.partition(" ")
    text = program.format(
        line=line, program=name, rest=rest, function=name.replace("-", "_"), last=len(line.split()) - 1
    )
    no_settings = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    said = subprocess.run(
        [shell, *no_settings, "-c", text],
        cwd=EXAMPLES / "sambert-hifigan",
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert said.stderr == ""
    assert LINES[line] in said.stdout.split()
