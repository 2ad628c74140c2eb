"""One driver a file. This table registers those in the tree, entry points `edge_agent.drivers` the others."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from edge_agent.driver import API, Driver

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

DRIVERS = {
    "replay": "edge_agent.drivers.replay.Replay",
    "ds18b20": "edge_agent.drivers.ds18b20.Ds18b20",
}
GROUP = "edge_agent.drivers"


class UnknownDriver(ValueError):  # noqa: N818 - the noun that callers read
    """No driver of that kind, or not one this agent can use."""


def driver_class(kind: str) -> type[Driver]:
    """The class of a kind; the table of the tree wins. Raises UnknownDriver with what there is."""
    path = DRIVERS.get(kind)
    if path is not None:
        module, _, name = path.rpartition(".")
        found: type[Driver] = getattr(import_module(module), name)
        return found
    for entry in _entry_points():
        if entry.name != kind:
            continue
        loaded: type[Driver] = entry.load()
        if loaded.api != API:
            raise UnknownDriver(
                f"driver {kind!r} of {entry.value} speaks interface {loaded.api}, this agent {API}; update it"
            )
        return loaded
    raise UnknownDriver(f"no driver {kind!r}; there are {', '.join(kinds())}")


def kinds() -> list[str]:
    """Every kind that can be configured."""
    return sorted({*DRIVERS, *(entry.name for entry in _entry_points())})


def _entry_points() -> Iterable[EntryPoint]:
    from importlib.metadata import entry_points  # 5 MB that a gateway with drivers of the tree never needs

    return entry_points(group=GROUP)
