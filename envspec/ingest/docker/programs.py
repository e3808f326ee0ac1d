"""Programs that commands of a build call: which of them installs, and what it is told."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

NEEDLESS = frozenset(
    {
        *(
            "set",
            "export",
            "cd",
            ":",
            "true",
            "echo",
            "printf",
            "source",
            ".",
            "hash",
            "umask",
            "ulimit",
            "wait",
        ),
        *(
            "exit",
            "sync",
            "mkdir",
            "rm",
            "find",
            "whoami",
            "which",
            "type",
            "ls",
            "pwd",
            "date",
            "env",
            "sleep",
            "break",
            "continue",
        ),
        *("ldconfig", "update-ca-certificates", "unset", "shopt", "trap", "test", "[", "[["),
    }
)
"""Commands that leave nothing behind that a spec would have to say."""

UNKNOWN = "holds a variable that has no value in the file: write what it stands for"

APT_VALUES = frozenset(
    {"-o", "--option", "-t", "--target-release", "--default-release", "-c", "--config-file", "-a"}
)
"""Options of apt-get that take the next word."""

OTHER_PACKAGES = frozenset({"apk", "dnf", "microdnf", "yum", "tdnf", "zypper"})
"""Programs that install packages of other distributions than Debian and those made of it."""

_WRAPPERS = frozenset({"sudo", "exec", "command", "nice", "time", "eatmydata", "nohup", "retry"})
_RUN_VALUES = frozenset(
    {
        *(
            "-n",
            "--name",
            "-p",
            "--prefix",
            "--python",
            "--with",
            "--extra",
            "--group",
            "--project",
            "--package",
        ),
        *("--directory", "--env-file", "--with-requirements", "--index", "--only-group", "--no-group", "-C"),
    }
)
"""Options of `conda run`, `uv run` and the like that take the next word."""
_RUNS = re.compile(r"(?:(?<=[\s;&|(])|^)(?:poetry|pipenv|pdm|uv)\s+run(?:\s+--?[a-z][\w-]*)*\s+(?=[\w./$])")
SHELL = re.compile(r"(?:/usr)?(?:/bin/)?(?:ba|z|da|a)?sh")
_PIP = re.compile(r"pip3?(?:\.\d+)?")
_PYTHON = re.compile(r"(?:python|pypy)3?(?:\.\d+)?")


def unwrapped(words: Sequence[str]) -> list[str]:
    """A command without what only calls it: `sudo`, `env X=y`, `conda run -n x`, `uv run`."""
    left = list(words)
    while left:
        program = posixpath.basename(left[0])
        if program in _WRAPPERS:
            left = left[1:]
            while left and left[0].startswith("-"):
                left = left[1:]
        elif program == "env":
            left = left[1:]
            while left and ("=" in left[0] or left[0].startswith("-")):
                left = left[1:]
        elif program in {"conda", "mamba", "micromamba", "uv", "poetry", "pipenv", "pdm"} and left[1:2] == [
            "run"
        ]:
            left = left[2:]
            module = False
            while left and left[0].startswith("-"):
                module |= left[0] in {"-m", "--module"} and program == "uv"
                left = left[2 if left[0] in _RUN_VALUES else 1 :]
            if program == "uv" and left and (module or left[0].endswith(".py")):
                left = ["python", *(["-m"] if module else []), *left]
        else:
            return left
    return left


def calls_manager(text: str) -> str:
    """How a script calls a command in an environment, as `poetry run`; empty where it does not."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found = (_RUNS.search(line) for line in lines)
    return next((" ".join(match[0].split()[:2]) for match in found if match), "")


def bare_text(text: str) -> str:
    """A line for a shell without what only calls a command in an environment: `poetry run`, `uv run`."""
    return _RUNS.sub("", text)


def shell_text(words: Sequence[str]) -> str | None:
    """The script of `bash -c SCRIPT`; None for a script in a file."""
    for number, word in enumerate(words[1:], 1):
        if re.fullmatch(r"-[a-z]*c[a-z]*", word) and number + 1 < len(words):
            return words[number + 1]
    return None


