"""The intake runner: takes what gateways publish, commits it, and only then acknowledges.

It reads what the broker has, up to ``commit_batches`` messages and without ever waiting for more, puts all
of it into one ledger commit, and answers each gateway once. When the ledger cannot be written (disk full,
locked) nothing is acknowledged: the gateways are told to stop (``win`` 0), keep their batches and send them
again.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

import paho.mqtt.client as paho
import sqlalchemy as sa
import structlog

from ingest_service import heartbeat
from ingest_service.acknowledger import Acknowledger, readable
from ingest_service.auth.server_key import ServerKey
from ingest_service.broker_link import BrokerLink
from ingest_service.clock import Clock, clock_from
from ingest_service.evidence.roots import publish_days
from ingest_service.gateway_words import read_birth, read_state
from ingest_service.intake import Arrival, Desk, Intake
from ingest_service.intake_desk import IntakeDesk
from ingest_service.intake_group import IntakeGroup
from ingest_service.ledger.port import BirthNote, Ledger, LedgerError, Outcome, StateNote
from ingest_service.payload_guard import PayloadGuard
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.register.store import Register
from ingest_service.settings import Settings
from ingest_service.shard_work import one_of_many
from ingest_service.stores import open_database_of, open_ledger_of, open_server_key_of
from ingest_service.time_exchange import answer
from ingest_service.trials import FOLDER, Trials
from osh_domain.crash_points import crash_here
from osh_domain.signing import Signer
from osh_domain.topics import (
    BIRTH,
    CMD,
    DATA_BACK,
    DATA_LIVE,
    STATE,
    TIME_REQ,
    TIME_RES,
    TopicName,
    parse_topic,
    topic,
    topic_filter,
)
from osh_domain.wire_error import WireError

LEAVES = (DATA_LIVE, DATA_BACK, STATE, BIRTH, TIME_REQ)
DATA_ENDINGS = tuple(f"/{leaf}" for leaf in (DATA_LIVE, DATA_BACK))
LOOK_UP_S = 0.25
BEAT_S = 1.0
LONGEST_PAUSE_S = 5.0  # less than the broker's patience with a silent client
TIME_LIVES_S = 60
MOST_STRANGERS = 1000
log = structlog.get_logger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Take in until the event is set. Raises LedgerError when the data directory cannot be used."""
    signer = open_server_key_of(settings)
    with contextlib.ExitStack() as owned:
        ledger = open_ledger_of(settings)
        owned.callback(ledger.close)
        engine = open_database_of(settings)
        owned.callback(engine.dispose)
        clock = clock_from(settings)
        register = Register(engine, clock.now)
        desk = IntakeDesk(register)
        beats = heartbeat.beats_of(engine, settings.data_dir)
        owned.callback(_end, beats)
        group = IntakeGroup(engine) if settings.group else None
        if group is not None:
            owned.enter_context(group.kept())
        subscriber = Subscriber(
            settings, ledger, steady(register.snapshot), signer, clock, desk=desk, beats=beats, group=group
        )
        owned.callback(subscriber.close)
        turn = owned.enter_context(one_of_many(engine, "day-roots", stop))
        days = threading.Thread(target=publish_days, args=(ledger, signer, clock.now, turn), name="day roots")
        days.start()
        owned.callback(days.join)
        owned.callback(stop.set)
        while not stop.is_set():
            subscriber.step()
            if subscriber.pause_s:
                stop.wait(subscriber.pause_s)


def steady(snapshot: Callable[[], RegisterSnapshot]) -> Callable[[], RegisterSnapshot]:
    """The register as it was last read, while its database does not answer: what comes then is not taken in
    anyway, but the gateways are told so."""
    known: list[RegisterSnapshot] = []

    def read() -> RegisterSnapshot:
        try:
            known[:] = [snapshot()]
        except sa.exc.SQLAlchemyError:
            if not known:
                raise
        return known[0]

    return read


def _end(beats: heartbeat.Beats) -> None:
    with contextlib.suppress(OSError):
        beats.end("intake")


