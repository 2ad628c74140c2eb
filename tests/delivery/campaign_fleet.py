"""The simulated fleet of a campaign: as `oshwatch sim run`, but a fleet that was killed has lost its power.

A fleet that goes on usually stood still meanwhile; here its world went on, so that each gateway writes down
from when to when it was not there, as a real one does.
"""

from __future__ import annotations

from firmware_sim.gateway import SimGateway
from oshwatch.main import main

_boot = SimGateway._boot


def boot(self: SimGateway, *, resumed: bool = False) -> None:
    """As after a power cut, whoever ended the run before."""
    del resumed
    _boot(self, resumed=False)


if __name__ == "__main__":
    SimGateway._boot = boot  # type: ignore[method-assign]
    main()
