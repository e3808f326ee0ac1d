"""One commit of a git repository, fetched and exported: no hooks, no submodules, no questions asked."""

from __future__ import annotations

import json
import os
import pathlib
import re
import tarfile
from collections.abc import Mapping

from envspec.spec.words import SourceWord, without_password
from envspec.supply.pip_settings import scrub_addresses
from envspec.system.errors import OutsideError
from envspec.system.process import Completed, Words, run_process

TIME = 600
"""Seconds that one question to a repository may take."""

_KEEP = 1 << 20
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DENIED = re.compile(
    r"Authentication failed|could not read (Username|Password)|Permission denied|terminal prompts disabled|"
    r"HTTP Basic: Access denied|error: 40[13]|requested URL returned error: 40[13]",
    re.IGNORECASE,
)
_ABSENT = re.compile(
    r"not found|does not appear to be a git repository|does not exist|No such (file|device)", re.IGNORECASE
)
_NO_REPOSITORY = re.compile(r"repository .* not found|does not appear to be a git repository", re.IGNORECASE)
_GONE = re.compile(
    r"couldn't find remote ref|not our ref|unadvertised object|no such (ref|remote)|bad object|"
    r"unknown revision|Needed a single revision|not a valid object name",
    re.IGNORECASE,
)


class GitCommit:
    """A commit in a repository of its own, in a temporary folder."""

    def __init__(self, repository: pathlib.Path, commit: str) -> None:
        self._repository = repository
        self.commit = commit
        """All of its digits."""

    def export(self, place: pathlib.Path) -> None:
        """Write its files below `place`. Raises `OutsideError`."""
        tar = self._repository / "export.tar"
        # Without anybody's settings there is no filter, so that no program of a repository's wish is run.
        done = _git(
            ["archive", "--format=tar", "-o", str(tar), self.commit], self._repository, own_settings=False
        )
        if not done.ok:
            raise OutsideError(f"commit {self.commit} cannot be exported\n{done.tail}")
        with tarfile.open(tar) as packed:
            packed.extractall(place, filter="data")
        tar.unlink()

    def submodules(self) -> tuple[str, ...]:
        """Paths of repositories in it, which are not fetched."""
        done = _git(["ls-tree", "-r", self.commit], self._repository, own_settings=False)
        return tuple(
            line.partition("\t")[2] for line in done.stdout.splitlines() if line.startswith("160000 ")
        )

    def archival(self, file: str) -> str:
        """What `.git_archival.txt` or `.git_archival.json` says of it, where all tags are there."""
        return describe(self._repository, file, self.commit)


def fetch_commit(
    word: SourceWord, folder: pathlib.Path, *, commit: str = "", tags: bool = False
) -> GitCommit:
    """The commit that a word means, or the locked one, fetched into an empty folder.

    `tags` fetches also what its version is told by. Raises `OutsideError` when git is not installed, the
    repository cannot be asked, or the commit is gone.
    """
    wanted = commit or word.revision or "HEAD"
    _must(_git(["init", "--quiet", "--bare", "--template=", str(folder)], folder.parent), word, wanted)
    done = _fetch(folder, word, [wanted], shallow=not tags)
    if not done.ok and not (_DENIED.search(done.stderr) or _NO_REPOSITORY.search(done.stderr)):
        # Part of a commit's digits, or a server that gives no commit by its name: all of it then.
        done = _fetch(folder, word, ["+refs/heads/*:refs/heads/*"], shallow=False)
        _must(done, word, wanted)
        found = _git(["rev-parse", "--verify", "--quiet", f"{wanted}^{{commit}}"], folder)
    else:
        _must(done, word, wanted)
        found = _git(["rev-parse", "--verify", "--quiet", "FETCH_HEAD^{commit}"], folder)
    name = found.stdout.strip()
    if not found.ok or not _COMMIT.fullmatch(name):
        raise _gone(word, wanted)
    return GitCommit(folder, name)


