"""What a build stands on, asked for before wheels are fetched: who lacks it is told early."""

from __future__ import annotations

from builder.backends.choose import choose_backend
from builder.debian.request import debian_hint
from builder.flow.run import Run
from builder.report.model import PHASES
from envspec.lockfile.lock import Lock, LockedBase
from envspec.system.disk import DiskError
from envspec.system.errors import OutsideError


def seek_base(run: Run, held: Lock | None) -> None:
    """See that a backend works here, and that it can have the spec's image. `held` is the lock on disk.

    An image whose digest is locked may be kept here: it is asked for where it is used. Raises `UsageError`
    for a backend that cannot stand on the spec's base, `OutsideError` for what is missing.
    """
    spec, stop = run.project.spec, run.request.stop_after
    if spec.base.archive is not None or (stop is not None and PHASES.index(stop) < PHASES.index("build")):
        return
    base = LockedBase(image=spec.image, debian=spec.base.debian, host=spec.base.host)
    backend = choose_backend(run.request, base)
    if spec.image is None or (held is not None and held.base.digest):
        return
    try:
        backend.seek(spec.image, spec.machine, run.progress)
    except DiskError:
        raise
    except OutsideError as error:
        meant = "" if spec.base.image else ", which a spec without [base] stands on,"
        line = spec.python_wish.line
        hints = [debian_hint(line, "makes a base of Debian packages and needs no registry")]
        hints += ["`archive` beside `image` takes one on disk", "a virtual environment wants none"]
        raise OutsideError(
            f"image {spec.image}{meant} cannot be had: {error.message}", hint="; ".join(hints)
        ) from error
