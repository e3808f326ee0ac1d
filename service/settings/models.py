"""Where models lie that settings name."""

from __future__ import annotations

import pathlib


def model_places(name: str, folder: str) -> tuple[pathlib.Path, ...]:
    """Where a model may lie: at the path that its name is, and below a folder of models if there is one."""
    return (pathlib.Path(name), *([pathlib.Path(folder, name)] if folder else []))
