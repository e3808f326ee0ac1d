"""Words for two distributions that do not go together."""

from __future__ import annotations

from builder.judge.facts import Distribution
from envspec.proof.history.table import breaks_with


def together(user: Distribution, provider: Distribution, otherwise: str = "") -> str:
    """Advice on both, with what is known of their other versions; `otherwise` where that is nothing."""
    known = breaks_with(user.key, user.version, provider.key, provider.version)
    more = f"{user.name} {user.version} works with {provider.name} {known.words}" if known else otherwise
    named = f"{user.name} {user.version} and {provider.name} {provider.version} do not go together"
    return "; ".join(filter(None, (named, more)))
