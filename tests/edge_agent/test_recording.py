from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.buses import NoBus
from edge_agent.clock import SimClock
from edge_agent.drivers.replay import Replay
from edge_agent.recording import Column, RecordingError, TimeColumn, read_recording

OCCUPANCY = Path(__file__).parent.parent / "data" / "occupancy" / "datatest.txt"
MAP = tuple(Column.parse(text) for text in ("Temperature=st1/ta", "Humidity=st1/rh", "CO2=co2-1/co2:ppm"))


def write(folder: Path, text: str) -> Path:
    path = folder / "recording.csv"
    path.write_text(text)
    return path


def test_the_real_file_is_read_to_the_last_row_although_its_header_is_short() -> None:
    recording = read_recording(OCCUPANCY, MAP, TimeColumn("date", "Europe/Brussels"))
    assert (recording.rows_in_file, len(recording.rows), recording.refused) == (2665, 2665, [])
    first, last = recording.rows[0], recording.rows[-1]
    assert first.time == 1422883140.0  # 2015-02-02 14:19:00 in Brussels is 13:19 UTC
    assert first.values == {"Temperature": 23.7, "Humidity": 26.272, "CO2": 749.2}
    assert (last.line, last.values["CO2"]) == (2666, 1124.0)
    assert recording.period_s() == 60.0


def test_every_row_is_read_or_refused_with_its_line_and_reason(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "t,a,b\n"
        "2026-04-20 10:00:00,20,50\n"
        "2026-04-20 10:01:00,,51\n"
        "2026-04-20 10:01:00,21,51\n"
        "2026-04-20 10:02:00,hot,52\n"
        "2026-04-20 10:03:00,21\n"
        "yesterday,21,52\n"
        "2026-04-20 10:04:00,nan,52\n"
        "2026-04-20 10:05:00,NA,\n"
        "2026-04-20 10:06:00,0,0\n",
    )
    columns = (Column.parse("a=st1/ta"), Column.parse("b=st1/rh"))
    recording = read_recording(path, columns, TimeColumn("t", "UTC"))
    assert [row.line for row in recording.rows] == [2, 3, 10]
    assert recording.rows[2].values == {"a": 0.0, "b": 0.0}
    assert recording.empty_cells == 1
    assert [(row.line, row.reason) for row in recording.refused] == [
        (4, "not later than the row before"),
        (5, "a: not a number: 'hot'"),
        (6, "2 fields where the header has 3"),
        (7, "not a time: 'yesterday' (expected ISO 8601)"),
        (8, "a: nan is no measurement"),
        (9, "no value in any mapped column"),
    ]
    assert recording.rows_in_file == 9


def test_clock_changes_are_understood_and_impossible_times_refused(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "t;a\n2025-10-26 02:30:00;1\n2025-10-26 02:30:00;2\n2025-10-26 03:00:00;3\n2026-03-29 02:30:00;4\n",
    )
    recording = read_recording(path, (Column.parse("a=st1/ta"),), TimeColumn("t", "Europe/Brussels"))
    assert [row.time - recording.rows[0].time for row in recording.rows] == [0.0, 3600.0, 5400.0]
    assert [row.line for row in recording.refused] == [5]
    assert "does not exist in Europe/Brussels" in recording.refused[0].reason


@pytest.mark.parametrize(
    ("time_column", "text"),
    [
        (TimeColumn("t"), "2026-04-20T10:00:00+07:00"),
        (TimeColumn("t"), "1776654000"),
        (TimeColumn("t", "Asia/Phnom_Penh", "%d/%m/%Y %H:%M"), "20/04/2026 10:00"),
    ],
)
def test_a_time_may_be_written_in_several_ways(tmp_path: Path, time_column: TimeColumn, text: str) -> None:
    path = write(tmp_path, f"t,a\n{text},20\n")
    recording = read_recording(path, (Column.parse("a=st1/ta"),), time_column)
    assert recording.rows[0].time == 1776654000.0


def test_units_are_turned_into_the_quantitys_own(tmp_path: Path) -> None:
    path = write(tmp_path, "t,a\n2026-04-20T10:00Z,300.15\n")
    recording = read_recording(path, (Column.parse("a=st1/ta:K"),), TimeColumn("t"))
    assert abs(recording.rows[0].values["a"] - 27.0) < 1e-9


@pytest.mark.parametrize(
    ("text", "time_column", "message"),
    [
        ("t,b\n1,2\n", TimeColumn("t"), "no column 'a'; the file has 't', 'b'"),
        ("t,a\n2026-04-20 10:00,2\n", TimeColumn("t"), "say which zone"),
        ("t,a\n2026-04-20 10:00,2\n", TimeColumn("t", "Asia/Pnom"), "no time zone 'Asia/Pnom'"),
        ("t,a\n", TimeColumn("t"), "no row can be played"),
        ("", TimeColumn("t"), "no header"),
    ],
)
def test_a_file_that_cannot_be_played_is_told_in_a_sentence(
    tmp_path: Path, text: str, time_column: TimeColumn, message: str
) -> None:
    with pytest.raises(RecordingError, match=message):
        read_recording(write(tmp_path, text), (Column.parse("a=st1/ta"),), time_column)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Temperature", "not COLUMN=sensor/quantity"),
        ("Temperature=ta", "not COLUMN=sensor/quantity"),
        ("Temperature=st1/temperature", "unknown quantity"),
        ("Temperature=st1/ta:ppm", "cannot be turned into"),
    ],
)
def test_a_wrong_map_is_told(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Column.parse(text)


def test_the_driver_plays_the_first_row_now_and_the_others_at_their_distance(tmp_path: Path) -> None:
    path = write(tmp_path, "t,a\n2015-02-02T10:00Z,20\n2015-02-02T10:01Z,21\n2015-02-02T10:03Z,22\n")
    clock = SimClock(1_776_654_000.0)
    options = {"file": str(path), "columns": {"a": "ta"}, "time_column": "t"}
    assert Replay.check(options) == []
    driver = Replay(options, NoBus(), clock)
    (channel,) = driver.open().channels
    assert (channel.quantity, channel.unit) == ("ta", "Cel")
    played = []
    for minute in range(6):
        clock.set(1_776_654_000.0 + 60 * minute)
        played.append([sample.value for sample in driver.read()])
    assert played == [[20.0], [21.0], [], [22.0], [], []]


def test_the_drivers_options_are_checked_all_at_once() -> None:
    problems = Replay.check({"columns": {"a": "tx"}, "tme_column": "t"})
    assert len(problems) == 4
    assert any("unknown option 'tme_column'" in problem for problem in problems)
    assert any("did you mean" in problem for problem in problems)
