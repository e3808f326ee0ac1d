"""The uv that build steps run: this program's own, or the same release for musl where the base has that."""

from __future__ import annotations

import importlib.metadata
import pathlib

from builder.values.plan import Plan
from envspec.spec.target import host_target
from envspec.supply import uv
from envspec.supply.pip_settings import ask_pip, scrub_addresses
from envspec.system.errors import OutsideError
from envspec.system.home import holding, tool_home
from envspec.system.kept import touch
from envspec.system.process import Words
from envspec.system.progress import Progress
from envspec.system.seen import note_tree, settled


def installer(plan: Plan, *, offline: bool, progress: Progress) -> pathlib.Path:
    """The uv for the plan's base. Raises `OutsideError` where one for musl is wanted and cannot be had.

    The one for musl needs no library at all, so that a machine that stands on musl has one for every base.
    """
    if plan.musl is None or host_target(plan.python).musl is not None:
        return pathlib.Path(uv.uv_program())
    version = importlib.metadata.version("uv")
    folder = tool_home() / "tools" / f"uv-{version}-musl-{plan.machine}"
    with holding(folder):
        if not settled(folder):
            if offline:
                raise OutsideError(
                    f"offline, and uv {version} for musl was not fetched yet",
                    hint="run once without --offline, or build with --backend oci, which needs none",
                )
            progress.step(f"fetch uv {version} for musl")
            _fetch(version, plan.machine, folder)
            note_tree(folder, folder)
        touch(folder)
    return folder / "bin" / "uv"


def _fetch(version: str, machine: str, folder: pathlib.Path) -> None:
    from envspec.supply.relay import relay_for  # it asks indexes, and most bases need nothing fetched

    folder.mkdir(parents=True, exist_ok=True)
    with relay_for(ask_pip()) as relay:
        settings = uv.write_settings(folder, relay.machine)
        command: Words = [uv.uv_program(), "pip", "install", "--quiet", "--config-file", settings]
        command += ["--target", folder, "--python-platform", f"{machine}-unknown-linux-musl"]
        command += ["--only-binary", ":all:", "--no-deps", "--link-mode", "copy", f"uv=={version}"]
        done = uv.run_with_cache(command, env=uv.uv_environment(relay.machine), timeout=600)
        settings.unlink()
        if not done.ok:
            relay.refuse_trouble()
            raise OutsideError(
                f"a uv that runs on musl, as the base wants it, cannot be had\n{scrub_addresses(done.tail)}",
                hint=f"let an index serve the musllinux wheel of uv {version}, or build with --backend oci",
            )
