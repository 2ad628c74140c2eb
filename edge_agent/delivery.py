"""Which batch may be on its way: windows, timers and the pace of the backlog. Pure but for its own memory.

What is SENT is known only here, so after a restart or a reconnect everything unacknowledged goes out again.
Times are seconds of a monotonic clock that the caller passes as `now`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from edge_agent.outbox.records import Sealed

Lane = Literal["live", "back"]
JITTER = 0.2
MOST_IN_BACK = 24  # with the live lane this stays within Receive Maximum
ROUND_TRIP_S = 2.0  # an acknowledgement that takes longer than this behind a later one is not on its way
SPREAD_S = 1.0  # so that a thousand gateways do not all send again in the same instant
ASK_FIRST_S = 1.0
ASK_AGAIN_S = 0.05


@dataclass(frozen=True)
class Pace:
    """Windows in batches, rate in batches a second, timers in s."""

    live_window: int = 8
    back_window: int = 16
    back_rate: float = 5.0
    retry_first_s: float = 30.0
    retry_longest_s: float = 600.0


@dataclass
class Flight:
    """A batch that was published at `sent_at` and is not yet acknowledged; at `due` it goes again."""

    lane: Lane
    sent_at: float
    due: float


class Delivery:
    """Counts what is unacknowledged. `jitter` answers 0..1."""

    def __init__(self, pace: Pace, jitter: Callable[[], float]) -> None:
        self._pace = pace
        self._jitter = jitter
        self._window = pace.back_window
        self._rate = pace.back_rate
        self._flights: dict[int, Flight] = {}
        self._tries: dict[int, int] = {}
        self._tokens = 1.0
        self._filled_at = 0.0
        # Batches the broker threw away since somebody last took one, and when to ask with the next.
        self._unheard = 0
        self._ask_at = 0.0
        self._probes = 0  # since the server asked for silence

    @property
    def stopped(self) -> bool:
        """The server asked for silence (`win` 0); one batch at a time still asks whether it is over."""
        return self._window == 0

    def reset(self, now: float) -> None:
        """A new connection: nothing is on its way any more."""
        self._flights.clear()
        self._tries.clear()
        self._filled_at = now
        self._unheard = 0

    def obey(self, window: int, rate: float) -> None:
        """Take the window and rate of an acknowledgement."""
        self._window = min(window, MOST_IN_BACK)
        if window:
            self._probes = 0
        if rate > 0:
            self._rate = rate

    def expire(self, now: float) -> int:
        """Flights whose timer ran out are SEALED again; answers how many."""
        late = [row for row, flight in self._flights.items() if flight.due <= now]
        for row in late:
            del self._flights[row]
        return len(late)

    def settle(self, rows: Iterable[int], now: float) -> None:
        """These are acknowledged or held. What left well before one of them, and is not, got lost."""
        newest = 0.0
        for row in rows:
            flight = self._flights.pop(row, None)
            self._tries.pop(row, None)
            if flight is not None:
                newest = max(newest, flight.sent_at)
        for flight in self._flights.values():
            if flight.sent_at < newest - ROUND_TRIP_S:
                flight.due = min(flight.due, now)

    def server_spoke(self, now: float) -> None:
        """The server is there: what waited through its silence is not made to wait longer."""
        self._tries.clear()
        self._unheard = 0
        soon = self._ask_after(max(1, self._probes)) if self.stopped else self._pace.retry_first_s
        for flight in self._flights.values():
            flight.due = min(flight.due, now + soon)

    def server_listens_anew(self, now: float) -> None:
        """It hears through a new connection: what was on its way may have met nobody. Whatever is not
        acknowledged a round trip after it left goes again."""
        for flight in self._flights.values():
            again = max(now, flight.sent_at + ROUND_TRIP_S) + SPREAD_S * self._jitter()
            flight.due = min(flight.due, again)

    def nobody_listens(self, row: int, now: float) -> None:
        """The broker had no subscriber for this batch. From now on one at a time asks, more and more rarely,
        until somebody takes one."""
        if self._flights.pop(row, None) is not None and not self._unheard:
            self._unheard = 1
            self._ask_at = now + self._ask_after(self._unheard)

    def somebody_listens(self) -> bool:
        """The broker had a subscriber for a batch; answers whether that is news."""
        news, self._unheard = self._unheard > 0, 0
        return news

    def may_ask(self, now: float) -> bool:
        """Whether it is time to try with one batch if anybody listens again."""
        return self._unheard > 0 and now >= self._ask_at

    def _ask_after(self, times: int) -> float:
        wait = min(self._pace.retry_first_s, ASK_FIRST_S * 2.0 ** min(times - 1, 30))
        return wait * (1 - JITTER + 2 * JITTER * self._jitter())

    def room(self, lane: Lane, now: float) -> int:
        """How many batches may be published in a lane now."""
        if self._unheard:
            return int(self.may_ask(now))
        if self.stopped:
            return 0 if self._flights else 1  # in either lane: there may be nothing in the other
        used = sum(flight.lane == lane for flight in self._flights.values())
        if lane == "live":
            return max(0, self._pace.live_window - used)
        burst = max(1.0, self._rate / 2)
        self._tokens = min(burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        return max(0, min(self._window - used, int(self._tokens)))

    def look_ahead(self) -> int:
        """How many candidates to fetch beyond the room, as some may already be on their way."""
        return len(self._flights) + len(self._tries)

    def choose(self, candidates: Iterable[Sealed], room: int) -> list[Sealed]:
        """The ones to publish: those least often tried, then the oldest."""
        free = [batch for batch in candidates if batch.row not in self._flights]
        free.sort(key=lambda batch: (self._tries.get(batch.row, 0), batch.row))
        return free[:room]

    def sent(self, row: int, lane: Lane, now: float) -> None:
        """A batch was handed to the connection: start its timer, 30 s x 2^k within a fifth; from 1 s for one
        that asks whether a server that wanted silence takes something again."""
        k = self._tries.get(row, 0)
        self._tries[row] = k + 1
        wait = min(self._pace.retry_longest_s, self._pace.retry_first_s * 2.0 ** min(k, 30))
        again = wait * (1 - JITTER + 2 * JITTER * self._jitter())
        if self.stopped:
            self._probes += 1
            again = self._ask_after(self._probes)
        self._flights[row] = Flight(lane, now, now + again)
        if self._unheard:
            self._unheard += 1
            self._ask_at = now + self._ask_after(self._unheard)
        if lane == "back":
            self._tokens = max(0.0, self._tokens - 1)

    def next_due(self, now: float) -> float:
        """Seconds until a timer runs out or it is time to ask; infinite when nothing is on its way."""
        waits = [flight.due - now for flight in self._flights.values()]
        if self._unheard:
            waits.append(max(ASK_AGAIN_S, self._ask_at - now))
        return max(0.0, min(waits, default=float("inf")))

    @property
    def in_flight(self) -> int:
        return len(self._flights)
