"""`[env]` in a virtual environment: `bin/activate` sets its variables, `deactivate` takes them back."""

from __future__ import annotations

import pathlib
import shlex
from collections.abc import Mapping

_LEAVING = "    unset VIRTUAL_ENV\n"
"""The line of `deactivate` in uv's script before which the others are taken back."""


def write_activation(script: pathlib.Path, env: Mapping[str, str]) -> None:
    """Have the script, which shells of the family of sh source, set the variables; values are final."""
    if not env:
        return
    text = script.read_text(encoding="utf-8")
    text = text.replace(_LEAVING, _taken_back(env) + _LEAVING, 1)
    script.write_text(text + _set(env), encoding="utf-8")


def _set(env: Mapping[str, str]) -> str:
    lines = ["", "# [env] of the spec"]
    for name, value in env.items():
        lines.append(f'if ! [ -z "${{{name}+_}}" ] ; then _OLD_ENVSPEC_{name}="${name}" ; fi')
        lines.append(f"{name}={shlex.quote(value)}")
        lines.append(f"export {name}")
    return "\n".join([*lines, "_ENVSPEC_SET=1", ""])


def _taken_back(env: Mapping[str, str]) -> str:
    lines = ['if ! [ -z "${_ENVSPEC_SET+_}" ] ; then']
    for name in env:
        old = f"_OLD_ENVSPEC_{name}"
        lines += [
            f'    if ! [ -z "${{{old}+_}}" ] ; then',
            f'        {name}="${old}"',
            f"        export {name}",
            f"        unset {old}",
            "    else",
            f"        unset {name}",
            "    fi",
        ]
    return "".join(f"    {line}\n" for line in [*lines, "    unset _ENVSPEC_SET", "fi"])
