"""What is deleted from the series, what never is, and what is said of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_service.cases.schema import CASES
from ingest_service.database import migrate, open_database
from ingest_service.retention import CASE_LEAD_DAYS, Keep, Protected, Retention, protected_zones
from ingest_service.settings import Settings
from tests.ingest_service.hall import START, ZONE, Hall, loud, moving

pytestmark = pytest.mark.usefixtures("both_stores")

DAY = 1440
NOW = 60.0 * (START + 10 * DAY)
FIVE = Keep(readings=5.0, minutes=5.0, exposures=5.0)


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    """Ten days with an hour of noise and dust each."""
    made = Hall(tmp_path)
    for day in range(10):
        made.put("mic", "la.eq60", loud(START + DAY * day, 60, 80.0 + day))
        made.put("pm", "pm2_5", moving(START + DAY * day, 60, 30.0 + day, 0.5))
        made.roll(START + DAY * day + 70)
    made.roll(START + 10 * DAY)
    yield made
    made.series.close()


def thin(hall: Hall, keep: Keep = FIVE, protected: Protected = lambda _: {}) -> int:
    retention = Retention(hall.series, hall.snapshot, protected, keep, budget_s=0.0)
    deleted = 0
    for _ in range(2000):
        deleted += retention.step(NOW)
    if hall.rollup is not None:
        hall.rollup.follow_thinning()
    return deleted


def days_with_rows(hall: Hall) -> list[int]:
    return sorted({(row.minute - START) // DAY for row in hall.series.exposures(ZONE, "la.leq1", 0, 2**40)})


def test_old_rows_go_and_what_was_made_of_them_stays_and_readers_are_told(hall: Hall) -> None:
    before = hall.series.summaries(ZONE, "la.leq1", "shift", 0, 2**40)
    channel = next(one.id for one in hall.series.channels() if one.quantity == "la.eq60")
    assert thin(hall) > 0
    assert days_with_rows(hall) == [5, 6, 7, 8, 9]
    assert min(point.time for point in hall.series.points_between(channel, 0, 1e12)) > NOW - 5.01 * 86400
    assert hall.series.summaries(ZONE, "la.leq1", "shift", 0, 2**40) == before
    assert len(hall.series.hours_between([channel], 0, 2**40)) >= 10
    limit = START + 5 * DAY
    assert limit - 360 < hall.series.kept_from("exposures", ZONE) <= limit + 1
    assert limit - 360 < hall.series.kept_from("readings", str(channel)) <= limit + 1
    assert thin(hall) == 0


def test_nothing_goes_unless_it_is_asked_for_nor_while_anything_waits(hall: Hall) -> None:
    assert thin(hall, Keep.of(Settings(data_dir=hall.folder))) == 0
    hall.put("mic", "la.eq60", {START + 9 * DAY + 200: 80.0})
    assert thin(hall) == 0
    assert hall.series.kept_from("exposures", ZONE) == 0


def test_a_zone_with_a_case_that_is_not_closed_is_kept_from_eight_days_before_it(hall: Hall) -> None:
    opened = 60.0 * (START + 9 * DAY)
    thin(hall, protected=lambda _: {ZONE: opened})
    assert days_with_rows(hall)[0] == 9 - CASE_LEAD_DAYS


def test_only_cases_that_are_closed_let_go(tmp_path: Path, hall: Hall) -> None:
    engine = open_database(tmp_path)
    migrate(engine)
    row = {
        "site": "kh-f0123", "hazard": "noise", "rule": "r", "pack": "p", "pack_version": "1",
        "severity": "danger", "event": {},
    }  # fmt: skip
    with engine.begin() as connection:
        for key, zone, state, opened in (
            ("a", ZONE, "cleared", 900.0), ("b", ZONE, "closed", 100.0), ("c", None, "open", 500.0),
        ):  # fmt: skip
            connection.execute(
                CASES.insert().values(row | {"key": key, "zone": zone, "state": state, "opened_at": opened})
            )
    assert protected_zones(engine)(hall.snapshot()) == {ZONE: 500.0}
    engine.dispose()


def test_what_comes_for_minutes_that_are_gone_replaces_nothing(hall: Hall) -> None:
    thin(hall)
    before = hall.contents()
    channel = hall.series.channel_id("kh-f0123", "kh-f0123-a", "mic", "la.eq60", None)
    hours = hall.series.hours_between([channel], 0, 2**40)
    hall.put("mic", "la.eq60", {START + 3: 120.0})
    hall.roll(START + 10 * DAY)
    assert hall.series.take_dirty(5) == []
    assert hall.series.hours_between([channel], 0, 2**40) == hours
    assert thin(hall) == 1
    assert hall.contents() == before


def test_the_highest_of_a_time_is_known_after_its_minutes_are_gone(hall: Hall) -> None:
    first, last = 60 * (START // 60) + 1, 60 * (START // 60 + 2)
    before = hall.series.exceedance(ZONE, "la.leq1", 80.0, first, last)
    assert 0 < before.above < before.known
    thin(hall)
    after = hall.series.exceedance(ZONE, "la.leq1", 80.0, first, last)
    assert after == before._replace(above=before.known), "what may have been above counts as above"


def test_a_case_that_opens_while_old_rows_are_being_deleted_keeps_what_is_left(hall: Hall) -> None:
    opened: dict[str, float] = {}
    retention = Retention(hall.series, hall.snapshot, lambda _: opened, FIVE, budget_s=0.0)
    while not hall.series.kept_from("exposures", ZONE):
        retention.step(NOW)
    assert (left := days_with_rows(hall)[0]) < 5
    opened[ZONE] = NOW
    for _ in range(2000):
        retention.step(NOW)
    assert days_with_rows(hall)[0] == max(left, 10 - CASE_LEAD_DAYS)
