"""The prefix: where an environment and its parts stand inside an image."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Prefix:
    """The folder of an environment inside an image, with what Python expects below it."""

    root: str
    """The folder itself, such as `/opt/env`; an absolute path."""
    version: str
    """Minor version of its Python, such as `3.11`."""
    base_python: str
    """The interpreter that the base brings, such as `/usr/bin/python3.11`."""

    @property
    def python(self) -> str:
        """The environment's own interpreter, which scripts name."""
        return f"{self.root}/bin/python"

    @property
    def site(self) -> str:
        """Its site-packages."""
        return f"{self.root}/lib/python{self.version}/site-packages"

    def scheme(self, name: str, distribution: str) -> str:
        """Where a wheel's `.data/<name>` goes. Source: the schemes of `sysconfig`, in a virtual environment.

        Raises `KeyError` for a scheme that no installer knows.
        """
        return {
            "purelib": self.site,
            "platlib": self.site,
            "scripts": f"{self.root}/bin",
            "data": self.root,
            "headers": f"{self.root}/include/site/python{self.version}/{distribution}",
        }[name]
