"""Modules that left the standard library and live on as distributions of their own."""

from __future__ import annotations

_OWN = {
    "asynchat": "pyasynchat", "asyncore": "pyasyncore", "audioop": "audioop-lts", "cgi": "legacy-cgi",
    "cgitb": "legacy-cgi", "distutils": "setuptools", "imp": "zombie-imp",
}  # fmt: skip
_STANDARD = frozenset({
    "aifc", "chunk", "crypt", "imghdr", "mailcap", "nntplib", "pipes", "smtpd", "sndhdr", "sunau",
    "telnetlib", "uu", "xdrlib",
})  # fmt: skip
"""Modules that PEP 594 removed, each kept as `standard-...`. Source: https://github.com/youknowone/python-deadlib."""


def continued_in(module: str) -> str:
    """Canonical name of the distribution that brings a module to newer Pythons; empty where none does."""
    top = module.partition(".")[0]
    return _OWN.get(top) or (f"standard-{top}" if top in _STANDARD else "")
