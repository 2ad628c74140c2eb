"""Scenario files: what happens and goes wrong, and what people must and may be told of it.

`scenarios/*.yaml`, or a file of one's own. Without `start` and `for` a scenario is a set of faults for any
run; with them it is a course of its own that can be scored.
"""

from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from firmware_sim.expectations import Expectation, ExpectationRequest, read_expectation
from firmware_sim.expectations import resolve as resolve_expectation
from firmware_sim.faults import Fault, FaultError, FaultRequest, happenings, resolve
from firmware_sim.fleet import Fleet
from firmware_sim.instants import InstantError, seconds

_KEYS = ("fault", "target", "at", "for", "by")
_TOP = frozenset(
    {"scenario", "title", "about", "sites", "start", "for", "faults", "expect", "quiet", "unseen"}
)


@dataclass(frozen=True)
class Scenario:
    """A scenario as written. `start` is the wall time of the first site; empty: it is no course of its own.

    `expect` must be told, `allowed` may be told, everything else must be quiet. `unseen` is true and cannot
    be told by anybody who sees only the readings and the calendar; each says why.
    """

    name: str
    title: str
    about: str
    sites: tuple[str, ...]
    start: str
    span: str
    faults: tuple[FaultRequest, ...]
    expect: tuple[ExpectationRequest, ...]
    allowed: tuple[ExpectationRequest, ...]
    unseen: tuple[ExpectationRequest, ...]

    @property
    def course(self) -> bool:
        """Whether it says when it begins and how long it lasts."""
        return bool(self.start and self.span)


@dataclass(frozen=True)
class Course:
    """A scenario with its names and times resolved: fleet with its happenings, instants in s since 1970."""

    scenario: Scenario
    fleet: Fleet
    start: float
    end: float
    faults: tuple[Fault, ...]
    expect: tuple[Expectation, ...]
    allowed: tuple[Expectation, ...]
    unseen: tuple[Expectation, ...]


def names() -> list[str]:
    """The scenarios that come with the simulator."""
    folder = files("firmware_sim") / "scenarios"
    return sorted(
        entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")
    )


def load(name_or_path: str) -> tuple[FaultRequest, ...]:
    """The fault requests of a scenario by name or path. Raises FaultError with every mistake."""
    return scenario(name_or_path).faults


def scenario(name_or_path: str) -> Scenario:
    """A scenario by name or path. Raises FaultError with every mistake."""
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


def read(document: Any, where: str) -> Scenario:
    """Read a parsed scenario. Raises FaultError with every mistake, a line each."""
    if not isinstance(document, dict) or not isinstance(document.get("faults"), list):
        raise FaultError(f"{where}: a scenario is a mapping with scenario, title and a list of faults")
    mistakes = [f"{where}: unknown key {key!r}" for key in document.keys() - _TOP]
    requests = []
    for number, entry in enumerate(document["faults"], start=1):
        found = _entry_mistakes(entry)
        mistakes += [f"{where}: fault {number}: {mistake}" for mistake in found]
        if not found:
            by = entry.get("by")
            requests.append(FaultRequest(entry["fault"], entry["target"], entry["at"], entry["for"], by))
    words = {key: _text(document, key, where, mistakes) for key in ("title", "about", "start", "for")}
    quiet = document.get("quiet", {})
    if not isinstance(quiet, dict) or quiet.keys() - {"allowed"}:
        mistakes.append(f"{where}: quiet is a mapping with the list allowed")
        quiet = {}
    lists = {
        key: _expectations(value, f"{where}: {key}", mistakes)
        for key, value in (
            ("expect", document.get("expect", [])),
            ("allowed", quiet.get("allowed", [])),
            ("unseen", document.get("unseen", [])),
        )
    }
    sites = document.get("sites", [])
    if not isinstance(sites, list) or not all(isinstance(site, str) for site in sites):
        mistakes.append(f"{where}: sites is a list of factories")
        sites = []
    if bool(words["start"]) != bool(words["for"]):
        mistakes.append(f"{where}: a course of its own needs both start and for")
    if mistakes:
        raise FaultError("\n".join(mistakes))
    return Scenario(
        name=str(document.get("scenario", where)),
        title=words["title"],
        about=words["about"],
        sites=tuple(sites),
        start=words["start"],
        span=words["for"],
        faults=tuple(requests),
        **lists,
    )


def course(found: Scenario, fleet: Fleet, span: str | None = None) -> Course:
    """Resolve a scenario in a fleet; `span` changes its length. Raises FaultError with every mistake."""
    mistakes: list[str] = []
    try:
        chosen = fleet.only(found.sites) if found.sites else fleet
    except KeyError as error:
        raise FaultError(f"{found.name}: sites: there is no {error.args[0]!r} in this fleet") from None
    zone = chosen.factories[0].roster.zone
    try:
        start = datetime.fromisoformat(found.start).replace(tzinfo=zone).timestamp()
        end = start + seconds(span or found.span)
    except (ValueError, InstantError) as error:
        raise FaultError(
            f"{found.name}: start or for: {error}; write for example 2026-04-20T06:00 and 14h"
        ) from None
    faults: tuple[Fault, ...] = ()
    try:
        faults = resolve(found.faults, chosen, start)
    except FaultError as error:
        mistakes += [f"{found.name}: {line}" for line in str(error).splitlines()]
    lists: dict[str, tuple[Expectation, ...]] = {}
    for key in ("expect", "allowed", "unseen"):
        resolved = []
        for number, request in enumerate(getattr(found, key), start=1):
            try:
                resolved.append(resolve_expectation(request, chosen, start, end))
            except (ValueError, InstantError) as error:
                mistakes.append(f"{found.name}: {key} {number}: {error}")
        lists[key] = tuple(resolved)
    if mistakes:
        raise FaultError("\n".join(mistakes))
    return Course(found, chosen.with_events(happenings(faults)), start, end, faults, **lists)


def _text(document: dict[str, Any], key: str, where: str, mistakes: list[str]) -> str:
    value = document.get(key, "")
    if isinstance(value, str):
        return value
    mistakes.append(f"{where}: {key} must be text; write it in quotes")
    return ""


def _expectations(value: Any, where: str, mistakes: list[str]) -> tuple[ExpectationRequest, ...]:
    if not isinstance(value, list):
        mistakes.append(f"{where} is a list")
        return ()
    found = []
    for number, entry in enumerate(value, start=1):
        read_or_not = read_expectation(entry)
        if isinstance(read_or_not, ExpectationRequest):
            found.append(read_or_not)
        else:
            mistakes += [f"{where} {number}: {mistake}" for mistake in read_or_not]
    return tuple(found)


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
