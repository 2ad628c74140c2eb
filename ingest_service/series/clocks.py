"""What ``series.sqlite`` keeps of gateways' clocks: when one was seen to be right, since when it is not."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from ingest_service.series.connections import Connections


class GatewayClock(NamedTuple):
    """The clock of one boot of a gateway, as it was when readings arrived right after they were taken.

    `mono`, `utc`: boot-time clock and UTC of that moment, good to `err`; `off`: wall clock minus boot-time
    clock at the time. `wrong_since`: arrival of the first batch by another wall clock, None while it is
    right; `behind`: by how much it is behind then (all s).
    """

    gateway: str
    boot: str
    mono: float
    utc: float
    err: float
    off: float
    wrong_since: float | None = None
    behind: float = 0.0


class ClockReader(Protocol):
    """Part of `SeriesReader`."""

    def wrong_clocks(self) -> list[GatewayClock]:
        """Those that are wrong now."""
        ...


class ClockStore(Protocol):
    """Part of `SeriesStore`."""

    def gateway_clock(self, gateway: str, boot: str) -> GatewayClock | None: ...

    def set_gateway_clock(self, clock: GatewayClock) -> None:
        """Replaces what is known of a boot. A clock that is right says that earlier boots are over."""
        ...


class Clocks:
    """The same over SQLite; a part of the store's class."""

    _connections: Connections

    def transaction(self) -> AbstractContextManager[None]:
        """The store's own."""
        raise NotImplementedError

    def gateway_clock(self, gateway: str, boot: str) -> GatewayClock | None:
        row = (
            self._connections.here()
            .execute("SELECT * FROM clocks WHERE gateway = ? AND boot = ?", (gateway, boot))
            .fetchone()
        )
        return None if row is None else GatewayClock(*row)

    def set_gateway_clock(self, clock: GatewayClock) -> None:
        with self.transaction():
            connection = self._connections.here()
            connection.execute("INSERT OR REPLACE INTO clocks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", clock)
            if clock.wrong_since is None:
                connection.execute("UPDATE clocks SET wrong_since = NULL WHERE gateway = ?", (clock.gateway,))

    def wrong_clocks(self) -> list[GatewayClock]:
        found = self._connections.here().execute(
            "SELECT * FROM clocks WHERE wrong_since IS NOT NULL ORDER BY gateway, wrong_since"
        )
        return [GatewayClock(*row) for row in found]
