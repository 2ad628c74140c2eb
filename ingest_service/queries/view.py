"""What one answer is made from: one person, one instant, one state of the register, and the stores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from ingest_service.auth.access import Action, Grant, may
from ingest_service.ledger.port import Ledger
from ingest_service.queries.limits_in_force import LimitsInForce
from ingest_service.queries.models import SiteName
from ingest_service.register.entries import Person, Site, Zone
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.series.port import SeriesReader

SEALING_S: Final = 60.0
DELIVERY_WALL_S: Final = 4.0


class NotHere(LookupError):  # noqa: N818 - the noun that callers read
    """There is no such thing for this person: it does not exist, or it is outside what they may see."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything a query reads. `rate` is how fast the service's clock runs against the wall clock."""

    now: float
    rate: float
    person: Person | None
    register: RegisterSnapshot
    engine: sa.Engine
    series: SeriesReader
    ledger: Ledger
    limits: LimitsInForce
    data_dir: Path
    grant: Grant | None = None
    caught_up_to: float | None = None
    """While the series is being caught up with the ledger: up to when; else None."""
    stood_still_at: float | None = None
    """Where rows of the ledger wait and no projector takes them: since when; else None."""

    def may(self, action: Action, scope: str) -> bool:
        """Whether the person may do this at that node of the tree."""
        return may(self.person, action, scope, self.now, self.grant).allowed

    def sites(self, action: Action) -> list[Site]:
        """The sites at which the person may do this, by name."""
        return sorted((s for s in self.register.sites if self.may(action, s.scope)), key=lambda s: s.name)

    def site(self, site_id: str, action: Action) -> Site:
        """The site, if the person may do this there; NotHere in every other case."""
        site = self.register.site(site_id)
        if site is None or not self.may(action, site.scope):
            raise NotHere(f"There is no factory {site_id!r} here.")
        return site

    def zone(self, site_id: str, word: str, action: Action) -> tuple[Site, Zone]:
        """A zone and its site, if the person may do this there; NotHere in every other case."""
        site = self.site(site_id, action)
        zone = self.register.zone(f"{site_id}/{word}")
        if zone is None or not self.may(action, f"{site.scope}/{word}"):
            raise NotHere(f"There is no zone {word!r} in {site.name}.")
        return site, self.as_it_stands(zone)

    def as_it_stands(self, zone: Zone) -> Zone:
        """The zone with the facts that hold at the instant of this view."""
        return self.register.zone_as_of(zone.id, self.now) or zone

    def zones(self, site: Site) -> list[Zone]:
        """The zones of a site with the facts that hold now."""
        return [self.as_it_stands(zone) for zone in self.register.zones_of(site.id)]

    def stale_after_s(self, period_s: float) -> float:
        """From which age a value of that period counts as stale: twice the period, and its way here."""
        return 2 * period_s + SEALING_S + DELIVERY_WALL_S * self.rate

    def silent_after_s(self, period_s: float) -> float:
        """From which age of its last reading an expected channel counts as silent."""
        return max(300.0, 5 * period_s) + SEALING_S + DELIVERY_WALL_S * self.rate


def site_name(site: Site) -> SiteName:
    """The site as pages name it."""
    return SiteName(
        id=site.id, name=site.name, district=site.district, country=site.country, timezone=site.timezone
    )
