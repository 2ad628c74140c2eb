"""Scenario files: named sets of faults in `scenarios/*.yaml`, or a file of one's own."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from firmware_sim.faults import FaultError, FaultRequest

_KEYS = ("fault", "target", "at", "for", "by")


def names() -> list[str]:
    """The scenarios that come with the simulator."""
    folder = files("firmware_sim") / "scenarios"
    return sorted(
        entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")
    )


def load(name_or_path: str) -> tuple[FaultRequest, ...]:
    """The fault requests of a scenario by name or path. Raises FaultError with every mistake."""
    if name_or_path in names():
        text = (files("firmware_sim") / "scenarios" / f"{name_or_path}.yaml").read_text("utf-8")
    else:
        try:
            text = Path(name_or_path).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise FaultError(
                f"scenario {name_or_path!r} is neither a readable file nor one of {', '.join(names())}"
            ) from None
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise FaultError(f"scenario {name_or_path!r} is not YAML: {' '.join(str(error).split())}") from None
    return read(document, name_or_path)


def read(document: Any, where: str) -> tuple[FaultRequest, ...]:
    """Read a parsed scenario: a mapping with `scenario`, `title` and the list `faults`."""
    if not isinstance(document, dict) or not isinstance(document.get("faults"), list):
        raise FaultError(f"{where}: a scenario is a mapping with scenario, title and a list of faults")
    mistakes = [f"{where}: unknown key {key!r}" for key in document.keys() - {"scenario", "title", "faults"}]
    requests = []
    for number, entry in enumerate(document["faults"], start=1):
        found = _entry_mistakes(entry)
        mistakes += [f"{where}: fault {number}: {mistake}" for mistake in found]
        if not found:
            by = entry.get("by")
            requests.append(FaultRequest(entry["fault"], entry["target"], entry["at"], entry["for"], by))
    if mistakes:
        raise FaultError("\n".join(mistakes))
    return tuple(requests)


def _entry_mistakes(entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return ["is not a mapping with fault, target, at, for"]
    mistakes = [f"unknown key {key!r}; known are {', '.join(_KEYS)}" for key in entry if key not in _KEYS]
    for key in _KEYS:
        if key == "by" and key not in entry:
            continue
        if not isinstance(entry.get(key), str):
            mistakes.append(f'{key} must be text; write it in quotes, like "10:20"')
    return mistakes
