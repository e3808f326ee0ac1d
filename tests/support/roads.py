"""Two images as what stands in them, and why one made with an engine differs from one made without."""

from __future__ import annotations

import dataclasses
import hashlib
import tarfile
from collections.abc import Iterator, Mapping
from typing import IO

from envspec.system.pattern import matcher

STATUS = "var/lib/dpkg/status.d/"
LISTS = "var/lib/dpkg/info/"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Stands:
    """One entry of an image's tree."""

    kind: str
    mode: int
    owner: tuple[int, int]
    link: str
    content: str
    """sha256 of a file's bytes."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """What stands in an image, by path, and which Debian package brought it."""

    entries: Mapping[str, Stands]
    packages: Mapping[str, frozenset[str]]
    """Names of packages by the paths that dpkg knows of."""


def read(*layers: IO[bytes]) -> Tree:
    """The tree of layers laid over each other, lowest first."""
    entries: dict[str, Stands] = {}
    packages: dict[str, set[str]] = {}
    for layer in layers:
        with tarfile.open(fileobj=layer, mode="r|") as archive:
            for info in archive:
                path = info.name.removeprefix("./").strip("/")
                body = stream.read() if info.isreg() and (stream := archive.extractfile(info)) else b""
                if info.islnk():
                    entries[path] = entries[info.linkname.removeprefix("./").strip("/")]
                elif path:
                    entries[path] = _stands(info, body)
                if path.startswith(LISTS) and path.endswith(".list"):
                    name = path.removeprefix(LISTS).removesuffix(".list").partition(":")[0]
                    for listed in body.decode().splitlines():
                        packages.setdefault(_merged(listed.strip("/")), set()).add(name)
    return Tree(entries=entries, packages={path: frozenset(names) for path, names in packages.items()})


def _stands(info: tarfile.TarInfo, body: bytes) -> Stands:
    return Stands(
        kind="folder" if info.isdir() else "link" if info.issym() else "file" if info.isreg() else "device",
        mode=0o777 if info.issym() else info.mode & 0o7777,
        owner=(info.uid, info.gid),
        link=info.linkname,
        content=hashlib.sha256(body).hexdigest() if info.isreg() else "",
    )


def _merged(path: str) -> str:
    return f"usr/{path}" if path.partition("/")[0] in {"bin", "sbin", "lib", "lib64"} else path


ONLY_DOCKER = {
    "an engine puts these into every container": ".dockerenv dev/* etc/hostname etc/hosts etc/mtab "
    "etc/resolv.conf",
    "parts of Debian's Python that services do not load, compiled": "usr/lib/python3*/**/__pycache__ "
    "usr/lib/python3*/**/__pycache__/* usr/share/**/__pycache__ usr/share/**/__pycache__/*",
    "uv's own lock of an environment": "opt/env/.lock",
    "what dpkg, apt and debconf remember; the other image has /var/lib/dpkg/status.d": "var/lib/dpkg/** "
    "var/lib/apt/** var/cache/debconf/** etc/dpkg/**",
    "each certificate once more under its hash; the other image has the bundle of all": (
        "etc/ssl/certs/* etc/ca-certificates.conf"
    ),
    "made by scripts of packages for people who log in, and for services that containers do not start": (
        "etc/.pwd.lock etc/environment etc/fstab etc/group- etc/gshadow etc/inputrc etc/motd etc/pam.d/* "
        "etc/passwd- etc/rc?.d/* etc/security/opasswd etc/shadow etc/shells etc/subgid etc/subuid "
        "etc/systemd/** root/.bashrc root/.profile usr/share/info/dir var/lib/pam/* var/lib/shells.state "
        "var/lib/systemd/**"
    ),
    "alternatives that scripts chose": "etc/alternatives/* usr/bin/awk usr/bin/nawk usr/bin/pager "
    "usr/bin/which usr/sbin/rmt",
    "empty places for what an administrator adds": "etc/opt media run/lock usr/local/** var/mail var/opt "
    "var/spool/mail",
    "Debian's own compiler of Python modules": "etc/python3 etc/python3/* var/lib/python var/lib/python/*",
    "manuals, which the other base leaves out": "usr/share/doc/**",
}
"""Why something stands in the Dockerfile road's image alone: patterns by reason."""

ONLY_OCI = {
    "what is installed, where scanners look without dpkg": "var/lib/dpkg/status.d var/lib/dpkg/status.d/*",
    "PEP 376: which installer it was; uv is told to leave it out": "opt/env/**/*.dist-info/INSTALLER",
    "netbase: names of protocols and ports, which programs without apt still ask for": "etc/ethertypes "
    "etc/protocols etc/rpc etc/services usr/share/doc/netbase usr/share/doc/netbase/*",
}
"""Likewise for the image made without an engine."""

DIFFERENT = {
    "users and groups: those of apt are added on one side, and passwords moved to /etc/shadow": (
        "etc/passwd etc/group"
    ),
    "the loader's cache lists what is there, and there is more": "etc/ld.so.cache",
    "an engine mounts something over it": "proc sys",
    "compiled with the time of its source by Debian, and without by us": "usr/lib/python3*/**/__pycache__/*",
    "uv and the `installer` library each word the script of an entry point in their own way": "opt/env/bin/*",
    "lists INSTALLER, and the scripts with their hashes": "opt/env/**/*.dist-info/RECORD",
}
"""Why something stands in both and is not the same."""

BOOTSTRAPPED = "brought by a package that only an installed system needs"


def differences(docker: Tree, oci: Tree) -> Iterator[tuple[str, str]]:
    """Every path that differs, with the reason; an empty one where nobody knows."""
    ours = {path.removeprefix(STATUS) for path in oci.entries if path.startswith(STATUS)}
    for path in sorted(docker.entries.keys() | oci.entries.keys()):
        one, other = docker.entries.get(path), oci.entries.get(path)
        if one is None:
            yield path, _reason(path, ONLY_OCI)
        elif other is None:
            owners = docker.packages.get(path, frozenset())
            yield path, BOOTSTRAPPED if owners and not owners & ours else _reason(path, ONLY_DOCKER)
        elif one != other:
            yield path, _reason(path, DIFFERENT)


def _reason(path: str, reasons: Mapping[str, str]) -> str:
    return next((why for why, patterns in reasons.items() if matcher(patterns.split())(path)), "")