class Subscriber:
    """The intake without its process: `step` reads one portion, stores it and answers."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        register: Callable[[], RegisterSnapshot],
        signer: Signer,
        clock: Clock,
        *,
        desk: Desk | None = None,
        beats: heartbeat.Beats | None = None,
        group: IntakeGroup | None = None,
    ) -> None:
        """`group`: this is one of several that share what gateways send."""
        self.pause_s = 0.0
        self._beats, self._group = beats or heartbeat.FileBeats(settings.data_dir), group
        self._settings = settings
        self._clock = clock
        self._signer = signer
        self._trials = Trials(settings.data_dir / FOLDER / "intake")
        guard = PayloadGuard(self._trials)
        self._intake = Intake(ledger, register, max_payload=settings.max_payload, desk=desk, guard=guard)
        self._link = BrokerLink(
            settings,
            [topic_filter(leaf) for leaf in LEAVES],
            self._hear,
            group=settings.group if group is not None else None,
            kept=[topic_filter(leaf) for leaf in (STATE, BIRTH)],
        )
        self._acknowledger = Acknowledger(
            ledger,
            signer,
            window=settings.back_window,
            rate=settings.back_rate,
            connection=lambda: self._link.name if group is None else group.name,
        )
        self._register = register
        self._strangers: set[str] = set()
        self._arrivals: list[Arrival] = []
        self._notes: list[StateNote | BirthNote] = []
        self._taken = 0
        self._ledger_trouble: str | None = None
        self._ledger_pause_s = 0.0
        self._next_beat = 0.0
        self._beat_trouble: str | None = None

    def step(self) -> None:
        """Look for the broker, or take one portion from it; a second at most."""
        self.pause_s = 0.0
        if self._group is not None and self._group.look(self._link.name):
            self._link.hear_again()
        if self._link.ready():
            self._link.read(self._settings.commit_batches, LOOK_UP_S)
            if self._arrivals or self._notes:
                self._store()
            self._answer()
        else:
            self.pause_s = LOOK_UP_S
        self._beat()

    def close(self) -> None:
        self._link.close()
        self._trials.close()

    # -- hearing ----------------------------------------------------------------------------------------

    def _hear(self, message: paho.MQTTMessage) -> None:
        now = self._clock.now()
        name = message.topic
        if name.endswith(DATA_ENDINGS):
            self._arrivals.append(
                Arrival(
                    bytes(message.payload),
                    now,
                    topic=name,
                    content_type=getattr(message.properties, "ContentType", None),
                    retained=message.retain,
                )
            )
            return
        try:
            self._hear_word(parse_topic(name), bytes(message.payload), now)
        except WireError as error:
            log.warning("a gateway's word was not understood", topic=name, code=error.code, reason=str(error))

    def _hear_word(self, name: TopicName, payload: bytes, now: float) -> None:
        if not payload:  # a retained message was deleted
            return
        if name.leaf == TIME_REQ:
            said = answer(payload, now, self._clock.now(), self._signer)
            self._link.publish(topic(name.site, name.gateway, TIME_RES), said, qos=0, expiry_s=TIME_LIVES_S)
        elif self._worth_a_note(name.site, name.gateway):
            read = read_state if name.leaf == STATE else read_birth
            self._notes.append(read(payload, name, now))

    def _worth_a_note(self, site: str, gateway: str) -> bool:
        """Registered gateways, under their own site; of the others a bounded number, so that an engineer sees
        who knocks."""
        registered = self._register().gateway(gateway)
        if registered is not None:
            return registered.site == site
        if gateway in self._strangers:
            return True
        if len(self._strangers) >= MOST_STRANGERS:
            return False
        self._strangers.add(gateway)
        return True

    # -- storing and answering --------------------------------------------------------------------------

    def _store(self) -> None:
        arrivals, notes = self._arrivals, self._notes
        self._arrivals, self._notes = [], []
        now = self._clock.now()
        if arrivals:
            crash_here("intake: received")
        try:
            outcomes = self._intake.take(arrivals, now, notes)
            self._tell_trouble(None)
            self._ledger_pause_s = 0.0
            for note in notes:
                if isinstance(note, BirthNote):
                    self._introduce_key(note.site, note.gateway)
                    self._acknowledger.born(note.site, note.gateway, note.epoch)
            told = [*outcomes, *self._intake.replayed()]
            self._acknowledger.note(o for o in told if readable(o.site, o.gateway))
            self._taken += len(outcomes)
        except LedgerError as error:
            self._tell_trouble(str(error))
            self._ask_to_stop(arrivals)
            self._ledger_pause_s = self.pause_s = min(LONGEST_PAUSE_S, max(1.0, self._ledger_pause_s * 2))

    def _introduce_key(self, site: str, gateway: str) -> None:
        """Whoever was away while the server's key changed learns it before anything signed with it."""
        for word in self._signer.statements if isinstance(self._signer, ServerKey) else ():
            self._link.publish(topic(site, gateway, CMD), word, expiry_s=TIME_LIVES_S)

    def _answer(self) -> None:
        """Publish what is owed, as far as the broker keeps up; the rest waits and meets later batches."""
        with contextlib.suppress(LedgerError):  # not even readable: then we say nothing at all
            for name, payload in self._acknowledger.say(self._clock.now(), most=self._link.room()):
                self._link.publish(name, payload)
                crash_here("intake: acknowledged")

    def _ask_to_stop(self, arrivals: list[Arrival]) -> None:
        """Tell those whose payloads could not be kept; what the ledger holds already stays true."""
        refused: list[Outcome] = []
        for arrival in arrivals:
            with contextlib.suppress(WireError):
                name = parse_topic(arrival.topic or "")
                refused.append(Outcome("refused", name.site, name.gateway, None, None, ""))
        with contextlib.suppress(LedgerError):
            self._acknowledger.note(refused)

    def _tell_trouble(self, trouble: str | None) -> None:
        if trouble is not None and trouble != self._ledger_trouble:
            log.error("nothing is taken in; the gateways keep their data", reason=trouble)
        elif trouble is None and self._ledger_trouble is not None:
            log.info("taking in again")
        self._ledger_trouble = trouble

    # -- sign of life -----------------------------------------------------------------------------------

    def _beat(self) -> None:
        now = time.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + BEAT_S
        try:
            self._beats.beat(
                "intake",
                connected=self._link.connected,
                trouble=self._ledger_trouble or self._link.trouble,
                taken=self._taken,
            )
            self._beat_trouble = None
        except OSError as error:
            if self._beat_trouble is None:
                log.warning("the sign of life cannot be written", reason=str(error))
            self._beat_trouble = str(error)
