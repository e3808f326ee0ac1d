"""Run as a script: pip as it would answer under another Python.

Its words are the markers as JSON, the folder that holds pip, and pip's own words.

Markers have no option in pip, unlike tags and Requires-Python; and pip forbids sdists with foreign tags,
although their metadata rarely depends on the Python that reads it. Both are changed for this process alone.
"""

import importlib.machinery
import json
import sys
import types

Spec = importlib.machinery.ModuleSpec | None


class _PipAlone:
    """Finds pip in its folder and nothing else there, so that its neighbours do not count as installed."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def find_spec(self, name: str, _: object = None, target: types.ModuleType | None = None) -> Spec:
        if name != "pip":
            return None
        return importlib.machinery.PathFinder.find_spec(name, [self.folder], target)


def main(markers: str, folder: str, *words: str) -> int:
    sys.meta_path.insert(0, _PipAlone(folder))
    from pip._internal.cli import cmdoptions
    from pip._internal.cli.main import main as pip
    from pip._vendor.packaging import markers as vendored

    vendored.default_environment = lambda: json.loads(markers)
    cmdoptions.check_dist_restriction = lambda *_, **__: None
    return int(pip(list(words)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
