"""What a site description says about zones over time, instruments and the calendar."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingest_service.auth.audit import Audit
from ingest_service.register.description import import_description, plan_description
from ingest_service.register.description_check import DescriptionError
from ingest_service.register.recorder import ChangeRefused
from ingest_service.register.store import Register
from osh_domain.shifts import DayOff

SITE, SEWING = "kh-f0123", "kh-f0123/sewing-3"
NOW = 1780279200.0  # Monday 2026-06-01 09:00 in Phnom Penh
DAY = 86400.0


def sewing(document: Any) -> Any:
    return document["sites"][0]["zones"][0]


def mistakes_of(register: Register, document: Any) -> list[str]:
    with pytest.raises(DescriptionError) as caught:
        import_description(register, document, "test")
    return [str(mistake) for mistake in caught.value.mistakes]


def test_a_zone_is_what_it_was_at_each_time(register: Register, sample_description: Any) -> None:
    sewing(sample_description).update(metabolic_class=2, women=90)
    register.now = lambda: NOW + DAY
    import_description(register, sample_description, "test")
    sewing(sample_description).update(clothing="unknown", outdoors=True)
    register.now = lambda: NOW + 3 * DAY
    import_description(register, sample_description, "test")
    snapshot = register.snapshot()
    seen = [snapshot.zone_as_of(SEWING, NOW + days * DAY) for days in (-900, 0.99, 1, 2.99, 3, 400)]
    assert all(zone is not None for zone in seen)
    assert [(z.metabolic_class, z.women, z.clothing_caf, z.outdoors) for z in seen if z] == [
        (1, 84, 0.0, False),
        (1, 84, 0.0, False),
        (2, 90, 0.0, False),
        (2, 90, 0.0, False),
        (2, 90, None, True),
        (2, 90, None, True),
    ]
    assert snapshot.zone(SEWING) == seen[-1]
    assert [since for since, _ in snapshot.zone_history(SEWING)] == [0.0, NOW + DAY, NOW + 3 * DAY]
    assert snapshot.zone_as_of("kh-f0123/roof", NOW) is None


def test_facts_begin_when_the_description_says(register: Register, sample_description: Any) -> None:
    sewing(sample_description).update({"women": 90, "from": date(2026, 5, 1)})
    import_description(register, sample_description, "test")
    assert import_description(register, sample_description, "test").changes == 0
    midnight = datetime(2026, 4, 30, 17, tzinfo=UTC).timestamp()
    snapshot = register.snapshot()
    women = [zone.women for t in (midnight - 1, midnight) if (zone := snapshot.zone_as_of(SEWING, t))]
    assert women == [84, 90]


def test_facts_that_were_wrong_are_corrected_with_a_trace(
    register: Register, sample_description: Any
) -> None:
    sewing(sample_description).update({"women": 90, "from": "2026-05-01"})
    import_description(register, sample_description, "test")
    sewing(sample_description).update({"women": 91})
    import_description(register, sample_description, "test")
    sewing(sample_description).update({"from": "2026-04-01"})
    import_description(register, sample_description, "test")
    history = register.snapshot().zone_history(SEWING)
    assert [(since, zone.women) for since, zone in history] == [
        (0.0, 84),
        (datetime(2026, 3, 31, 17, tzinfo=UTC).timestamp(), 91),
    ]
    assert len(Audit(register).rows(action="zone corrected")) == 2


def test_a_beginning_that_was_too_early_is_corrected(register: Register, sample_description: Any) -> None:
    sensor = sample_description["sites"][0]["gateways"][0]["sensors"][0]
    for begin in ("2026-05-01", "2026-05-11", "2026-04-11"):
        sewing(sample_description).update({"women": 90, "from": begin})
        sensor.update({"zone": "ironing", "from": begin})
        assert import_description(register, sample_description, "test").changes == 2
        assert import_description(register, sample_description, "test").changes == 0
        snapshot = register.snapshot()
        since = datetime.fromisoformat(begin).replace(tzinfo=ZoneInfo("Asia/Phnom_Penh")).timestamp()
        assert [start for start, _ in snapshot.zone_history(SEWING)] == [0.0, since]
        before, after = snapshot.placements_of("kh-f0123-a", "th1")
        assert (before.valid_to, after.valid_from) == (since, since)
    assert len(Audit(register).rows(action="sensor corrected")) == 2
    sensor["from"] = 0.5
    sensor["zone"] = "sewing-3"
    assert "already has an entry" in "".join(mistakes_of(register, sample_description))
    sensor.update({"zone": "ironing", "from": -1.0})
    assert "stood elsewhere at that time" in "".join(mistakes_of(register, sample_description))


def test_a_new_zone_is_unknown_before_it_began(register: Register, sample_description: Any) -> None:
    hall = sewing(sample_description) | {"id": "hall-2", "from": "2026-05-01T06:00"}
    sample_description["sites"][0]["zones"].append(hall)
    import_description(register, sample_description, "test")
    begin = datetime(2026, 4, 30, 23, tzinfo=UTC).timestamp()
    snapshot = register.snapshot()
    assert snapshot.zone_as_of("kh-f0123/hall-2", begin - 1) is None
    assert snapshot.zone_as_of("kh-f0123/hall-2", begin) == snapshot.zone("kh-f0123/hall-2")


@pytest.mark.parametrize(
    ("begin", "words"),
    [("2026-06-02", "cannot begin in the future"), ("2026-04-01", "already changed at a later time")],
)
def test_facts_that_begin_at_an_impossible_time_are_refused(
    register: Register, sample_description: Any, begin: str, words: str
) -> None:
    sewing(sample_description).update({"women": 90, "from": "2026-05-01"})
    import_description(register, sample_description, "test")
    sewing(sample_description).update({"women": 95, "from": begin})
    (mistake,) = mistakes_of(register, sample_description)
    assert mistake.startswith("sites kh-f0123.zones sewing-3.from: ")
    assert words in mistake


@pytest.mark.parametrize(
    "begin",
    [1780246800, 1780246800.0, date(2026, 6, 1), "2026-06-01", "2026-06-01 00:00", "2026-05-31T17:00Z"],
)
def test_a_sensor_may_begin_as_a_date_a_time_or_seconds(
    register: Register, sample_description: Any, begin: object
) -> None:
    sensor = sample_description["sites"][0]["gateways"][0]["sensors"][0]
    sensor.update({"zone": "ironing", "from": begin})
    import_description(register, sample_description, "test")
    placement = register.snapshot().placements_of("kh-f0123-a", "th1")[-1]
    assert placement.valid_from == 1780246800.0


def test_another_serial_or_globe_is_another_placement(register: Register, sample_description: Any) -> None:
    sensor = sample_description["sites"][0]["gateways"][0]["sensors"][2]
    sensor.update(serial="4711-0816", globe_diameter_m=0.05)
    import_description(register, sample_description, "test")
    before, after = register.snapshot().placements_of("kh-f0123-a", "th2")
    assert (before.serial, before.globe_diameter_m, before.valid_to) == ("4711-0815", 0.15, NOW)
    assert (after.serial, after.globe_diameter_m, after.valid_from) == ("4711-0816", 0.05, NOW)


def test_clothing_is_a_name_a_number_or_unknown(register: Register, sample_description: Any) -> None:
    zone = sewing(sample_description)
    for given, expected in (
        ({"clothing": "double_layer_cloth"}, 3.0),
        ({"clothing_caf": 2.5}, 2.5),
        ({"clothing": "unknown"}, None),
    ):
        for key in ("clothing", "clothing_caf"):
            zone.pop(key, None)
        zone.update(given)
        import_description(register, sample_description, "test")
        found = register.snapshot().zone(SEWING)
        assert found is not None
        assert found.clothing_caf == expected


def test_the_calendar_of_a_description_is_the_sites(register: Register) -> None:
    calendar = register.snapshot().calendar(SITE)
    off = calendar.exceptions.days_off
    assert [str(one.day) for one in off] == ["2026-04-14", "2026-04-15", "2026-04-16", "2026-05-01"]
    fasting = calendar.starting_on(date(2026, 2, 18))
    late = calendar.starting_on(date(2026, 5, 6))
    assert [(one.length_s / 3600, len(one.breaks)) for one in (*fasting, *late)] == [(7.0, 0), (12.0, 2)]


def test_a_list_that_is_left_out_stays_and_an_empty_one_cancels_what_is_not_over(
    register: Register, sample_description: Any
) -> None:
    site = sample_description["sites"][0]
    site["days_off"].append({"date": date(2026, 6, 18), "name": "Birthday"})
    import_description(register, sample_description, "test")
    for key in ("shifts", "days_off", "overtime", "seasons"):
        del site[key]
    assert plan_description(register, sample_description) == []
    site["days_off"] = []
    (cancelled,) = plan_description(register, sample_description)
    assert (cancelled.action, cancelled.what) == ("day off cancelled", "2026-06-18")
    import_description(register, sample_description, "test")
    assert len(register.snapshot().calendar(SITE).exceptions.days_off) == 4


def test_what_is_over_is_corrected_by_saying_it_otherwise(
    register: Register, sample_description: Any
) -> None:
    site = sample_description["sites"][0]
    site["days_off"][1]["name"] = "May Day"
    site["overtime"][0]["until"] = "20:00"
    site["seasons"][0]["to"] = date(2026, 3, 20)
    assert import_description(register, sample_description, "test").changes == 6
    exceptions = register.snapshot().calendar(SITE).exceptions
    may_day = exceptions.day_off(date(2026, 5, 1))
    assert may_day is not None
    assert may_day.name == "May Day"
    assert [str(one.until) for one in exceptions.overtime] == ["20:00:00"]
    assert [str(one.last) for one in exceptions.seasons] == ["2026-03-20"]


def test_an_exception_added_by_hand_is_kept_by_an_import_that_does_not_speak_of_it(
    register: Register, sample_description: Any
) -> None:
    with register.change("rith") as change:
        change.add_day_off(SITE, DayOff(date(2026, 6, 18), "Birthday"))
        with pytest.raises(ChangeRefused, match="is no day off"):
            change.cancel_day_off(SITE, date(2026, 6, 20))
    del sample_description["sites"][0]["days_off"]
    assert import_description(register, sample_description, "test").changes == 0
    assert register.snapshot().calendar(SITE).exceptions.day_off(date(2026, 6, 18)) is not None


def test_every_mistake_of_a_calendar_and_a_zone_is_told_at_once(
    register: Register, sample_description: Any
) -> None:
    site = sample_description["sites"][0]
    del site["zones"][0]["acclimatised"], site["zones"][0]["clothing"]
    site["zones"][0]["metabolic_class"] = 5
    site["zones"][1].update({"clothing_caf": 1.0, "from": "soon"})
    site["days_off"] += [{"date": "2026-05-01", "name": "May Day"}, {"date": "1 May", "name": "x"}]
    site["days_off"].append({"date": "2026-08-01", "to": "2026-07-01", "name": "back"})
    site["overtime"] = [{"shift": "day", "date": "2026-07-06", "until": 1140}]
    site["seasons"] += [
        {"name": "empty", "from": "2026-08-01", "to": "2026-08-02", "shifts": []},
        {"name": "again", "from": "2026-03-19", "to": "2026-03-20", "shifts": [site["shifts"][0]]},
        {"name": "wrong", "from": "2026-09-01", "shifts": [{"name": "n", "start": "07:00", "end": "07:00"}]},
    ]
    site["gateways"][0]["sensors"][0]["globe_diameter_m"] = 15
    site["shifts"].append(site["shifts"][0] | {"name": "d" * 65})
    told = "\n".join(mistakes_of(register, sample_description))
    for words in (
        "zones sewing-3.metabolic_class: Input should be less than or equal to 4 (got 5)",
        "zones sewing-3.acclimatised: is missing",
        "zones sewing-3.clothing: is missing. Write clothing: work_clothing, another ensemble or unknown",
        "zones ironing.clothing: is there twice",
        "zones ironing.from: 'soon' is no instant; write a date like 2026-03-01",
        "sites kh-f0123: 2026-05-01 is a day off twice: 'Labour Day' and 'May Day'. Keep one.",
        "days_off x.date: '1 May' is no date",
        "days_off back.to: 2026-07-01 is not within",
        "overtime 1.until: YAML read this time as a number",
        "seasons empty: season 'empty' has no shifts",
        "sites kh-f0123: seasons 'Ramadan' (2026-02-18 to 2026-03-19) and 'again'",
        "seasons wrong.shifts n: shift 'n': start and end are both 07:00. Write when it ends.",
        "seasons wrong.to: is missing",
        "sensors th1.globe_diameter_m",
        "name: String should have at most 64 characters",
    ):
        assert words in told
    assert len(told.splitlines()) == 15


def test_overtime_that_cannot_be_is_told_at_once(register: Register, sample_description: Any) -> None:
    site = sample_description["sites"][0]
    night = {"name": "night", "start": "22:00", "end": "06:00"}
    site["shifts"] += [night, night | {"start": "05:00", "end": "06:30"}]
    site["overtime"] += [
        {"shift": "dya", "date": "2026-06-08", "until": "19:00"},
        {"shift": "day", "date": "2026-06-09", "until": "15:00"},
        {"shift": "day", "date": "2026-06-14", "until": "19:00"},
    ]
    told = mistakes_of(register, sample_description)
    assert len(told) == 4
    assert told[0].startswith("sites kh-f0123: overtime of shift 'dya' on 2026-06-08: no shift of this name")
    assert "overlaps itself: 22:00-06:00" in told[-1]


def test_a_roster_that_leaves_registered_overtime_in_the_air_is_refused(
    register: Register, sample_description: Any
) -> None:
    site = sample_description["sites"][0]
    site["overtime"].append({"shift": "day", "date": "2026-06-08", "until": "19:00"})
    import_description(register, sample_description, "test")
    del site["overtime"]
    site["shifts"][0]["name"] = "morning"
    (mistake,) = mistakes_of(register, sample_description)
    assert "overtime of shift 'day' on 2026-06-08: no shift of this name starts on that day" in mistake