def _fetch(folder: pathlib.Path, word: SourceWord, refs: list[str], *, shallow: bool) -> Completed:
    words = ["fetch", "--quiet", "--no-recurse-submodules"]
    words += ["--depth=1", "--no-tags"] if shallow else ["--tags", "--force"]
    return _git([*words, word.place, *refs], folder)


def _git(words: list[str], folder: pathlib.Path, *, own_settings: bool = True) -> Completed:
    command: Words = ["git", "-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never"]
    command += ["-c", "gc.auto=0", "-c", "maintenance.auto=false", *words]
    try:
        return run_process(command, env=_variables(own_settings), cwd=folder, timeout=TIME, keep=_KEEP)
    except OutsideError as error:
        if "is not on this machine" not in error.message:
            raise
        raise OutsideError(
            "git is not installed, and a stage takes a source from git", hint="install git"
        ) from None


def _variables(own_settings: bool) -> dict[str, str]:
    inherited: Mapping[str, str] = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name in {"GIT_SSH_COMMAND", "GIT_SSL_CAINFO"}
    }
    own = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true", "LC_ALL": "C"}
    own |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"} if not own_settings else {}
    own |= {"GIT_ALLOW_PROTOCOL": "https:http:ssh:file", "GCM_INTERACTIVE": "never"}
    return {"GIT_SSH_COMMAND": "ssh -oBatchMode=yes", **inherited, **own}


def _must(done: Completed, word: SourceWord, wanted: str) -> None:
    """Raise `OutsideError` with the reason where git failed."""
    if done.ok:
        return
    if done.refusal:
        raise done.refusal
    said = scrub_addresses(done.tail)
    repository = without_password(word.place)
    if done.timed_out:
        raise OutsideError(
            f"the repository {repository} did not answer within {TIME // 60} minutes", hint="run again"
        )
    if _DENIED.search(said):
        raise OutsideError(
            f"the repository {repository} wants a password\n{said}",
            hint="set up a credential helper for git, or a key for ssh: nobody is asked here",
        )
    if _GONE.search(said):
        raise _gone(word, wanted)
    if _ABSENT.search(said):
        raise OutsideError(f"there is no repository at {repository}\n{said}", hint="is the address right?")
    raise OutsideError(
        f"the repository {repository} cannot be asked\n{said}", hint="check the network, then run again"
    )


def _gone(word: SourceWord, wanted: str) -> OutsideError:
    what = f"commit {wanted}" if _COMMIT.fullmatch(wanted) else wanted
    return OutsideError(
        f"{what} of {without_password(word.place)} is gone: the repository does not have it",
        hint="it was removed or rewritten there: name another commit, or bring it back",
    )


def formatted(repository: pathlib.Path, form: str) -> str:
    """What git says in a form of `git log` of the commit that is checked out; nothing leaves the form."""
    said = _git(["show", "-s", f"--format={form}", "HEAD"], repository)
    return said.stdout.rstrip("\n") if said.ok else f"$Format:{form}$"


def describe(repository: pathlib.Path, file: str, commit: str = "HEAD") -> str:
    """What a file says that is read instead of a repository; empty where there is no commit.

    Source: the documentation of setuptools-scm on `.git_archival.txt`, of dunamai on `.git_archival.json`.
    """
    node = _git(["rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"], repository)
    if not node.ok:
        return ""
    whole = node.stdout.strip()
    date = _git(["show", "-s", "--format=%cI", commit], repository).stdout.strip()
    name = _git(["describe", "--tags", "--long", "--match", "*[0-9]*", commit], repository)
    if file.endswith(".json"):
        said = {"hash-full": whole, "hash-short": whole[:7], "timestamp": date}
        return json.dumps({**said, **({"describe": name.stdout.strip()} if name.ok else {})})
    lines = [f"node: {whole}", f"node-date: {date}"]
    lines += [f"describe-name: {name.stdout.strip()}"] if name.ok else []
    return "\n".join(lines) + "\n"
