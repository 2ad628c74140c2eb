"""Changes of gateways, sensors and channels."""

from dataclasses import asdict
from typing import Final

import sqlalchemy as sa

from ingest_service.register import schema
from ingest_service.register.entries import ForeignName, Gateway
from ingest_service.register.recorder import ChangeRefused
from ingest_service.register.revocations import Revocations

_ENDED: Final = {schema.PLACEMENTS: "sensor removed", schema.EXPECTED_CHANNELS: "channel ended"}


class DeviceChanges(Revocations):
    """What may change about devices."""

    def put_gateway(self, gateway: str, site: str, kind: str) -> None:
        """Add the gateway. Its id stays with its site for ever, and is never used again once revoked."""
        held = self._one(schema.GATEWAYS, id=gateway)
        if held is None:
            entry = Gateway(gateway, site, "foreign" if kind == "foreign" else "signed", self.at, None)
            self.connection.execute(sa.insert(schema.GATEWAYS).values(**asdict(entry)))
            self.record("gateway added", gateway, site, kind=kind)
        elif held["revoked_at"] is not None:
            raise ChangeRefused(f"gateway {gateway} was revoked; give the device a new id and enrol it anew")
        elif held["site"] != site:
            raise ChangeRefused(
                f"gateway {gateway} belongs to site {held['site']}; a device that moves gets a new id"
            )
        elif held["kind"] != kind:
            raise ChangeRefused(
                f"gateway {gateway} is {held['kind']}; a device that delivers otherwise gets a new id"
            )

    def put_foreign_name(self, entry: ForeignName) -> None:
        """Say what a name in a foreign device's packs means."""
        key = {"gateway": entry.gateway, "name": entry.name}
        what = f"{entry.gateway} {entry.name}"
        self._put(
            schema.FOREIGN_NAMES, key, asdict(entry), "foreign name", what, self._site_of(entry.gateway)
        )

    def place(
        self,
        gateway: str,
        sensor: str,
        zone: str,
        height_m: float | None = None,
        valid_from: float | None = None,
        globe_diameter_m: float | None = None,
        serial: str | None = None,
    ) -> None:
        """The sensor stands in the zone: since always if it never stood anywhere, else from now on.

        `valid_from` gives another beginning; it must not be before the beginning of the placement it ends.
        Another beginning of the same placement corrects what was registered, but not of its first one.
        """
        table = schema.PLACEMENTS
        rows = self._dated(table, gateway=gateway, sensor=sensor)
        open_row = next((row for row in rows if row["valid_to"] is None), None)
        values = {
            "zone": zone,
            "height_m": height_m,
            "globe_diameter_m": globe_diameter_m,
            "serial": serial,
        }
        if open_row is not None and all(open_row[name] == value for name, value in values.items()):
            if valid_from is not None and len(rows) > 1 and valid_from != open_row["valid_from"]:
                self._move_placement(rows, open_row, valid_from)
            return
        begin = _begin(self.at, rows, valid_from, f"sensor {gateway}/{sensor}")
        if open_row is not None:
            self._update(table, {"id": open_row["id"]}, {"valid_to": begin})
        self.connection.execute(
            sa.insert(table).values(gateway=gateway, sensor=sensor, valid_from=begin, **values)
        )
        before = None if open_row is None else {name: open_row[name] for name in values}
        site = self._site_of(gateway)
        self.record(
            "sensor placed", f"{gateway}/{sensor}", site, after=values, before=before, valid_from=begin
        )

    def _move_placement(self, rows: list[sa.RowMapping], held: sa.RowMapping, begin: float) -> None:
        """Correct since when the sensor stands there, and until when it stood where it was taken from."""
        name, table = f"{held['gateway']}/{held['sensor']}", schema.PLACEMENTS
        before = max((row for row in rows if row["id"] != held["id"]), key=lambda row: row["valid_from"])
        moved = before["valid_to"] == held["valid_from"]
        if begin < (before["valid_from"] if moved else before["valid_to"]):
            raise ChangeRefused(f"sensor {name} stood elsewhere at that time; give a later `from`")
        if moved:
            self._update(table, {"id": before["id"]}, {"valid_to": begin})
        self._update(table, {"id": held["id"]}, {"valid_from": begin})
        was, now = {"valid_from": held["valid_from"]}, {"valid_from": begin}
        self.record(
            "sensor corrected", name, self._site_of(held["gateway"]), before=was, after=now, valid_from=begin
        )

    def expect(self, gateway: str, sensor: str, quantity: str, period_s: float) -> None:
        """Readings of the channel are due every `period_s` from now on (since always if never before)."""
        table = schema.EXPECTED_CHANNELS
        rows = self._dated(table, gateway=gateway, sensor=sensor, quantity=quantity)
        open_row = next((row for row in rows if row["valid_to"] is None), None)
        if open_row is not None and open_row["period_s"] == period_s:
            return
        begin = _begin(self.at, rows, None, f"channel {gateway}/{sensor}/{quantity}")
        if open_row is not None:
            self._update(table, {"id": open_row["id"]}, {"valid_to": begin})
        self.connection.execute(
            sa.insert(table).values(
                gateway=gateway, sensor=sensor, quantity=quantity, period_s=period_s, valid_from=begin
            )
        )
        site = self._site_of(gateway)
        self.record("channel expected", f"{gateway}/{sensor}/{quantity}", site, period_s=period_s)

    def end_missing(self, gateway: str, sensors: set[str], channels: set[tuple[str, str]]) -> None:
        """End what the gateway no longer has: placed `sensors` and `channels` (sensor, quantity)."""
        for table, action in (
            (schema.PLACEMENTS, "sensor removed"),
            (schema.EXPECTED_CHANNELS, "channel ended"),
        ):
            for row in self._dated(table, gateway=gateway):
                kept = (
                    row["sensor"] in sensors
                    if table is schema.PLACEMENTS
                    else (row["sensor"], row["quantity"]) in channels
                )
                if kept or row["valid_to"] is not None:
                    continue
                self._update(table, {"id": row["id"]}, {"valid_to": max(self.at, row["valid_from"])})
                what = "/".join(str(row[key]) for key in ("gateway", "sensor", "quantity") if key in row)
                self.record(action, what, self._site_of(gateway))


def _begin(at: float, rows: list[sa.RowMapping], valid_from: float | None, what: str) -> float:
    """When the next entry begins: as asked, else always for the first and now for a later one."""
    begin = valid_from if valid_from is not None else (at if rows else 0.0)
    last = max((max(row["valid_from"], row["valid_to"] or 0.0) for row in rows), default=0.0)
    if rows and begin < last:
        raise ChangeRefused(f"{what} already has an entry that begins or ends later; give a later `from`")
    return begin
