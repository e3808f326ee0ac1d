"""What it means, and what to do, where an engine refuses or does not answer."""

from __future__ import annotations

import re

from envspec.system.errors import OutsideError

_CERTIFICATE = re.compile(
    r"certificate verify failed[^(']*|client sent an HTTP request to an HTTPS server"
    r"|certificate required|bad certificate",
    re.IGNORECASE,
)
"""What TLS says when one side is not content with what the other one shows."""

HELP = "start one (`make engine` starts a private one), or set DOCKER_HOST; or use another --backend"


def refusal(text: str) -> OutsideError:
    """The error for what an engine answered."""
    if "no space left on device" in text:
        return OutsideError(
            "the engine's disk is full", hint="`docker system prune` frees what nothing uses; then run again"
        )
    return OutsideError(f"the engine refused: {text}")


def unreachable(host: str, error: BaseException) -> OutsideError:
    """The error for an engine that does not answer."""
    text = str(error)
    if isinstance(error, PermissionError) or "Permission" in text or "permission denied" in text:
        return OutsideError(
            f"the engine's socket {host} may not be opened by this user",
            hint="add yourself to its group (often `docker`) and log in again; or use another --backend",
        )
    if found := _CERTIFICATE.search(text):
        return OutsideError(
            f"the engine at {host} and this machine do not trust each other: {found[0].strip(' :')}",
            hint="DOCKER_CERT_PATH, or the docker context, names the folder of ca.pem, cert.pem and key.pem",
        )
    return OutsideError(f"no Docker engine answers at {host}", hint=HELP)
