"""A backtest over a real series store says what the alert runner's judge says, minute by minute."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from alert_rules.alerts import Deed
from alert_rules.backtest_cases import Case
from alert_rules.backtest_packs import not_replayed, with_drafts
from alert_rules.backtest_zone import PERIODS
from alert_rules.engine import NEVER
from alert_rules.exposures import UNITS
from alert_rules.pack_format import load_packs
from alert_rules.pack_model import OwnLimit, Pack
from ingest_service.backtesting import DRAFT, NOW, Backtest, Question, ZoneAnswer, minutes_of
from ingest_service.cases.judging import Judge
from ingest_service.register.entries import Site, Zone
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.rollup.kinds import KINDS, WEEK
from ingest_service.series.columns import ExposureColumns
from ingest_service.series.port import ExposureRow
from ingest_service.series.sqlite import FILE_NAME, SqliteSeries, open_series
from osh_domain.shifts import Shift

SITE = Site("kh-1", "Factory", "kh", "pp", "Asia/Phnom_Penh", "garment", None, None)
ZONE = Zone("kh-1/sewing", "kh-1", "Sewing", "sewing", 1, True, 0.0, False, women=40, men=5)
MOVED = replace(ZONE, metabolic_class=3, women=20, men=2)
DAYS = (date(2026, 3, 2), date(2026, 3, 4))  # Monday to Wednesday
EVERY_DAY = frozenset(range(7))
ROSTER = (
    Shift("early", time(6), time(14), EVERY_DAY),
    Shift("late", time(14, 4), time(22), EVERY_DAY, valid_to=date(2026, 3, 3)),
    Shift("night", time(23), time(3), EVERY_DAY),
)
CHANGED_AT = datetime(2026, 3, 3, 4, 17, tzinfo=UTC).timestamp()
FIRST, LAST = minutes_of(SITE.timezone, *DAYS)
LIMITS = {"wbgt_eff.twa60": 28.0, "la.lex8h": 84.0, "co.twa8h": 34.0, "co.minute_max": 195.0}


def register(*shifts: Shift) -> RegisterSnapshot:
    return RegisterSnapshot(
        version=1,
        sites=[SITE],
        zones=[MOVED],
        zone_history=[(0.0, ZONE), (CHANGED_AT, MOVED)],
        shifts=[(SITE.id, one) for one in shifts],
    )


def wandering(seed: int) -> Iterator[ExposureRow]:
    """Values that wander about their limits, with gaps, minutes that cannot tell, and estimates."""
    drawn = random.Random(seed)
    at = dict.fromkeys(LIMITS, 0.0)
    silent = dict.fromkeys(LIMITS, 0)
    for minute in range(FIRST, LAST + 1):
        for kind, limit in LIMITS.items():
            at[kind] = 0.985 * at[kind] + drawn.gauss(0.0, 0.015 * limit)
            if silent[kind] > 0 or drawn.random() < 0.01:
                silent[kind] = silent[kind] - 1 if silent[kind] > 0 else drawn.choice([1, 2, 5, 400])
                continue
            unknown = drawn.random() < 0.01
            method = "assumed_tg_eq_ta+assumed_va" if minute % 1440 < 200 else "measured_globe"
            coverage = 0.5 if drawn.random() < 0.01 else 1.0
            value = None if unknown else limit + at[kind] + (1.5 if minute % 600 < 120 else 0.0)
            yield ExposureRow("kh-1/sewing", kind, minute, value, coverage, 60, 60, 0.0, method, 0, "2")


def judged_live(
    packs: Sequence[Pack], rows: Sequence[ExposureRow], snapshot: RegisterSnapshot
) -> dict[tuple[str, str], list[Case]]:
    """The cases by hazard and agent as the alert runner opens and ends them, minute after minute."""
    judge = Judge(packs, 900.0, {})
    by_minute = defaultdict(list)
    for row in rows:
        by_minute[row.minute].append(row)
    found: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for minute in range(FIRST, LAST + 1):
        taken = judge.take(by_minute[minute], snapshot, 60.0 * minute)
        ended = judge.end_what_is_over(snapshot, 60.0 * minute)
        for change, event in (*taken.changes, *ended.changes):
            cases = found[event["hazard"], event["agent"]]
            at = change.transition.minute
            if change.deed is Deed.OPENED:
                cases.append(Case(at, NEVER, change.severity, change.rule))
            elif change.deed is Deed.WORSENED:
                cases[-1] = cases[-1]._replace(severity=change.severity)
            elif change.deed is Deed.CLEARED:
                cases[-1] = cases[-1]._replace(ended=at)
    return found


def replayed(
    folder: Path, rows: Sequence[ExposureRow], snapshot: RegisterSnapshot, question: Question
) -> ZoneAnswer:
    with closing(open_series(folder)) as series:
        series.write_exposures(rows)
        return asked(folder, series, snapshot, question)


def asked(folder: Path, series: SqliteSeries, snapshot: RegisterSnapshot, question: Question) -> ZoneAnswer:
    with closing(ExposureColumns(folder / FILE_NAME)) as columns:
        steps: list[tuple[int, int]] = []
        backtest = Backtest(snapshot, series, columns, 60.0 * LAST)
        (answer,) = backtest.run(question, snapshot.zones, lambda done, of: steps.append((done, of)))
    assert steps
    assert steps[-1][0] == steps[-1][1]
    return answer


def question(packs: Sequence[Pack], drafts: Sequence[Pack] = (), *, at_any_time: bool = False) -> Question:
    drafts = drafts or packs
    draft = with_drafts(packs, drafts, at_any_time=at_any_time)
    return Question(tuple(packs), draft, frozenset(one.pack for one in drafts), *DAYS)


def pack_named(name: str) -> Pack:
    return next(pack for pack in load_packs() if pack.pack == name)


@pytest.mark.parametrize(
    ("seed", "shifts"),
    [(0, ROSTER), (1, ROSTER), (2, ROSTER), (3, ())],
    ids=["shifts-0", "shifts-1", "shifts-2", "no-calendar"],
)
def test_cases_are_those_of_the_alert_runner(tmp_path: Path, seed: int, shifts: tuple[Shift, ...]) -> None:
    rows = list(wandering(seed))
    packs = load_packs()
    snapshot = register(*shifts)
    answer = replayed(tmp_path, rows, snapshot, question(packs))
    live = judged_live(packs, rows, snapshot)
    found = {key: list(group.cases) for key, group in answer.groups[NOW].items() if group.cases}
    assert found == {key: cases for key, cases in live.items() if cases}
    assert sum(map(len, found.values())) > 3


def test_every_minute_of_a_shift_is_above_or_within_or_cannot_tell_or_missing(tmp_path: Path) -> None:
    packs = [pack_named("intl-noise"), pack_named("intl-air")]
    answer = replayed(tmp_path, list(wandering(1)), register(*ROSTER), question(packs))
    for one in answer.rules:
        if one.judged is None:
            continue
        assert one.judged == one.above + one.within + one.unknown + one.missing
        assert min(one.above, one.within, one.unknown, one.missing) >= 0
        # Three early shifts, two late ones and three nights that reach into the days after them.
        expected = 3 * 480 + 2 * 476 + 2 * 240 + 60 + 180
        assert one.judged == (expected if one.active.rule.judge == "shift" else 3 * 1440)


def test_what_was_never_stored_is_missing_and_never_fine(tmp_path: Path) -> None:
    answer = replayed(tmp_path, list(wandering(1)), register(*ROSTER), question([pack_named("intl-air")]))
    never = next(one for one in answer.rules if one.active.rule.exposure == "co2.twa8h")
    assert (never.known, never.unknown, never.missing) == (0, 0, 3 * 1440)
    assert "co2.twa8h" not in answer.stored.kinds
    assert "co.twa8h" in answer.stored.kinds


def test_minutes_that_are_deleted_by_now_are_said_to_be(tmp_path: Path) -> None:
    rows = list(wandering(1))
    with closing(open_series(tmp_path)) as series:
        series.write_exposures(rows)
        while series.thin_zone(ZONE.id, FIRST + 1439, 10_000):
            pass
        answer = asked(tmp_path, series, register(*ROSTER), question([pack_named("intl-air")]))
    assert answer.stored.kept_from == FIRST + 1440
    for one in answer.rules:
        if one.judged is not None:
            assert answer.not_kept[one.active.id] == 1440
            assert one.missing >= 1440


def test_kinds_with_one_row_a_period_are_those_of_the_rollup() -> None:
    sparse = {kind.name for kind in KINDS if kind.form == "day"} | {WEEK}
    assert sparse == {kind for kind in UNITS if kind.partition(".")[2] in PERIODS}


def test_kinds_with_one_row_a_day_are_counted_in_days(tmp_path: Path) -> None:
    rows = [
        ExposureRow(ZONE.id, "pm10.day", FIRST - 1 + 1440 * day, value, 1.0, 24, 24, 0.0, "area_mean", 0, "2")
        for day, value in ((1, 500.0), (2, 3.0), (3, None))
    ]
    answer = replayed(tmp_path, rows, register(*ROSTER), question([pack_named("intl-air")]))
    days = [one for one in answer.rules if one.active.rule.exposure == "pm10.day"]
    assert days
    for one in days:
        assert (one.unit, one.judged, one.missing) == ("days", None, 0)
        assert (one.above, one.within, one.unknown) == (1, 1, 1)
        assert len(one.episodes) == 1


def test_people_are_those_of_the_time_and_only_in_shifts(tmp_path: Path) -> None:
    rows = [
        ExposureRow(ZONE.id, "co.twa8h", minute, 90.0, 1.0, 60, 60, 0.0, "area_mean", 0, "2")
        for minute in range(FIRST, LAST + 1)
    ]
    answer = replayed(
        tmp_path, rows, register(Shift("day", time(8), time(9), EVERY_DAY)), question(load_packs())
    )
    one = next(one for one in answer.rules if one.active.id == "air-co-twa")
    assert one.above == 3 * 1440
    # 04:17 UTC is 11:17 in Phnom Penh: the second day's shift had the people of before.
    assert (one.women, one.men) == (2 * 60 * 40 + 60 * 20, 2 * 60 * 5 + 60 * 2)


def test_a_draft_is_compared_with_the_packs_in_force(tmp_path: Path) -> None:
    heat = pack_named("intl-heat")
    rule = heat.rule("heat-iso7243-reference")
    assert rule is not None
    lower = rule.model_copy(update={"limit": OwnLimit(value=25.0, unit="Cel")})
    rules = tuple(lower if one.id == rule.id else one for one in heat.rules)
    draft = heat.model_copy(update={"version": "draft", "rules": rules})
    rows = [
        ExposureRow(ZONE.id, "wbgt_eff.twa60", minute, 25.5, 1.0, 60, 60, 0.0, "measured_globe", 0, "2")
        for minute in range(FIRST, FIRST + 1440)
    ]
    snapshot = register(Shift("day", time(8), time(9), EVERY_DAY))
    answer = replayed(tmp_path, rows, snapshot, question(load_packs(), [draft]))
    assert answer.groups[NOW]["heat", ""].above["danger"] == 0
    assert answer.groups[DRAFT]["heat", ""].above["danger"] == 60
    assert answer.groups[DRAFT]["heat", ""].women["danger"] == 60 * 40
    assert len(answer.groups[DRAFT]["heat", ""].cases) == 1
    one = next(one for one in answer.rules if one.active.id == rule.id)
    assert [example.what for example in one.examples] == ["first case", "furthest from the limit"]
    assert one.examples[0].limit == 25.0


def test_a_draft_of_the_future_is_silent_unless_it_is_asked_for_at_any_time(tmp_path: Path) -> None:
    draft = pack_named("intl-heat").model_copy(update={"valid_from": date(2030, 1, 1)})
    packs = load_packs()
    rows = list(wandering(2))
    answer = replayed(tmp_path, rows, register(*ROSTER), question(packs, [draft]))
    # Until then the version in force holds.
    assert all(one.active.pack.valid_from == date(2017, 8, 1) for one in answer.rules)
    answer = replayed(tmp_path, rows, register(*ROSTER), question(packs, [draft], at_any_time=True))
    assert any(one.active.pack.valid_from == date.min for one in answer.rules)


def test_what_nobody_confirmed_is_judged_in_a_replay_alone() -> None:
    optional = [pack for pack in load_packs() if pack.optional]
    draft = with_drafts(load_packs(), optional, at_any_time=False)
    assert set(draft[-1].selects) == {pack.pack for pack in optional}


def test_silence_is_not_replayed() -> None:
    assert {rule.hazard for rule in not_replayed(load_packs())} == {"silence", "device"}
