"""Whoever reads InfluxDB while it is written never sees a point by halves, and is not stopped by one."""

from contextlib import closing
from pathlib import Path

from ingest_service.series.influx.half_written import half_written, without_half_written
from ingest_service.series.influx.link import Series, Value
from ingest_service.series.port import ExposureRow
from tests.influx_server import InfluxServer
from tests.ingest_service.series_stores import KIND, ZONE, influx_opener


def test_a_point_that_lacks_what_all_have_is_left_out_and_one_without_a_value_is_not() -> None:
    unknown: list[Value]
    half: list[Value]
    columns = ["time", "value", "coverage", "was"]
    unknown, half = [60_000_000, None, 1.0, None], [120_000_000, 28.0, None, None]
    whole = Series(columns, [unknown], name="exposure")
    assert not half_written([whole])
    torn = Series(columns, [list(unknown), half], name="exposure")
    assert half_written([torn])
    assert [series.values for series in without_half_written([torn])] == [[unknown]]
    assert without_half_written([Series(columns, [half], name="exposure")]) == []
    counted = Series(["time", "last"], [[0, None]], name="exposure")
    assert without_half_written([counted]) == [counted]


def test_a_reader_is_not_stopped_by_a_point_that_is_on_its_way(influx: InfluxServer, tmp_path: Path) -> None:
    with closing(influx_opener(influx)(tmp_path)) as store:
        store.write_exposures([row(7)])
        link = store._session.link
        # Its first fields are there; the minute's end is its time.
        link.write(
            [f"exposure,site=kh-f0123,zone={ZONE},kind={KIND} value=29,coverage=1 {8 * 60_000_000_000}"]
        )
        assert [found.minute for found in store.exposures(ZONE, KIND, 0, 9)] == [7]
        assert [found.value for found in store.latest_exposures([ZONE])] == []
        rest = 'expected=60,received=60,worst_gap_s=1,grade=0,revision=0,change=2,method="m",calc="2"'
        link.write([f"exposure,site=kh-f0123,zone={ZONE},kind={KIND} {rest} {8 * 60_000_000_000}"])
        assert [found.minute for found in store.exposures(ZONE, KIND, 0, 9)] == [7, 8]
        assert [found.value for found in store.latest_exposures([ZONE])] == [29.0]


def row(minute: int) -> ExposureRow:
    return ExposureRow(ZONE, KIND, minute, 28.0 + minute, 1.0, 60, 60, 1.0, "measured_globe", 0, "2")
