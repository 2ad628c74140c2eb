"""What a judging process writes down of itself: how far it judged, since when it runs, that it lives."""

from typing import Final

import sqlalchemy as sa

from ingest_service.cases.schema import RUNNER_CURSORS
from ingest_service.cases.writing import upsert

CURSOR: Final = "exposures"
STARTED: Final = "started-at"
ALIVE: Final = "alive-at"
ALIVE_EVERY_S: Final = 60.0
SHORT_BREAK_S: Final = 180.0


class RunnerLife:
    """The rows of one shard (None: of everything)."""

    def __init__(self, shard: int | None = None) -> None:
        self._of = "" if shard is None else f".{shard}"
        self.started_at = self._alive_at = 0.0

    def begin(self, connection: sa.Connection, now: float) -> None:
        """Take up where it was left: after a short break the grace of the start before goes on, so that who
        starts over and over still tells; else it begins now."""
        names = [STARTED + self._of, ALIVE + self._of]
        query = sa.select(RUNNER_CURSORS.c.name, RUNNER_CURSORS.c.value).where(
            RUNNER_CURSORS.c.name.in_(names)
        )
        known: dict[str, int] = {row.name: row.value for row in connection.execute(query)}
        alive = known.get(ALIVE + self._of)
        if alive is not None and 0.0 <= now - alive <= SHORT_BREAK_S:
            self.started_at = float(known[STARTED + self._of])
            self._alive_at = float(alive)
        else:
            self.begin_anew(connection, now)

    def begin_anew(self, connection: sa.Connection, now: float) -> None:
        """The grace of a start begins now."""
        self.started_at = now
        self.live(connection, now)

    def is_due(self, now: float) -> bool:
        """Whether it is time to write down again that it lives."""
        return now - self._alive_at >= ALIVE_EVERY_S

    def live(self, connection: sa.Connection, now: float) -> None:
        """Write down that it lives."""
        self._alive_at = now
        rows = [
            {"name": STARTED + self._of, "value": int(self.started_at)},
            {"name": ALIVE + self._of, "value": int(now)},
        ]
        upsert(connection, RUNNER_CURSORS, rows)

    def cursor(self, connection: sa.Connection) -> int:
        """The number of the last change that was judged."""
        query = sa.select(RUNNER_CURSORS.c.value).where(RUNNER_CURSORS.c.name == CURSOR + self._of)
        return int(connection.execute(query).scalar() or 0)

    def set_cursor(self, connection: sa.Connection, value: int) -> None:
        """In the transaction that writes what was judged."""
        upsert(connection, RUNNER_CURSORS, [{"name": CURSOR + self._of, "value": value}])
