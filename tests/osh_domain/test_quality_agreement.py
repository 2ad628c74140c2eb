"""The quality tests that a rollup runs minute by minute say what the tests of whole series say."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_service.rollup.quality import ChannelTest
from osh_domain.quality_defaults import FlatLine, QcThresholds
from osh_domain.quality_tests import QcFlag, flat_line, gross_range, rate_of_change, roll_up

RULES = QcThresholds((-40.0, 85.0), (0.0, 50.0), 2.0 / 60.0, FlatLine(300.0, 720.0, 0.05))
VALUES = st.lists(st.sampled_from([None, -50.0, -1.0, 20.0, 20.02, 20.04, 20.06, 23.0, 60.0]), max_size=60)
STILL = st.lists(st.sampled_from([None, 20.0, 20.0, 20.0, 20.0, 20.02, 20.04]), min_size=20, max_size=60)


@given(st.one_of(VALUES, STILL))
@settings(max_examples=300)
def test_minute_by_minute_and_all_at_once_are_the_same(values: list[float | None]) -> None:
    assert RULES.rate_per_s is not None
    assert RULES.flat is not None
    flat = RULES.flat
    tests = (
        gross_range(values, fail=RULES.fail, suspect=RULES.suspect),
        rate_of_change(values, 60.0, RULES.rate_per_s),
        flat_line(values, 60.0, suspect_s=flat.suspect_s, fail_s=flat.fail_s, tolerance=flat.tolerance),
    )
    stream = ChannelTest(RULES, hold=1)
    for minute, value in enumerate(values):
        if value is not None:
            found = stream.test(minute, value)
            expected = roll_up(flags[minute] for flags in tests)
            assert QcFlag(found.flag if found else 1) == expected