def installing(program: str, words: Sequence[str]) -> tuple[str | None, list[str]]:
    """What a command installs with, and its arguments; None for a command that installs nothing."""
    rest = list(words[1:])
    if _PYTHON.fullmatch(program):
        while rest and rest[0].startswith("-") and rest[0] != "-m":
            rest = rest[1:]
        if rest[:1] == ["setup.py"] and {"install", "develop"} & set(rest):
            return "setup", []
        if rest[:1] != ["-m"] or len(rest) < 2:
            return None, []
        return installing(rest[1], rest[1:]) if rest[1] in {"pip", "uv", "poetry", "pipenv"} else (None, [])
    if program == "uv" and rest[:1] == ["pip"]:
        return installing("pip", rest)
    if program in {"uv", "poetry", "pdm", "pipenv"} and {"export", "requirements"} & set(rest[:1]):
        return "export", rest[1:]
    verb = next((word for word in rest if not word.startswith("-")), "")
    arguments = rest[rest.index(verb) + 1 :] if verb in rest else []
    if _PIP.fullmatch(program):
        kinds = {"install": "pip", "wheel": "pip", "download": "pip", "sync": "pip", "uninstall": "uninstall"}
        if verb == "sync":
            arguments = [
                part for word in arguments for part in (["-r", word] if not word.startswith("-") else [word])
            ]
        return kinds.get(verb), arguments
    if program in {"apt", "apt-get", "aptitude"}:
        return ("apt", arguments) if verb == "install" else (None, [])
    if program in OTHER_PACKAGES and verb in {"add", "install", "groupinstall", "in"}:
        return "other-packages", arguments
    if (
        program in {"uv", "pdm"}
        and verb in {"sync", "install", "add"}
        and (program, verb) != ("uv", "install")
    ):
        return ("pip" if verb == "add" else program), arguments
    if program == "poetry" and verb in {"install", "sync", "add"}:
        return ("pip" if verb == "add" else "poetry"), arguments
    if program == "pipenv" and verb in {"install", "sync"}:
        return "pipenv", arguments
    if program in {"conda", "mamba", "micromamba"}:
        if verb == "env" and arguments[:1] and arguments[0] in {"create", "update"}:
            return "conda-env", arguments[1:]
        if verb in {"install", "create"}:
            return "conda", arguments
    return None, []


def made_environment(program: str, words: Sequence[str], variables: Mapping[str, str]) -> str | None:
    """The folder that a command installs into, or makes an environment of; None for others."""
    rest = list(words[1:])
    if _PYTHON.fullmatch(program) and rest[:1] == ["-m"]:
        return made_environment(rest[1], rest[1:], variables) if len(rest) > 1 else None
    bare = [word for word in rest if not word.startswith("-")]
    if program in {"venv", "virtualenv"}:
        return bare[-1] if bare else None
    if program == "uv" and bare[:1] in (["venv"], ["sync"]):
        own = variables.get("UV_PROJECT_ENVIRONMENT", ".venv")
        return bare[-1] if bare[0] == "venv" and len(bare) > 1 else own
    if _PIP.fullmatch(program) or (program == "uv" and bare[:1] == ["pip"]):
        for number, word in enumerate(rest):
            name, given, value = word.partition("=")
            if name in {"--target", "-t", "--prefix", "--root", "--wheel-dir", "-w"}:
                return value if given else next(iter(rest[number + 1 :]), None)
    return None


def owned(program: str, words: Sequence[str]) -> tuple[str, list[str]] | None:
    """The owner that `chown` gives to places, and those; None where the words do not tell."""
    bare = [word for word in words[1:] if not word.startswith("-")]
    if program != "chown" or len(bare) < 2 or any("$" in word or "*" in word for word in bare):
        return None
    return bare[0], bare[1:]


def is_housekeeping(program: str, words: Sequence[str]) -> bool:
    """Whether a command only prepares or tidies what installs."""
    rest = [word for word in words[1:] if not word.startswith("-")]
    if program in {"apt-get", "apt", "aptitude"}:
        return rest[:1] != ["install"]
    if _PIP.fullmatch(program) or program in {
        "uv",
        "poetry",
        "pipenv",
        "pdm",
        "conda",
        "mamba",
        "micromamba",
    }:
        return rest[:1] not in (["install"], ["sync"], ["tool"], ["create"])
    if _PYTHON.fullmatch(program):
        return rest[:1] in (["venv"], ["virtualenv"], ["ensurepip"]) or "--version" in words
    return program in {"virtualenv", "activate"}


def compiles(program: str, words: Sequence[str]) -> bool:
    """Whether a command compiles modules: `python -m compileall`."""
    rest = list(words[1:])
    while rest and rest[0].startswith("-") and rest[0] != "-m":
        rest = rest[1:]
    return bool(_PYTHON.fullmatch(program)) and rest[:2] in (["-m", "compileall"], ["-m", "py_compile"])


_USER_VALUES = re.compile(
    r"-[bcdefgGkKpsuZR]|--(?:base-dir|comment|home-dir|home|expiredate|inactive|gid|groups|skel|key|password"
    r"|shell|uid|selinux-user|root|ingroup|gecos)"
)
"""Options of useradd and adduser that take the next word."""


def made_user(words: Sequence[str]) -> dict[str, str]:
    """The user that `useradd` or `adduser` makes, and its number; none where the words do not tell."""
    name = number = ""
    waiting = list(reversed(words[1:]))
    while waiting:
        word = waiting.pop()
        option, given, value = word.partition("=")
        if not word.startswith("-"):
            name = name or word
        elif not given and (_USER_VALUES.fullmatch(word) or re.fullmatch(r"-[a-zA-Z]*[dgGsu]", word)):
            value = waiting.pop() if waiting else ""
        if option in {"-u", "--uid"} or re.fullmatch(r"-[a-zA-Z]*u", option):
            number = value if value.isdigit() else ""
    return {name: number} if re.fullmatch(r"[a-z_][a-z0-9_-]*", name) else {}
