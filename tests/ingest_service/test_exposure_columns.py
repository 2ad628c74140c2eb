"""Exposures by columns are the same whichever store they are read from, and however."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from ingest_service.series import columns
from ingest_service.series.columns import ColumnsOfRows, ExposureColumns
from ingest_service.series.port import ExposureRow
from ingest_service.series.sqlite import FILE_NAME, open_series
from tests.influx_server import InfluxServer
from tests.ingest_service.series_stores import KIND, ZONE, influx_opener

SPANS = ((29_000_000, 29_000_009), (29_000_012, 29_000_040))
METHODS = ("measured_globe", "assumed_tg_eq_ta+assumed_va")


def rows() -> list[ExposureRow]:
    minutes = [29_000_000 + i for i in range(60) if i % 7]
    return [
        ExposureRow(
            ZONE, KIND, minute, None if minute % 5 == 0 else 0.1 * minute, (minute % 3) / 2.0,
            60, 60, 0.0, METHODS[minute % 2], 0, "2",
        )
        for minute in minutes
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["", "assumed_va", "nowhere"])
def test_columns_through_the_port_are_those_of_the_file(
    influx: InfluxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setattr(columns, "MINUTES_AT_ONCE", 8)  # so that a span takes several questions
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with closing(open_series(tmp_path / "a")) as filed, closing(influx_opener(influx)(tmp_path / "b")) as far:
        filed.write_exposures(rows())
        far.write_exposures(rows())
        with closing(ExposureColumns(tmp_path / "a" / FILE_NAME)) as read:
            expected = read.read(ZONE, KIND, SPANS, word)
            assert read.kinds(ZONE) == [KIND]
        assert len(expected) == 33
        assert np.isinf(expected[:, columns.VALUE]).any()
        for store in (filed, far):
            through = ColumnsOfRows(store)
            np.testing.assert_array_equal(through.read(ZONE, KIND, SPANS, word), expected)
            assert through.kinds(ZONE) == [KIND]
            assert through.read(ZONE, "no.kind", SPANS, word).shape == (0, 4)
