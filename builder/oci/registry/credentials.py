"""What this machine's docker knows about registries: it is used, and never kept."""

from __future__ import annotations


def stored_credentials(host: str) -> tuple[str, str] | None:
    """User and secret that `docker login` left for a registry, its helpers included; None without any."""
    from docker import auth
    from docker.errors import DockerException

    try:
        known = auth.load_config().resolve_authconfig(host)
    except (DockerException, OSError, ValueError):
        return None
    if not known:
        return None
    user = known.get("Username") or known.get("username")
    secret = known.get("Password") or known.get("password")
    return (user, secret) if user and secret else None
