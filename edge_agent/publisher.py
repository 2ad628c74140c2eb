"""Delivers the outbox: keeps connected, sends within the windows, believes only the server's signed word.

Use: `open()` once, then `step()` often, always from the thread that owns the outbox; the connection's own
thread does nothing but queue what it hears. `stop()` leaves in good order, `cut()` vanishes.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable

from edge_agent.acknowledging import AckReader
from edge_agent.announcing import Announcer
from edge_agent.commanding import CommandDesk
from edge_agent.delivery import Delivery, Lane, Pace
from edge_agent.identity import Identity
from edge_agent.journal import Journal
from edge_agent.mqtt_link import Answered, Down, Heard, Link, LinkEvent, Post, Refused, Up
from edge_agent.outbox.records import Sealed
from edge_agent.outbox.store import Outbox
from edge_agent.reporting import FAILED, NO_SUBSCRIBER, Counters, Listener
from edge_agent.server_time import TimeExchange
from edge_agent.server_trust import ServerTrust
from edge_agent.timekeeping import Timekeeper
from osh_domain import strict_json
from osh_domain.crash_points import crash_here
from osh_domain.topics import ACK, CMD, CMD_RES, DATA_BACK, DATA_LIVE, TIME_REQ, TIME_RES, topic
from osh_domain.wire_error import WireError

BATCH_TYPE = "application/x-osh-batch"
SHORT_LIVED_S = 60
NEWEST_AS_LIVE = 8
ASK_TIME_EVERY_S = 3600.0
ALL_ROWS = 2**62
log = Journal(__name__)


class Publisher:
    """One gateway's delivery. `monotonic` is real time also where the clock is simulated."""

    def __init__(
        self,
        identity: Identity,
        outbox: Outbox,
        timekeeper: Timekeeper,
        link: Link,
        *,
        pace: Pace = Pace(),  # noqa: B008 - frozen
        time_exchange: str = "auto",
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        version: str = "0",
    ) -> None:
        self.counters = Counters()
        self.connected = False
        self.refused: str | None = None  # what the broker said when it did not let this gateway in
        self._identity = identity
        self._outbox = outbox
        self._timekeeper = timekeeper
        self._link = link
        self._monotonic = monotonic
        self._delivery = Delivery(pace, jitter)
        self._acks = AckReader(identity, outbox, self._delivery, self.counters)
        self._desk = CommandDesk(identity, outbox)
        self._trust = ServerTrust(outbox.path.parent, identity)
        self._time_exchange_mode = time_exchange
        self._exchange: TimeExchange | None = None
        self._asked_time_at = 0.0
        self._announcer = Announcer(identity, outbox, timekeeper, version)
        self._configuration = b"{}"
        self._listener: Listener | None = None
        self._conn = 0
        self._live_from = 0
        self._look = True

    # -- for the agent ----------------------------------------------------------------------------------

    def attach(self, listener: Listener) -> None:
        self._listener = listener
        self._acks.listener = listener
        self._desk.listener = listener

    def open(self) -> None:
        """Begin to look for the broker; does not wait for it."""
        self._conn = int(self._outbox.note("conn") or "0") + 1
        self._reserve(self._conn)
        self._link.open(self._conn, self._will)

    def configured(self, document: bytes) -> None:
        """A new configuration document is in force: tell it now, or with the next connection."""
        self._configuration = document
        if self.connected:
            self._link.publish(self._announcer.birth(self._configuration))

    def batch_sealed(self) -> None:
        """The outbox has something new."""
        self._look = True

    def step(self) -> None:
        """Take what was heard, run the timers, publish what may be published. Never blocks."""
        for event in self._link.events():
            self._take(event)
        if not self.connected:
            return
        now = self._monotonic()
        self._ask_time(now)
        expired = self._delivery.expire(now)
        if expired:
            self.counters.expired += expired
        if expired or self._delivery.may_ask(now):
            self._look = True
        if self._look and not self._settling():
            self._look = self._send("live", now) | self._send("back", now)

    def next_due(self) -> float:
        """Seconds until `step()` has something to do by itself; events of the link come sooner."""
        if not self.connected:
            return 1.0
        wait = self._delivery.next_due(self._monotonic())
        return min(wait, 0.05 if self._look or self._exchange is not None else 1.0)

    @property
    def disputed(self) -> tuple[str, ...]:
        """Epochs of which the server's ledger and ours differ: no copy of them may be deleted."""
        return self._acks.disputed

    @property
    def stopped_by_server(self) -> bool:  # as it does when its disk is full
        return self._delivery.stopped

    @property
    def in_flight(self) -> int:
        return self._delivery.in_flight

    def stop(self, patience_s: float = 2.0) -> None:
        """Say `stopping`, wait a little for outstanding acknowledgements, disconnect."""
        self.step()
        if self.connected:
            self._link.publish(self._announcer.state("stopping", self._conn))
            until = self._monotonic() + patience_s
            while self._delivery.in_flight and self.connected and self._monotonic() < until:
                time.sleep(0.02)
                self.step()
        self._link.close()
        self.connected = False

    def cut(self) -> None:
        """Vanish without a word, as when the power goes."""
        self._link.cut()
        self.connected = False

    # -- what was heard ---------------------------------------------------------------------------------

    def _take(self, event: LinkEvent) -> None:
        if isinstance(event, Up):
            self._come_up(event.conn)
        elif isinstance(event, Down):
            self.connected = False
            log.warning("connection lost", reason=event.reason)
            if event.taken_over:
                self._tell("clone suspected: another client comes with this gateway's name")
        elif isinstance(event, Refused):
            if self.refused != event.reason:  # once, not at each attempt
                log.error("the broker refuses this gateway, or it the broker", reason=event.reason)
            self.refused = event.reason
        elif isinstance(event, Heard):
            self._hear(event)
        elif isinstance(event, Answered):
            self._answered(event)

    def _answered(self, event: Answered) -> None:
        self.counters.broker_answered(event.code)
        if event.row is not None and event.code == NO_SUBSCRIBER:
            self._delivery.nobody_listens(event.row, self._monotonic())
        elif event.row is not None and event.code < FAILED and self._delivery.somebody_listens():
            self._look = True

    def _come_up(self, conn: int) -> None:
        self.connected = True
        self.refused = None
        self.counters.connections += 1
        self._conn = conn
        self._reserve(conn + 1)
        now = self._monotonic()
        self._delivery.reset(now)
        newest = self._outbox.newest_waiting(NEWEST_AS_LIVE)
        self._live_from = newest[-1] if newest else self._outbox.last_row() + 1
        self._look = True
        self._link.subscribe([self._topic(leaf) for leaf in (ACK, TIME_RES, CMD)])
        self._link.publish(self._announcer.state("online", conn))
        self._link.publish(self._announcer.birth(self._configuration))
        self._exchange = None
        self._asked_time_at = -ASK_TIME_EVERY_S
        log.info("connected", conn=conn, waiting=self._outbox.counts().waiting)

    def _hear(self, heard: Heard) -> None:
        """Whatever the server says is signed, or it was not the server."""
        if self._identity.server_key is None:
            return
        try:
            said = self._trust.hear(heard.payload)
            self._understand(heard.topic, said)
        except WireError as error:
            if error.code == "sig":
                self.counters.unsigned_words += 1
            else:
                self.counters.strange_words += 1
            log.warning("a word was ignored", topic=heard.topic, code=error.code, reason=str(error))
        except (sqlite3.OperationalError, OSError):
            # Whatever is not written down stays unacknowledged, so it is sent and acknowledged again.
            log.exception("a word of the server could not be written down", topic=heard.topic)

    def _understand(self, name: str, said: dict[str, object]) -> None:
        now = self._monotonic()
        if name == self._topic(ACK):
            self._acks.read(said, now)
            self._look = True
        elif name == self._topic(TIME_RES) and self._exchange is not None:
            self._exchange.answer(said, self._timekeeper.clock.boot_time())
        elif name == self._topic(CMD):
            answer = self._desk.obey(said, self._timekeeper.wall())
            self._delivery.server_spoke(now)
            self._look = True
            if answer is not None:
                self._publish_json(CMD_RES, answer, expiry_s=SHORT_LIVED_S)

    # -- sending ----------------------------------------------------------------------------------------

    def _send(self, lane: Lane, now: float) -> bool:
        """Fill a lane; answers whether to look again although nothing new has happened."""
        room = self._delivery.room(lane, now)
        first, last = (self._live_from, ALL_ROWS) if lane == "live" else (0, self._live_from - 1)
        limit = max(1, room) + self._delivery.look_ahead()
        batches = self._delivery.choose(self._outbox.waiting(first, last, limit), max(1, room))
        for batch in batches[:room]:
            if not self._link.publish(self._data(lane, batch)):
                return True
            self._delivery.sent(batch.row, lane, now)
            self.counters.published += 1
            crash_here("publisher: published")
        return lane == "back" and bool(batches)

    def _data(self, lane: Lane, batch: Sealed) -> Post:
        leaf = DATA_LIVE if lane == "live" else DATA_BACK
        hints = (("lane", lane), ("ep", batch.epoch), ("seq", str(batch.seq)))
        return Post(self._topic(leaf), batch.payload, BATCH_TYPE, user=hints, row=batch.row)

    def _ask_time(self, now: float) -> None:
        if self._exchange is None:
            if not self._wants_time() or now - self._asked_time_at < ASK_TIME_EVERY_S:
                return
            self._exchange = TimeExchange(now)
            self._asked_time_at = now
        boot_time = self._timekeeper.clock.boot_time()
        question = self._exchange.ask(boot_time)
        if question is not None:
            said: dict[str, object] = {"id": question.id, "m0": question.m0}
            self._publish_json(TIME_REQ, said, qos=0, expiry_s=SHORT_LIVED_S)
        self._exchange.give_up(now)
        if self._exchange.over:
            anchor = self._exchange.anchor()
            self._exchange = None
            self._look = True
            if anchor is not None:
                self._timekeeper.accept(anchor)
                log.info("anchored to the server's clock", error_s=anchor.err)

    def _wants_time(self) -> bool:
        if self._identity.server_key is None or self._time_exchange_mode == "never":
            return False
        return self._time_exchange_mode == "always" or self._timekeeper.state.clk != "ntp"

    def _settling(self) -> bool:
        """Uncertain clocks come first, so that the batches that follow can be placed in time."""
        return self._exchange is not None and self._timekeeper.state.clk in ("none", "hold")

    # -- inside -----------------------------------------------------------------------------------------

    def _will(self, conn: int) -> Post:
        return self._announcer.state("offline", conn)

    def _reserve(self, conn: int) -> None:
        """Numbers of connections never repeat, so an old will cannot overrule a newer `online`."""
        try:
            self._outbox.write_notes({"conn": str(conn)})
        except sqlite3.OperationalError:
            log.exception("the number of this connection could not be written down")

    def _publish_json(
        self, leaf: str, said: dict[str, object], *, qos: int = 1, expiry_s: int | None = None
    ) -> None:
        self._link.publish(Post(self._topic(leaf), strict_json.write(said), qos=qos, expiry_s=expiry_s))

    def _topic(self, leaf: str) -> str:
        return topic(self._identity.site, self._identity.gateway, leaf)

    def _tell(self, text: str) -> None:
        if self._listener is not None:
            self._listener.tell(text)
