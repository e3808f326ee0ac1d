"""Where things stand inside an image."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The layout of an environment inside an image, as seen from inside."""

    prefix: str
    """The environment's root, such as `/opt/environment`; an absolute path."""
    version: str
    """Minor version of its Python, such as `3.11`."""
    base_python: str
    """The interpreter that the base brings, such as `/usr/bin/python3.11`."""

    @property
    def python(self) -> str:
        """The environment's own interpreter, which scripts name."""
        return f"{self.prefix}/bin/python"

    @property
    def site(self) -> str:
        """Its site-packages."""
        return f"{self.prefix}/lib/python{self.version}/site-packages"

    def scheme(self, name: str, distribution: str) -> str:
        """Where a wheel's `.data/<name>` goes. Source: the schemes of `sysconfig`, in a virtual environment.

        Raises `KeyError` for a scheme that no installer knows.
        """
        return {
            "purelib": self.site,
            "platlib": self.site,
            "scripts": f"{self.prefix}/bin",
            "data": self.prefix,
            "headers": f"{self.prefix}/include/site/python{self.version}/{distribution}",
        }[name]
