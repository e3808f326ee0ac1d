"""Every rule of lint and proof by its id; each has a page in `docs/rules/`."""

from __future__ import annotations

from collections.abc import Mapping

TITLES: Mapping[str, str] = {
    "EV001": "a version is left open",
    "EV002": "a package is named twice",
    "EV003": "two stages contradict each other",
    "EV004": "two stages are alike",
    "EV005": "a stage installs nothing",
    "EV006": "a prebuilt wheel comes without its hash",
    "EV007": "a prebuilt wheel cannot run on the target",
    "EV008": "a package is both removed and installed",
    "EV009": "the base image's content changes under its name",
    "EV010": "an index is not declared",
    "EV011": "an index is used by no stage",
    "EV012": "the base image stands on musl",
    "EV101": "the stages have no joint solution",
    "EV102": "a package cannot be had for the target",
    "EV103": "the lock does not satisfy a requirement",
    "EV104": "a package requires what the spec removes",
    "EV105": "a package does not want the target's Python",
    "EV106": "a source distribution cannot be built",
    "EV120": "a package was built for another NumPy",
    "EV121": "a compiled module expects another struct",
    "EV130": "a shared library is missing",
    "EV131": "the base is too old for a compiled file",
    "EV132": "a symbol is undefined",
    "EV133": "a compiled file cannot be loaded",
    "EV140": "an import surely fails",
    "EV141": "an import may fail",
    "EV142": "a package is a placeholder",
    "EV150": "what the stages add",
    "EV151": "the stages add more than the budget",
}
"""What each rule says, in a few words."""
