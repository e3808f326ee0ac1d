"""Where the tool's home is, by what this process was started with. It loads next to nothing."""

from __future__ import annotations

import os

NO_HOME = "/nonexistent"
"""The home of users who have none. Source: Debian Policy Manual, 9.2.3, non-existent home directories."""


def home_folder() -> str | None:
    """The tool's home, an absolute path: `$ENVSPEC_HOME`, else `envspec` in the user's cache folder.

    None for a user without a home folder: a folder that others know of too, such as one in `/tmp`, would let
    them choose what is built.
    """
    chosen = os.environ.get("ENVSPEC_HOME")
    if not chosen:
        cache = os.environ.get("XDG_CACHE_HOME")
        if not cache:
            user = user_home()
            if user == NO_HOME:
                return None
            cache = f"{user}/.cache"
        chosen = f"{cache}/envspec"
    return os.path.join(os.getcwd(), chosen)  # noqa: PTH109, PTH118 - no pathlib


def user_home() -> str:
    """The home folder of this user."""
    import pathlib  # most say where their home is

    try:
        return str(pathlib.Path.home())
    except RuntimeError:  # a number that no account has
        return NO_HOME


def settle_home() -> None:
    """Let `HOME` say that a user has none: where it says nothing, pip ends in a traceback."""
    if os.environ.get("HOME"):
        return
    os.environ.pop("HOME", None)
    if user_home() == NO_HOME:
        os.environ["HOME"] = NO_HOME
