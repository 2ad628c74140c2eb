"""The whole server in one process on a clock that somebody else turns: intake, projector, rollup, alerts."""

import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from alert_rules.pack_model import Pack
from edge_agent.mqtt_link import Post
from ingest_service.acknowledger import Acknowledger
from ingest_service.alert_cycle import AlertCycle
from ingest_service.auth.server_key import FILE_NAME, ServerKey
from ingest_service.exposure_rollup import Rollup
from ingest_service.gateway_words import read_birth, read_state
from ingest_service.intake import Arrival, Intake
from ingest_service.ledger.port import BirthNote, StateNote
from ingest_service.projection import Projector
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.settings import Settings
from ingest_service.stores import open_database_of, open_ledger_of, open_series_of
from ingest_service.time_exchange import answer
from osh_domain.topics import DATA_BACK, DATA_LIVE, STATE, TIME_REQ, TIME_RES, parse_topic, topic
from oshwatch.scoring.exchange import Exchange

PORTION = 500
MOST_CYCLES = 1000


class StepClock:
    """A server's clock that stands until it is set."""

    rate = 1.0

    def __init__(self, t: float) -> None:
        self.t = t

    def now(self) -> float:
        return self.t


class Server:
    """One server over the stores that the settings name; use as a context manager. Nothing runs but when
    asked to."""

    def __init__(
        self, settings: Settings, document: Any, packs: Sequence[Pack], clock: StepClock, exchange: Exchange
    ) -> None:
        """`document` is the site description; it is imported a minute before the clock's time.

        Raises DescriptionError, LedgerError, SeriesError, DatabaseError.
        """
        self._clock, self._exchange = clock, exchange
        with contextlib.ExitStack() as owned:
            self.engine = open_database_of(settings)
            owned.callback(self.engine.dispose)
            register = Register(self.engine, now=lambda: clock.now() - 60.0)
            import_description(register, document, "score")
            self._zones = len(register.snapshot().zones)
            self._signer = ServerKey.load_or_create(settings.data_dir / FILE_NAME)
            ledger = open_ledger_of(settings)
            owned.callback(ledger.close)
            self.series = open_series_of(settings)
            owned.callback(self.series.close)
            self._intake = Intake(ledger, register.snapshot)
            self._acknowledger = Acknowledger(
                ledger, self._signer, window=settings.back_window, rate=settings.back_rate
            )
            self._projector = Projector(ledger, self.series, register.snapshot)
            self._rollup = Rollup(self.series, register, budget_s=3600.0, look_every_s=0.0)
            self._cycle = AlertCycle(
                self.engine,
                register,
                self.series,
                packs,
                clock=clock,
                link_base=settings.link_base,
                live_age_s=settings.live_age_s,
                devices=ledger,
            )
            self._owned = owned.pop_all()

    @property
    def public_key(self) -> bytes:
        """What gateways check the server's words with."""
        return self._signer.public_key

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._owned.close()

    def take(self) -> int:
        """Take in what gateways published, commit it, and answer; how many messages there were."""
        now = self._clock.now()
        arrivals: list[Arrival] = []
        notes: list[StateNote | BirthNote] = []
        taken = 0
        while self._exchange.posts:
            post = self._exchange.posts.popleft()
            taken += 1
            if post.topic.endswith((DATA_LIVE, DATA_BACK)):
                arrivals.append(Arrival(post.payload, now, topic=post.topic, content_type=post.content_type))
            else:
                notes += self._word(post, now)
        if arrivals or notes:
            outcomes = self._intake.take(arrivals, now, notes)
            for note in notes:
                if isinstance(note, BirthNote):
                    self._acknowledger.born(note.site, note.gateway, note.epoch)
            self._acknowledger.note(outcomes)
            for name, payload in self._acknowledger.say(now):
                self._exchange.tell(parse_topic(name).gateway, name, payload)
        return taken

    def look(self) -> None:
        """Project, roll up and judge everything that can be at the clock's time."""
        while self._projector.step(PORTION) == PORTION:
            pass
        now = self._clock.now()
        for _ in range(MOST_CYCLES):
            report = self._rollup.cycle(now)
            while self._cycle.judge_new():
                pass
            # An ordinary minute is done in one go; late readings and long gaps come in portions.
            if not report.late and report.zone_minutes <= self._zones:
                break
        self._cycle.look_at_clock()

    def _word(self, post: Post, now: float) -> list[StateNote | BirthNote]:
        name = parse_topic(post.topic)
        if name.leaf == TIME_REQ:
            said = answer(post.payload, now, now, self._signer)
            self._exchange.tell(name.gateway, topic(name.site, name.gateway, TIME_RES), said)
            return []
        if not name.leaf.startswith("state") and name.leaf != "birth":
            return []
        return [(read_state if name.leaf == STATE else read_birth)(post.payload, name, now)]
