"""Whether the machine has the card and the driver that the environment was proved for, said in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SETTING = "ENVSPEC_GPU"
OPTIONAL = "optional"
"""The value of `ENVSPEC_GPU` with which a processor will do."""

_CODE = re.compile(r"(sm|compute)_(\d+)(\d)([af]?)")


def examine(
    facts: Mapping[str, Any], found: Mapping[str, Any], env: Mapping[str, str]
) -> Iterator[tuple[bool, str]]:
    """One line on the cards, with whether it is well; none where the environment is meant for no card.

    `facts` is what `environment.json` holds, `found` what the driver says (`driver.driver_facts`).
    """
    wanted = facts.get("gpu")
    if not wanted:
        return
    wrong = _wrong(wanted, found)
    said = "; ".join(part for part in (_said(facts, found), wrong) if part)
    if wrong and env.get(SETTING, "").strip().lower() == OPTIONAL:
        yield True, f"{said}; {SETTING}={OPTIONAL}: a processor will do"
    else:
        yield not wrong, said


def _said(facts: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Cards, capabilities, driver, runtime and cuDNN, as far as each is known."""
    cards = found.get("cards") or []
    parts = [", ".join(_card(name, count) for name, count in _counted(cards)) if cards else "no GPU"]
    cuda = found.get("cuda", 0)
    if found.get("driver") or cuda:
        known = " (CUDA {}.{})".format(*_release(cuda)) if cuda else ""
        parts.append(f"driver {found.get('driver') or 'unknown'}{known}")
    for title, prefix in (("runtime", "nvidia-cuda-runtime"), ("cuDNN", "nvidia-cudnn")):
        versions = library_versions(facts.get("pins", {}), prefix)
        if versions:
            parts.append(f"{title} {' and '.join(versions)}")
    return ", ".join(parts)


def library_versions(pins: Mapping[str, str], prefix: str) -> list[str]:
    """Versions of one of NVIDIA's libraries among the pins: its wheels end in the CUDA that they are for."""
    return sorted({pins[name] for name in pins if re.fullmatch(rf"{re.escape(prefix)}(-cu\d+)?", name)})


def _counted(cards: Sequence[Mapping[str, Any]]) -> list[tuple[tuple[str, int, int], int]]:
    found: dict[tuple[str, int, int], int] = {}
    for card in cards:
        key = str(card.get("name") or "a card"), int(card.get("major", 0)), int(card.get("minor", 0))
        found[key] = found.get(key, 0) + 1
    return list(found.items())


def _card(card: tuple[str, int, int], count: int) -> str:
    name, major, minor = card
    return f"{f'{count} × ' if count > 1 else ''}{name} (sm_{major}{minor})"


def _wrong(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Why the environment cannot compute here, in one sentence; empty where it can."""
    if too_old(wanted, found):
        because = f", which {wanted['because']} needs" if wanted.get("because") else ""
        return f"the driver is older than {wanted.get('driver') or 'CUDA ' + wanted['cuda']}{because}"
    cards = found.get("cards") or []
    if not cards:
        return str(found.get("problem") or "no card is passed in")
    return _unserved(wanted.get("kernels") or {}, cards)


def too_old(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether the driver is below the floor: by the CUDA that its library offers, else by its own version.

    The library decides, since a compatibility package brings a newer one for an older kernel module.
    """
    if wanted.get("cuda") and found.get("cuda"):
        return _release(found["cuda"]) < _numbers(wanted["cuda"])
    if wanted.get("driver") and found.get("driver"):
        return _numbers(found["driver"]) < _numbers(wanted["driver"])
    return False


def _release(number: int) -> tuple[int, int]:
    """The CUDA of `cuDriverGetVersion`, which is 1000 × major + 10 × minor."""
    return number // 1000, number % 1000 // 10


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _unserved(kernels: Mapping[str, Sequence[str]], cards: Sequence[Mapping[str, Any]]) -> str:
    """Which libraries have no kernel for any of the cards; empty where each has one for some card."""
    lacking = {
        name
        for name, codes in kernels.items()
        if codes
        and not any(runs_on(code, int(card["major"]), int(card["minor"])) for code in codes for card in cards)
    }
    if not lacking:
        return ""
    names = ", ".join(sorted(lacking))
    return f"{names} {'has' if len(lacking) == 1 else 'have'} no kernel for it"


def runs_on(code: str, major: int, minor: int) -> bool:
    """Whether code of that architecture (`sm_80`, `compute_90a`) runs on a card; strange words count as yes.

    Machine code: the same major, an equal or higher minor. PTX: the same or any higher architecture. `a`:
    that card alone; `f`: its family, the same major from that minor on. Source: CUDA's compiler guide, on
    binary and PTX compatibility, and on architecture-specific and family-specific features.
    """
    found = _CODE.fullmatch(code)
    if not found:
        return True
    kind, suffix = found.group(1), found.group(4)
    architecture = _renamed((int(found.group(2)), int(found.group(3))))
    card = _renamed((major, minor))
    if suffix == "a":
        return architecture == card
    if kind == "sm" or suffix == "f":
        return architecture[0] == card[0] and architecture[1] <= card[1]
    return architecture <= card


def _renamed(number: tuple[int, int]) -> tuple[int, int]:
    """10.1 became 11.0 with CUDA 13."""
    return (11, 0) if number == (10, 1) else number
