"""The users that programs name, looked up among those that a base has."""

from __future__ import annotations

from builder.inside import places
from envspec.system.errors import THE_SPEC, Problem, SpecError

_OURS = f"{places.USER}:x:{places.USER_ID}:{places.USER_ID}:"
"""The line of the user that every image has from us."""


def user_numbers(owner: str, passwd: str) -> tuple[int, int]:
    """Numbers of user and group of `name`, `number` or one with `:group`; `passwd` is the text of that file.

    Raises `SpecError` for a name that is not there. Source: passwd(5).
    """
    named, _, group = owner.partition(":")
    lines = (line.split(":") for line in (*passwd.splitlines(), _OURS))
    known = {line[0]: (int(line[2]), int(line[3])) for line in lines if _is_user(line)}
    if named.isdigit():
        own = next((pair[1] for pair in known.values() if pair[0] == int(named)), int(named))
        return int(named), int(group) if group else own
    if named not in known:
        raise unknown_user(named)
    return known[named][0], int(group) if group else known[named][1]


def _is_user(line: list[str]) -> bool:
    return len(line) > 3 and line[2].isdigit() and line[3].isdigit()


def unknown_user(name: str) -> SpecError:
    """What is said of a user that the base does not have."""
    return SpecError(
        THE_SPEC,
        (Problem(path="run.user", message=f"the base has no user {name}"),),
        hint=f"name one that it has, such as root or {places.USER}, or give a number",
    )
