"""`bin/activate` of an environment with `[env]`: what a shell has after it, and after `deactivate`."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.backends.activation import write_activation
from envspec.supply import uv

SHELLS = [shell for shell in ("bash", "dash", "zsh") if shutil.which(shell)]


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The one that uv writes, relocatable as the backend wants it."""
    place = tmp_path_factory.mktemp("env") / "v"
    command = [uv.uv_program(), "venv", "--relocatable", "--no-project", "--no-config", "--quiet", str(place)]
    subprocess.run(command, check=True)
    return place / "bin" / "activate"


def printed(shell: str, script: pathlib.Path, *commands: str) -> list[str]:
    text = "; ".join([f"cd {script.parent}", *commands])
    done = subprocess.run(
        [shell, "-c", text], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "OLD": "before"}
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shell != "dash"])
def test_what_it_sets_is_taken_back(script: pathlib.Path, tmp_path: pathlib.Path, shell: str) -> None:
    own = script.with_name("activate-own")
    shutil.copy(script, own)
    write_activation(own, {"OLD": "/a b/$x", "NEW": "it's"})
    show = 'echo "$OLD|${NEW-none}|${VIRTUAL_ENV:+in}"'
    said = printed(shell, own, f". ./{own.name}", show, "deactivate", show, f". ./{own.name}", show)
    assert said == ["/a b/$x|it's|in", "before|none|", "/a b/$x|it's|in"]


@settings(max_examples=15)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="\x7f"), max_size=30))
def test_no_value_becomes_a_command(script: pathlib.Path, value: str) -> None:
    if any(not character.isprintable() for character in value):
        return
    own = script.with_name("activate-hostile")
    shutil.copy(script, own)
    write_activation(own, {"VALUE": value})
    assert printed("bash", own, f". ./{own.name}", 'printf "%s\\n" "$VALUE"') == [value]


def test_without_variables_it_stays_as_it_is(script: pathlib.Path) -> None:
    before = script.read_bytes()
    write_activation(script, {})
    assert script.read_bytes() == before
