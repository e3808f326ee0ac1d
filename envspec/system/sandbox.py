"""Foreign code on this machine: run where it can write to nothing but folders of its own, and reach nobody.

What runs so: imports and programs of what was installed, and the builds of source distributions. The sandbox
itself is `envspec/system/confine.py`, a program of its own.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from envspec.system.errors import OutsideError
from envspec.system.machine import needs_linux
from envspec.system.process import Completed, run_process
from envspec.system.scratch import scratch_folder

_PROGRAM = pathlib.Path(__file__).with_name("confine.py")
"""A program, and no module of ours: it loads what only Linux has."""

NAMESPACES, LANDLOCK, NONE = "namespaces", "landlock", "none"
"""Kinds of sandboxes, by the names that the program gives them."""

_REFUSED = 125
"""What it ends with where it cannot make the sandbox."""

_SECRETS = (
    ".ssh", ".gnupg", ".aws", ".azure", ".config/gcloud", ".config/gh", ".config/hub", ".docker", ".kube",
    ".netrc", "_netrc", ".pypirc", ".pip", ".config/pip", ".npmrc", ".yarnrc", ".git-credentials",
    ".config/git/credentials", ".config/containers/auth.json", ".cargo/credentials",
    ".cargo/credentials.toml", ".m2/settings.xml", ".gradle/gradle.properties", ".vault-token",
    ".terraform.d", ".password-store",
    ".local/share/keyrings", ".local/share/uv/credentials", ".cache/huggingface/token", ".huggingface/token",
    ".modelscope/credentials", ".pgpass", ".my.cnf", ".bash_history", ".python_history", ".mozilla",
    ".config/google-chrome", ".config/chromium",
)  # fmt: skip
"""What lies in home folders and is nobody's business but the user's."""

_GATES = (
    "/etc/pip.conf", "/run/user", "/run/dbus", "/run/docker.sock", "/run/containerd", "/run/podman",
    "/run/crio",
)  # fmt: skip
"""Settings with passwords, and sockets behind which others act for this user."""

_PRIVATE = re.compile(
    r"(?:PIP|UV|TWINE|ENVSPEC_INDEX|AWS|AZURE|GOOGLE|DOCKER|KUBE|SSH|DBUS|XDG)(?:_.*|CONFIG)"
    r"|NETRC|.*(?:TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|_PROXY|COOKIE).*",
    re.IGNORECASE,
)
"""Variables that hold secrets, or say where they are, or lead out of the sandbox."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Sandbox:
    """What this machine's kernel allows for keeping foreign code apart."""

    kind: str
    """`namespaces`, `landlock` or `none`, as `envspec/system/confine.py` has them."""
    why: str = ""
    """Why there is nothing better; empty where there is."""

    @property
    def lacks(self) -> str:
        """What it does not keep foreign code from, as an end of a sentence; empty for the best kind."""
        return {
            NAMESPACES: "",
            LANDLOCK: "could read all files that you may, and ask the network beyond TCP",
            NONE: "could read and write all files that you may, and reach the network",
        }[self.kind]


@functools.cache
def best_sandbox() -> Sandbox:
    """The best sandbox of this machine, tried once a run."""
    if (why := needs_linux("sandboxes are Linux's")) is not None:
        return Sandbox(kind=NONE, why=why)
    with scratch_folder("sandbox") as folder:
        done = run_process(_words({"check": str(folder)}), timeout=60)
    kind, _, why = done.stdout.partition(" ")
    if not done.ok or kind not in {NAMESPACES, LANDLOCK}:
        return Sandbox(kind=NONE, why=(why or done.tail).strip())
    return Sandbox(kind=kind, why=why.strip())


def without_secrets(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables but those that hold this user's secrets, or say where they are."""
    return {name: value for name, value in variables.items() if not _PRIVATE.fullmatch(name)}


def run_sandboxed(
    command: Sequence[str | os.PathLike[str]],
    *,
    env: Mapping[str, str],
    writable: Sequence[pathlib.Path] = (),
    cwd: pathlib.Path | None = None,
    input_text: str | None = None,
    timeout: float | None = None,
    on_line: Callable[[str], None] | None = None,
    asks_itself: bool = False,
    fetches: bool = False,
    reaches: bool = False,
    nests: bool = False,
    keep: int | None = None,
    sandbox: Sandbox | None = None,
) -> Completed:
    """Run a command as `run_process` does, in the sandbox: HOME and TMPDIR are new and go afterwards.

    It may write there and below `writable`, and has no network but its own loopback. `asks_itself` says that
    it talks over that with what it starts, `nests` that it makes sandboxes of its own. Give it `env` without
    the user's secrets (`without_secrets`): what it is told it knows. What `fetches` keeps network, home and
    secrets, since it needs them, and is only kept from writing elsewhere. What `reaches` has a network alone.

    Raises `OutsideError` when the program does not exist, or the sandbox fails where it worked before.
    """
    sandbox = sandbox or best_sandbox()
    with scratch_folder("sandbox") as scratch:
        told = {}
        for variable, folder in (("HOME", scratch / "home"), ("TMPDIR", scratch / "tmp")):
            folder.mkdir()
            if not (fetches and variable == "HOME"):
                told[variable] = str(folder)
        words = {
            "kind": sandbox.kind,
            "writable": [str(scratch), *map(str, writable)],
            "hidden": [] if fetches else list(_hidden()),
            "cwd": str(cwd or _here()),
            "variables": told,
            "asks_itself": asks_itself,
            "fetches": fetches or reaches,
            "nests": nests,
        }
        kept = sandbox.kind != NONE
        done = run_process(
            [*_words(words), *command] if kept else command,
            env={**env, **told},
            cwd=cwd,
            input_text=input_text,
            timeout=timeout,
            on_line=on_line,
            keep=keep,
        )
    if kept and done.code == _REFUSED and done.stderr.startswith("no sandbox"):
        raise OutsideError(
            done.stderr.strip(), hint="run it where user namespaces or Landlock are allowed, or with `oci`"
        )
    return dataclasses.replace(done, command=tuple(os.fspath(word) for word in command))


def _words(words: Mapping[str, object]) -> list[str | os.PathLike[str]]:
    return [sys.executable, "-I", "-S", _PROGRAM, json.dumps(words)]


def _hidden() -> Iterator[str]:
    """Secrets of this user, and of whoever else's home the files are reached by."""
    homes = {os.path.expanduser("~"), os.environ.get("HOME", "")} - {"", "~", "/"}  # noqa: PTH111
    yield from (str(pathlib.Path(home, name)) for home in sorted(homes) for name in _SECRETS)
    yield from _GATES
    yield from (os.environ[name] for name in ("NETRC", "PIP_CONFIG_FILE") if os.environ.get(name))


def _here() -> str:
    try:
        return str(pathlib.Path.cwd())
    except FileNotFoundError:
        return "/"
