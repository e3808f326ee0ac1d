"""The lock in other tools' forms: hashed requirements for each stage, and `pylock.toml` (PEP 751)."""

from __future__ import annotations

from collections.abc import Iterator

import tomlkit
from packaging.markers import Marker
from packaging.pylock import Package, PackageWheel, Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version
from pip._internal.req.constructors import install_req_from_line
from piptools.utils import format_requirement

from envspec.lockfile.lock import Artifact, Lock


def export_requirements(lock: Lock, stage: str) -> str:
    """Requirements of one stage with hashes, in the form that pip-tools writes and pip installs."""
    artifacts = dict(lock.by_stage())[stage]
    return "".join(f"{line}\n" for line in _requirements(artifacts))


def _requirements(artifacts: tuple[Artifact, ...]) -> Iterator[str]:
    for artifact in artifacts:
        hashes = {f"sha256:{artifact.installed.sha256}"}
        line = install_req_from_line(f"{artifact.name}=={artifact.version}")
        yield format_requirement(line, hashes=hashes)


def export_pylock(lock: Lock) -> str:
    """The whole lock as `pylock.toml`, for a folder that has the lock's wheels in `wheels/`."""
    minor = ".".join(map(str, lock.target.version))
    document = Pylock(
        lock_version=Version("1.0"),
        environments=[Marker(f"python_version == '{minor}' and sys_platform == 'linux'")],
        requires_python=SpecifierSet(f"=={minor}.*" if lock.patch is None else f"=={lock.target.release}"),
        created_by="envspec",
        packages=[_package(artifact) for artifact in sorted(lock.artifact, key=lambda entry: entry.name)],
    )
    document.validate()
    return tomlkit.dumps(document.to_dict())


def _package(artifact: Artifact) -> Package:
    wheel = artifact.installed
    return Package(
        name=NormalizedName(artifact.name),
        version=Version(artifact.version),
        wheels=[
            PackageWheel(
                name=wheel.file, path=f"wheels/{wheel.file}", size=wheel.size, hashes={"sha256": wheel.sha256}
            )
        ],
        tool={"envspec": {"stage": artifact.stage}},
    )
