"""The tests that run minute by minute, against those that see the whole record at once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_service.rollup.quality import ChannelTest
from osh_domain.quality_defaults import FlatLine, QcThresholds
from osh_domain.quality_tests import QcFlag, flat_line, gross_range, rate_of_change, roll_up

FAIL_STEPS = 30
STEPS = st.lists(
    st.sampled_from([None, 0.0, 0.01, -0.01, 0.03, 0.2, -0.2, 3.0, -3.0, 40.0, -40.0]),
    min_size=1,
    max_size=200,
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(STEPS, st.lists(st.sampled_from([None, 0.0, 0.0, 0.01, -0.01]), max_size=120)))
def test_a_minute_gets_the_flag_that_the_whole_record_gives_it(steps: list[float | None]) -> None:
    rules = QcThresholds((-40.0, 85.0), (0.0, 50.0), 2.0 / 60.0, FlatLine(600.0, 1800.0, 0.1))
    values: list[float | None] = []
    level = 20.0
    for step in steps:
        level += step or 0.0
        values.append(None if step is None else level)
    test = ChannelTest(rules, 1)
    whole = zip(
        gross_range(values, fail=rules.fail, suspect=rules.suspect),
        rate_of_change(values, 60.0, 2.0 / 60.0),
        flat_line(values, 60.0, suspect_s=600.0, fail_s=1800.0, tolerance=0.1),
        strict=True,
    )
    for minute, (value, flags) in enumerate(zip(values, whole, strict=True)):
        if value is None:
            continue
        found = test.test(minute, value)
        expected = roll_up(flags)
        # Here a record reaches back to a minute that is there; one that began further back is suspect only.
        if expected is QcFlag.FAIL and minute >= FAIL_STEPS and values[minute - FAIL_STEPS] is None:
            continue
        assert (QcFlag.PASS if found is None else found.flag) == expected
