"""Changes of sites, zones and shifts."""

from dataclasses import asdict
from datetime import date, timedelta

import sqlalchemy as sa

from ingest_service.register import schema
from ingest_service.register.entries import Site, Zone
from ingest_service.register.recorder import Json, Recorder
from osh_domain.shifts import Shift


class PlaceChanges(Recorder):
    """What may change about places."""

    def put_site(self, site: Site) -> None:
        """Add the site, or bring it to these values."""
        self._put(schema.SITES, {"id": site.id}, asdict(site), "site", site.id, site.id)

    def put_zone(self, zone: Zone) -> None:
        """Add the zone, or bring it to these values."""
        self._put(schema.ZONES, {"id": zone.id}, asdict(zone), "zone", zone.id, zone.site)

    def put_shifts(self, site: str, shifts: list[Shift], today: date) -> None:
        """Make these the site's shifts; what is no longer worked ends yesterday, what is new begins today.

        A shift's own `valid_from` wins; the first shifts a site ever gets have always been.
        """
        rows = self.connection.execute(
            sa.select(schema.SHIFTS).where(
                schema.SHIFTS.c.site == site,
                sa.or_(schema.SHIFTS.c.valid_to.is_(None), schema.SHIFTS.c.valid_to >= today),
            )
        ).mappings()
        held = {_shift_key(dict(row)): row for row in rows}
        wanted = {_shift_key(_shift_row(shift)): shift for shift in shifts}
        first = not held
        for key in held.keys() - wanted.keys():
            self._end_shift(held[key], today - timedelta(days=1))
        for key, shift in wanted.items():
            if key in held:
                continue
            row = _shift_row(shift)
            if shift.valid_from == date.min and not first:
                row["valid_from"] = today
            self.connection.execute(sa.insert(schema.SHIFTS).values(site=site, **row))
            self.record("shift added", shift.name, site, after=_plain(row))

    def _end_shift(self, row: sa.RowMapping, last: date) -> None:
        chosen = schema.SHIFTS.c.id == row["id"]
        if row["valid_from"] > last:  # it never took effect
            self.connection.execute(sa.delete(schema.SHIFTS).where(chosen))
        else:
            self.connection.execute(sa.update(schema.SHIFTS).where(chosen).values(valid_to=last))
        self.record("shift ended", row["name"], row["site"], before=_plain(dict(row)), last=str(last))


def _shift_row(shift: Shift) -> Json:
    return {
        "name": shift.name,
        "start": shift.start,
        "end": shift.end,
        "days": "".join(str(day) for day in sorted(shift.days)),
        "breaks": [[f"{begin:%H:%M}", f"{end:%H:%M}"] for begin, end in shift.breaks],
        "valid_from": shift.valid_from,
        "valid_to": shift.valid_to,
    }


def _shift_key(row: Json) -> tuple[object, ...]:
    """What makes two shifts the same, whenever they began."""
    return (row["name"], row["start"], row["end"], row["days"], str(row["breaks"]), row["valid_to"])


def _plain(row: Json) -> Json:
    return {
        key: value if isinstance(value, (list, int, type(None))) else str(value) for key, value in row.items()
    }
