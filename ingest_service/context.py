"""What the web process holds open, and hands to every page and endpoint."""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from alert_rules.pack_format import load_packs
from ingest_service.auth.access import Grant
from ingest_service.auth.audit import Audit
from ingest_service.auth.passwords import Passwords
from ingest_service.auth.server_key import ServerKey
from ingest_service.auth.sessions import Sessions
from ingest_service.auth.tokens import Tokens
from ingest_service.cases.store import Cases
from ingest_service.catching_up import CatchingUp
from ingest_service.clock import Clock, clock_from
from ingest_service.intake import Intake
from ingest_service.intake_desk import IntakeDesk
from ingest_service.ledger.port import Ledger
from ingest_service.quarantine import Quarantine
from ingest_service.queries.limits_in_force import LimitsInForce
from ingest_service.queries.view import View
from ingest_service.register.entries import Person
from ingest_service.register.store import Register
from ingest_service.series.port import SeriesReader
from ingest_service.settings import Settings
from ingest_service.shard_work import shards_of
from ingest_service.stores import open_database_of, open_ledger_of, open_series_of, open_server_key_of
from osh_domain.scaled_time import ScaledTime


@dataclass(frozen=True, slots=True)
class Context:
    """Settings, clock and stores. Everything here may be shared between threads.

    The clock may be simulated (demo); sessions, tokens and the slow-down of sign-ins always use real time.
    """

    settings: Settings
    clock: Clock
    engine: sa.Engine
    register: Register
    cases: Cases
    ledger: Ledger
    series: SeriesReader
    intake: Intake
    quarantine: Quarantine
    server_key: ServerKey
    sessions: Sessions
    tokens: Tokens
    passwords: Passwords
    audit: Audit
    limits: LimitsInForce
    catching_up: CatchingUp

    @property
    def data_dir(self) -> Path:
        return self.settings.data_dir

    def view(self, person: Person | None, grant: Grant | None = None) -> View:
        """What a query reads, for this person, perhaps by a token, at this moment."""
        behind = self.catching_up.look()
        return View(
            now=self.clock.now(),
            rate=1.0 if self.settings.clock is None else ScaledTime.parse(self.settings.clock).rate,
            person=person,
            register=self.register.snapshot(),
            engine=self.engine,
            series=self.series,
            ledger=self.ledger,
            limits=self.limits,
            data_dir=self.settings.data_dir,
            grant=grant,
            caught_up_to=behind.catching_up,
            stood_still_at=behind.standing_still,
        )

    def close(self) -> None:
        """Close every store."""
        self.series.close()
        self.ledger.close()
        self.engine.dispose()


def open_context(settings: Settings) -> Context:
    """Open every store that the settings name.

    Raises DatabaseError, LedgerError, SeriesError or ServerKeyError, each with its way out.
    """
    clock = clock_from(settings)
    engine = open_database_of(settings)
    try:
        register = Register(engine, clock.now)
        server_key = open_server_key_of(settings)
        ledger = open_ledger_of(settings)
    except BaseException:
        engine.dispose()
        raise
    try:
        series = open_series_of(settings, read_only=True)
    except BaseException:
        ledger.close()
        engine.dispose()
        raise
    desk = IntakeDesk(register)
    intake = Intake(ledger, register.snapshot, max_payload=settings.max_payload, desk=desk)
    return Context(
        settings=settings,
        clock=clock,
        engine=engine,
        register=register,
        cases=Cases(engine),
        ledger=ledger,
        series=series,
        intake=intake,
        quarantine=Quarantine(ledger, intake),
        server_key=server_key,
        sessions=Sessions(engine),
        tokens=Tokens(register),
        passwords=Passwords(register),
        audit=Audit(register),
        catching_up=CatchingUp(ledger, series, clock, shards=shards_of(settings)),
        limits=LimitsInForce(load_packs(packs_dir=settings.packs_dir)),
    )
