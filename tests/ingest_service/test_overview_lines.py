"""The overview of very many factories: kept lines say what counting says, and how old they are."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alert_rules.pack_format import load_packs
from ingest_service.cases.schema import CASE_EVENTS, CASES, JUDGED_SHIFTS
from ingest_service.database import write
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.overview_keeping import OverviewKeeper
from ingest_service.queries import overview as overview_query
from ingest_service.queries.limits_in_force import LimitsInForce
from ingest_service.queries.overview import LIVE_SITES, PAGE_ROWS, Wish, overview
from ingest_service.queries.view import View
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from ingest_service.shards import shard_of
from oshwatch.bench.year import NOW, Nation, description, shifts, site_id

NATION = Nation(LIVE_SITES + 3, 2, 20)
RULE = "heat-iso7243-reference"


@pytest.fixture
def view(engine: sa.Engine, tmp_path: Path) -> Iterator[View]:
    """A few more factories than are counted when asked, with shifts of three weeks."""
    register = Register(engine, now=lambda: NOW - 400 * 86400.0)
    import_description(register, description(NATION), "test")
    series, ledger = open_series(tmp_path / "data"), open_ledger(tmp_path / "data")
    person = next(one for one in register.snapshot().people if one.login == "inspector")
    with write(engine) as connection:
        rows: list[dict[str, Any]] = [
            {
                "zone": f"{site_id(number)}/zone-{zone}",
                "rule": RULE,
                "start": begin,
                "end": end,
                "above": 30 * (number + 1),
                "within": 300,
                "cannot_tell": end - begin - 300 - 30 * (number + 1),
            }
            for number in range(NATION.factories)
            for zone in range(NATION.zones)
            for begin, end in shifts(NATION, number)
        ]
        connection.execute(sa.insert(JUDGED_SHIFTS), rows)
    yield View(
        now=NOW, rate=1.0, person=person, register=register.snapshot(), engine=engine, series=series,
        ledger=ledger, limits=LimitsInForce(load_packs()), data_dir=tmp_path / "data",
    )  # fmt: skip
    series.close()
    ledger.close()


def kept(view: View, steps: int = NATION.factories) -> OverviewKeeper:
    keeper = OverviewKeeper(view.engine, lambda: view)
    assert [keeper.step() for _ in range(steps)]
    return keeper


@pytest.mark.parametrize("hazard", ["heat", "noise"])
@pytest.mark.parametrize("period", ["week", "month"])
def test_kept_lines_say_what_counting_says(
    view: View, monkeypatch: pytest.MonkeyPatch, hazard: str, period: str
) -> None:
    kept(view)
    read = overview(view, Wish(hazard, period))
    monkeypatch.setattr(overview_query, "LIVE_SITES", 10_000)
    counted = overview(view, Wish(hazard, period))
    assert read == counted
    assert read.sites_total == NATION.factories
    if hazard == "heat":
        assert read.sites_over == NATION.factories
        assert read.rows[0].site.id == site_id(NATION.factories - 1)


def test_what_was_never_counted_is_named_and_in_no_sum(view: View) -> None:
    kept(view, steps=2)
    page = overview(view)
    assert (page.sites_total, page.sites_uncounted, len(page.rows)) == (
        NATION.factories,
        NATION.factories - 2,
        2,
    )
    assert page.sites_over == 2


def test_old_counts_are_shown_and_named_as_old(view: View) -> None:
    kept(view)
    later = replace(view, now=NOW + 1200.0)
    page = overview(later)
    assert (page.sites_old, page.oldest_at, len(page.rows)) == (NATION.factories, NOW, NATION.factories)


def test_a_factory_whose_case_changed_is_counted_before_all_others(view: View) -> None:
    keeper = kept(view)
    with write(view.engine) as connection:
        case = connection.execute(
            sa.insert(CASES).values(
                key="k", site=site_id(3), zone=f"{site_id(3)}/zone-0", hazard="heat", rule=RULE,
                pack="intl-heat", pack_version="1", state="open", severity="danger", opened_at=NOW - 60.0,
                event={"since": NOW - 60.0},
            )
        ).inserted_primary_key  # fmt: skip
        assert case is not None
        connection.execute(sa.insert(CASE_EVENTS).values(case_id=case[0], at=NOW, kind="opened", data={}))
    step = keeper.step()
    assert step is not None
    assert step.site == site_id(3)
    row = next(row for row in overview(view).rows if row.site.id == site_id(3))
    assert row.open_cases == 1


def test_few_factories_are_not_kept(view: View) -> None:
    few = view.register.of_shard(shard_of(site_id(0)))
    assert 0 < len(few.sites) <= LIVE_SITES
    assert OverviewKeeper(view.engine, lambda: replace(view, register=few)).step() is None


def test_many_factories_come_in_pages_the_most_urgent_first(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(view)
    monkeypatch.setattr(overview_query, "PAGE_ROWS", 3)
    first, last = overview(view, Wish(page=1)), overview(view, Wish(page=99))
    assert (first.page, first.pages, len(first.rows)) == (1, 3, 3)
    assert (last.page, len(last.rows)) == (3, NATION.factories - 6)
    assert [row.site for row in first.calendar] == [row.site.id for row in first.rows] or len(
        first.calendar
    ) == 3
    whole = overview(view, Wish(page=0))
    assert len(whole.rows) == NATION.factories
    assert whole.coverage == first.coverage
    assert PAGE_ROWS == 100


def test_very_many_factories_are_on_the_map_as_districts(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(view)
    assert all(point.sites == 1 for point in overview(view).points)
    monkeypatch.setattr(overview_query, "MAP_POINTS", 2)
    points = overview(view).points
    assert sum(point.sites for point in points) == NATION.factories
    assert {(point.country, point.district) for point in points} == {
        (site.country, site.district) for site in view.register.sites
    }
