"""An image under judgement: `envspec verify --image NAME`. It need not have been built here."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from builder.backends.docker import container
from builder.backends.docker.engine import Engine
from envspec.system.errors import OutsideError
from envspec.system.process import Completed


class DockerSubject:
    """Runs every command in a new container without a network; the image stays as it is.

    Raises `OutsideError` when the engine does not have the image.
    """

    def __init__(self, image: str, engine: Engine | None = None) -> None:
        self._engine = engine or Engine()
        self._image = image
        if self._engine.image_id(image) is None:
            raise OutsideError(
                f"the engine at {self._engine.address.host} has no image {image}",
                hint=f"`docker pull {image}` brings it, if a registry has it",
            )

    @property
    def label(self) -> str:
        """Name of the image."""
        return self._image

    @functools.cached_property
    def python(self) -> str:
        """The interpreter's path, as seen inside."""
        return container.find_python(self._engine, self._image)

    @property
    def root(self) -> None:
        """Its files lie in the engine, which may be another machine."""

    def run(self, command: Sequence[str], *, stdin: str | None, timeout: float | None) -> Completed:
        """Run a command in a container."""
        return container.run_in_container(
            self._engine, self._image, command, python=self.python, stdin=stdin, timeout=timeout
        )
