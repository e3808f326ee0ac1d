"""Small environments made by hand: a virtualenv without pip, and packages written into it."""

from __future__ import annotations

import base64
import hashlib
import pathlib
import venv
from collections.abc import Mapping

from builder.judge import InterpreterSubject
from builder.values.verdict import Verdict
from envspec.system.finding import Severity


class Environment:
    """A virtualenv in a folder of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        venv.create(folder, symlinks=True)
        self.site = next(folder.glob("lib/python3*/site-packages"))

    @property
    def target(self) -> InterpreterSubject:
        return InterpreterSubject(self.folder / "bin" / "python")

    def install(
        self,
        name: str,
        files: Mapping[str, str | bytes],
        *,
        version: str = "1.0",
        requires: tuple[str, ...] = (),
        metadata: str = "",
        tag: str = "py3-none-any",
        listed: bool = True,
    ) -> None:
        """Write a distribution as an installer would."""
        info = f"{name}-{version}.dist-info"
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {each}" for each in requires]
        everything: dict[str, str | bytes] = {
            **files,
            f"{info}/METADATA": "\n".join(lines) + f"\n{metadata}\n",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nTag: {tag}\n",
        }
        rows = []
        for path, content in everything.items():
            data = content.encode() if isinstance(content, str) else content
            target = self.site / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.append(f"{path},sha256={digest},{len(data)}")
        if listed:
            (self.site / info / "RECORD").write_text("\n".join([*rows, f"{info}/RECORD,,"]) + "\n")

    def snapshot(self) -> dict[str, tuple[int, int, str]]:
        """Every file with its mode, its time and its content's digest; folders as well."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            state = path.lstat()
            whole = path.is_file() and not path.is_symlink()
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if whole else ""
            found[str(path.relative_to(self.folder))] = (state.st_mode, state.st_mtime_ns, digest)
        return found


def errors(verdict: Verdict) -> dict[str, str]:
    """Messages of errors by rule and place."""
    return {
        f"{each.rule}:{each.where}": each.message
        for each in verdict.findings
        if each.severity is Severity.ERROR
    }


def warnings(verdict: Verdict) -> set[str]:
    """Rules and places of warnings."""
    return {f"{each.rule}:{each.where}" for each in verdict.findings if each.severity is Severity.WARNING}
