"""From ledger rows to points of the series.

Times decide what gets in. Time quality 0 to 2 is projected. Quality 3 (no clock, or an error above a minute)
and 4 (more than five minutes ahead of arrival) stays out of the series, held by its ledger row, until an
anchor of the same boot says what time it was; then it is projected with corrected times. What is never
anchored stays out: a number at an unknown time is no exposure. It is in the ledger, counted by
`SeriesReader.held`, and shown by a remark in the quarantine. Records that are no readings of known channels
have their remark as well (see `pack_reading`) and come in when the series is built again after the register
was mended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import structlog

from ingest_service.calibration import Calibrations, state
from ingest_service.doubted_keys import doubted, order_retakes
from ingest_service.fast_senml import read_sealed_pack
from ingest_service.ledger.port import Ledger, LedgerRow
from ingest_service.pack_reading import read_foreign, readings_of, relative_to, time_quality_of
from ingest_service.portion import Portion, misplaced, placed
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.reported_serials import Placed, ReportedSerials, contradicted
from ingest_service.row_guard import RowGuard, UnreadableError, reading_of
from ingest_service.series.port import Anchor, HeldBatch, Retake, SeriesReader, SeriesStore
from ingest_service.wrong_clocks import GatewayClocks
from osh_domain.batch import Header, open_frame
from osh_domain.crash_points import crash_here
from osh_domain.quality import Flag, Grade, TimeQuality, grade
from osh_domain.readings import Channel, Reading
from osh_domain.senml import parse_bare, resolve

CURSOR = "ledger"
MARK = "ledger mark"
"""Beside the cursor: what the row it stands on was, so that another row under that number is noticed."""
_Grading = Grade | Callable[[Reading], Grade]
log = structlog.get_logger(__name__)


def mark_of(row: LedgerRow) -> int:
    """A number that another row, or the same batch received at another time, does not share."""
    told = f"{row.row}:{row.received_at!r}:{row.gateway}:{row.batch_hash}"
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:7])


def stands_on(series: SeriesReader, ledger: Ledger) -> bool:
    """Whether the series was made from this ledger. Of one that was restored from an older backup it is not:
    rows that came since have the numbers of rows that are no more, and would be passed over."""
    cursor, mark = series.cursor(CURSOR), series.cursor(MARK)
    if cursor == 0:
        return True
    row = ledger.row(cursor)
    return row is not None and (mark == 0 or mark == mark_of(row))


class Projector:
    """Reads the ledger by row number and writes all that follows from a portion of it in one transaction.

    It may be killed anywhere: rows whose transaction did not commit are read again, and a point's key makes a
    repeat harmless. The same ledger and register always give the same series. ``shard``: projects the rows of
    that one only, where several processes divide them; series and register are those of the same.
    """

    def __init__(
        self,
        ledger: Ledger,
        series: SeriesStore,
        register: Callable[[], RegisterSnapshot],
        shard: int | None = None,
        guard: RowGuard | None = None,
    ) -> None:
        self._ledger = ledger
        self._guard = RowGuard() if guard is None else guard
        self._shard = shard
        self._series = series
        self._register = register
        self._calibrations = Calibrations(ledger.configuration)
        self._serials = ReportedSerials(ledger.configuration)
        self._clocks = GatewayClocks(series)
        self._followed: RegisterSnapshot | None = None
        self._documents: set[tuple[str, str]] = set()
        self._cursor: int | None = None
        self._numbers: dict[Channel, int] = {}

    @property
    def cursor(self) -> int:
        """The last ledger row that is projected."""
        if self._cursor is None:
            self._cursor = self._series.cursor(CURSOR)
        return self._cursor

    def step(self, limit: int) -> int:
        """Project up to ``limit`` rows; how many there were. Raises LedgerError or SeriesError, then none."""
        self._follow(self._register())
        rows = self._ledger.rows(self.cursor, limit, self._shard)
        self._guard.run(rows, self._take_all)
        if len(rows) == limit:
            return limit
        again = self._take_again(limit - len(rows))
        return len(rows) + again + self._guard.retry(self._ledger, self._take_late)

    def _take_all(self, rows: list[LedgerRow]) -> None:
        self._write(self._portion_of(rows), rows[-1].row, mark_of(rows[-1]))

    def _take_late(self, row: LedgerRow) -> None:
        """A row that was set aside, long after its turn."""
        portion = Portion()
        self._read(row, portion)
        self._write(portion, self.cursor)

    def _follow(self, register: RegisterSnapshot) -> None:
        """Where the register says something else of serial numbers or keys, have rows projected again."""
        if register is self._followed:
            return
        self._serials.follow(register)
        with self._series.transaction():
            order_retakes(register, self._series, self.cursor)
            stored = self._series.placed_serials()
            for gateway in sorted({*stored, *self._serials.gateways}):
                placed = self._serials.placed(gateway)
                text = json.dumps(placed, sort_keys=True)
                if stored.get(gateway, "{}") != text:
                    self._order(gateway, json.loads(stored.get(gateway, "{}")), placed)
                    self._series.set_placed_serials(gateway, text)
        self._followed = register

    def _order(self, gateway: str, before: Placed, after: Placed) -> None:
        reported = self._serials.reported
        rows = [
            row
            for document, row in self._series.first_rows(gateway).items()
            if contradicted(reported(document), before) != contradicted(reported(document), after)
        ]
        rows += [order.row for order in self._series.retakes() if rows and order.gateway == gateway]
        if rows:
            self._series.set_retake(Retake(gateway, min(rows), self.cursor))

    def _take_again(self, limit: int) -> int:
        """Project a portion of what was ordered; how many rows of the ledger were read for it.

        Batches whose times an anchor corrects are left as they are: which anchors were known when they were
        placed is not, and a reading must not stand at two times.
        """
        order = next(iter(self._series.retakes()), None)
        if order is None:
            return 0
        rows = [row for row in self._ledger.rows(order.row - 1, limit, self._shard) if row.row <= order.last]
        of_gateway = [row for row in rows if row.gateway == order.gateway and row.kind == "sealed"]
        self._guard.run(of_gateway, self._take_all_again)
        with self._series.transaction():
            self._series.set_retake(order._replace(row=rows[-1].row + 1 if rows else order.last + 1))
        return len(rows)

    def _take_all_again(self, rows: list[LedgerRow]) -> None:
        self._write(self._portion_of(rows, again=True), self.cursor)

    def _write(self, portion: Portion, cursor: int, mark: int | None = None) -> None:
        with self._series.transaction():
            if mark is not None:
                self._series.set_cursor(MARK, mark)
            for (gateway, boot), anchors in portion.anchors.items():
                self._series.add_anchors(gateway, boot, anchors)
            self._series.hold(portion.held.values())
            self._series.release(portion.released)
            fresh = [(*key, row) for key, row in portion.documents.items() if key not in self._documents]
            if fresh:
                self._series.note_first_rows(fresh)
            for clock in () if portion.again else portion.clocks.values():
                self._series.set_gateway_clock(clock)
            self._series.write(portion.points, portion.texts, CURSOR, cursor, received=portion.received)
            crash_here("projector: before the cursor is saved")
        crash_here("projector: after the cursor is saved")
        self._cursor = cursor
        self._documents.update(portion.documents)
        if not portion.again:
            self._clocks.stored(portion.clocks)

    def _portion_of(self, rows: list[LedgerRow], *, again: bool = False) -> Portion:
        """What follows from the rows but those set aside; of a row that turns out to be one, nothing does."""
        while True:
            portion = Portion(again=again)
            try:
                for row in rows:
                    if not self._guard.passes_over(row):
                        self._read(row, portion)
            except UnreadableError as found:  # half of the row may be in the portion: once more, without it
                self._guard.unreadable(found.row, found.reason)
            else:
                return portion

    def _read(self, row: LedgerRow, portion: Portion) -> None:
        with reading_of(row):
            if row.kind == "sealed":
                self._take_sealed(row, portion)
            elif row.kind == "senml":
                self._take_bare(row, portion)

    def _take_bare(self, row: LedgerRow, portion: Portion) -> None:
        records = resolve(parse_bare(row.payload), row.received_at)
        names = self._register().foreign_names(row.gateway)
        readings, _ = read_foreign(row.gateway, records, names, row.received_at)
        self._put(row, readings, row.row % 1000, Grade.C, portion)

    def _take_sealed(self, row: LedgerRow, portion: Portion) -> None:
        frame = open_frame(row.payload)
        header = frame.header
        portion.documents.setdefault((row.gateway, header.cfg), row.row)
        if not self._project(row, header, frame.pack, portion):
            portion.held[row.row] = HeldBatch(row.row, row.gateway, header.boot, row.received_at)
        if header.anc and not portion.again:
            self._anchor(row, header, portion)

    def _anchor(self, row: LedgerRow, header: Header, portion: Portion) -> None:
        """New anchors of a boot: what was held for want of one may come in now."""
        portion.anchors[row.gateway, header.boot] += [Anchor(*anchor[:3]) for anchor in header.anc]
        fresh = [h.row for h in portion.held.values() if (h.gateway, h.boot) == (row.gateway, header.boot)]
        waiting = {*self._series.held_rows(row.gateway, header.boot), *fresh} - {*portion.released}
        for number in sorted(waiting):
            held = self._ledger.row(number)
            if held is None or self._guard.passes_over(held):
                continue
            with reading_of(held):
                frame = open_frame(held.payload)
                known = self._project(held, frame.header, frame.pack, portion)
            if known:
                portion.held.pop(number, None)
                portion.released.append(number)

    def _project(self, row: LedgerRow, header: Header, pack: bytes, portion: Portion) -> bool:
        """Whether the batch could be placed in time and was put into the portion."""
        records = read_sealed_pack(pack, relative_to(header, row.received_at))
        quality = time_quality_of(header, records, row.received_at)
        readings = readings_of(records)
        clock = self._clocks.look(row, header, records[-1].time, portion.clocks) if records else None
        if clock is not None or quality >= TimeQuality.BOUNDED:
            if portion.again:
                return True
            anchors = self._anchors(row.gateway, header.boot, portion)
            if clock is not None:
                anchors = [Anchor(clock.mono, clock.utc, clock.err)]
            if not anchors:
                return False
            readings, quality = placed(readings, header, anchors, row.received_at)
            if quality >= TimeQuality.BOUNDED:
                return False
            quality = TimeQuality.COARSE if clock is not None else quality
        wrong = self._serials.wrong(row.gateway, header.cfg)
        if wrong:
            readings = misplaced(readings, wrong)
        self._put(row, readings, header.seq % 1000, self._grading(row, header, quality), portion)
        return True

    def _anchors(self, gateway: str, boot: str, portion: Portion) -> list[Anchor]:
        found = {*self._series.anchors(gateway, boot), *portion.anchors.get((gateway, boot), ())}
        by_mono = {anchor.mono: anchor for anchor in sorted(found)}
        return [by_mono[mono] for mono in sorted(by_mono)]

    def _grading(self, row: LedgerRow, header: Header, quality: TimeQuality) -> _Grading:
        """The grade of all readings of a batch, or how to find that of each."""
        signed = bool(row.signed) and not doubted(self._register(), header)
        due = self._calibrations.due(header.cfg)
        if not due:
            return grade(signed, quality, "unknown")

        def graded(reading: Reading) -> Grade:
            if reading.flags & Flag.CALIBRATION_OVERDUE:
                return grade(signed, quality, "overdue")
            return grade(signed, quality, state(due, reading.channel, reading.time))

        return graded

    def _put(
        self,
        row: LedgerRow,
        readings: list[Reading],
        discriminator: int,
        grading: _Grading,
        portion: Portion,
    ) -> None:
        numbers, points, received = self._numbers, portion.points, portion.received
        for reading in readings:
            channel, at, value, unit, flags = reading
            number = numbers.get(channel)
            if number is None:
                number = numbers[channel] = self._series.channel_id(row.site, *channel, unit)
            time_us = round(at * 1000) * 1000 + discriminator
            received[number] = row.received_at
            if type(value) is float:
                graded = grading(reading) if callable(grading) else grading
                points.append((number, time_us, value, flags, int(graded)))
            else:
                text = value if isinstance(value, str) else str(value).lower()
                portion.texts.append((number, time_us, text))
