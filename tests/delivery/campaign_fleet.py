"""The simulated fleet of a campaign: as `oshwatch sim run`, but for two things.

A fleet that goes on usually stood still meanwhile. Here its world went on, so that each gateway writes down
from when to when it was not there, as a real one does. And while the disk of the gateways is full, the
simulator does not end for want of room for its own notes, or to make a gateway repeat itself: no real one
does either.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from edge_agent.agent import Agent
from firmware_sim.gateway import SimGateway
from firmware_sim.runner import FleetRunner
from oshwatch.main import main

_boot, _repeat, _save = SimGateway._boot, SimGateway._repeat, FleetRunner._save


def boot(self: SimGateway, *, resumed: bool = False) -> None:
    """As after a power cut, whoever ended the run before."""
    del resumed
    _boot(self, resumed=False)


def repeat(self: SimGateway, agent: Agent) -> None:
    """Send acknowledged batches again; not while the outbox cannot be written."""
    with suppress(sqlite3.OperationalError):
        _repeat(self, agent)


def save(self: FleetRunner) -> None:
    """Where the run is; later when there is no room now."""
    with suppress(OSError):
        _save(self)


if __name__ == "__main__":
    SimGateway._boot = boot  # type: ignore[method-assign]
    SimGateway._repeat = repeat  # type: ignore[method-assign]
    FleetRunner._save = save  # type: ignore[method-assign]
    main()
