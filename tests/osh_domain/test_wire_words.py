import pytest
from hypothesis import given
from hypothesis import strategies as st

from osh_domain import strict_json, topics
from osh_domain.quality import NEVER_EXPOSURE, Flag, Grade, TimeQuality, grade, time_quality
from osh_domain.quantities import QUANTITIES, UnknownQuantity, WrongUnit, check_unit, convert, quantity
from osh_domain.readings import Channel
from osh_domain.signing import key_id
from osh_domain.topics import LEAVES, TopicName, parse_topic, topic, topic_filter
from osh_domain.wire_error import WireError


@pytest.mark.parametrize("leaf", sorted(LEAVES))
def test_a_topic_taken_apart_is_what_it_was_made_of(leaf: str) -> None:
    name = topic("kh-f0123", "kh-f0123-a", leaf)
    assert name == f"osh/v1/kh-f0123/kh-f0123-a/{leaf}"
    assert parse_topic(name) == TopicName("kh-f0123", "kh-f0123-a", leaf)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "osh/v1",
        "osh/v1/kh-f0123/kh-f0123-a",
        "osh/v1/kh-f0123/kh-f0123-a/",
        "osh/v1/kh-f0123/kh-f0123-a/data",
        "osh/v1/kh-f0123/kh-f0123-a/data/live/",
        "osh/v2/kh-f0123/kh-f0123-a/ack",
        "osh/v1/+/kh-f0123-a/ack",
        "osh/v1/kh-f0123/#/ack",
        "osh/v1/KH/kh-f0123-a/ack",
        "osh/v1//kh-f0123-a/ack",
        "/osh/v1/kh-f0123/kh-f0123-a/ack",
        "osh/v1/kh-f0123/" + "a" * 33 + "/ack",
        "osh/v1/kh-f0123/kh-f0123-a\n/ack",
        "osh/v1/kh-f0123/kh-f0123-a/" + "x" * 60_000,
    ],
)
def test_a_topic_outside_the_protocol_is_refused(name: str) -> None:
    with pytest.raises(WireError) as caught:
        parse_topic(name)
    assert caught.value.code == "topic"


def test_no_topic_is_made_that_could_not_be_read() -> None:
    with pytest.raises(WireError):
        topic("kh-f0123", "+", topics.ACK)


def test_a_filter_covers_one_gateway_a_site_or_all() -> None:
    assert topic_filter(topics.DATA_LIVE) == "osh/v1/+/+/data/live"
    assert topic_filter(topics.ACK, site="kh-f0123") == "osh/v1/kh-f0123/+/ack"
    assert topic_filter(topics.CMD, site="kh-f0123", gateway="kh-f0123-a") == "osh/v1/kh-f0123/kh-f0123-a/cmd"


@given(st.text())
def test_any_text_is_a_topic_or_a_wire_error(name: str) -> None:
    try:
        found = parse_topic(name)
    except WireError:
        return
    assert topic(*found) == name


@pytest.mark.parametrize(
    ("name", "unit", "averaging"),
    [
        ("ta", "Cel", "arithmetic"),
        ("ta.avg60", "Cel", "arithmetic"),
        ("pm2_5", "ug/m3", "arithmetic"),
        ("co.max60", "ppm", "arithmetic"),
        ("la.eq1", "dB", "energy"),
        ("la.eq60.gt80", "dB", "energy"),
        ("laf.max60", "dB", "energy"),
        ("lc.peak60", "dB", "energy"),
        ("lz.eq60.b1000", "dB", "energy"),
        ("lz.eq60.b31_5", "dB", "energy"),
        ("las.dose60.q5t80", "/", "arithmetic"),
        ("la.n60", "count", "arithmetic"),
        ("status", "", "arithmetic"),
    ],
)
def test_a_quantity_has_one_unit_and_one_way_to_average(name: str, unit: str, averaging: str) -> None:
    found = quantity(name)
    assert (found.id, found.unit, found.averaging) == (name, unit, averaging)
    check_unit(name, unit)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "temperature",
        "TA",
        "ta.",
        "ta.avg",
        "ta.avg0",
        "ta.eq60",
        "pm25",
        "la.eq60.",
        "la.eq60.loud",
        "co..max60",
    ],
)
def test_an_unknown_quantity_is_refused(name: str) -> None:
    with pytest.raises(UnknownQuantity):
        quantity(name)


def test_an_unknown_quantity_is_answered_with_near_ones() -> None:
    with pytest.raises(UnknownQuantity, match=r"did you mean.*pm2_5"):
        quantity("pm25")


def test_quantities_of_any_length_are_refused_without_being_remembered() -> None:
    with pytest.raises(UnknownQuantity, match="64"):
        quantity("t" * 100_000)


def test_a_wrong_unit_is_refused_with_the_right_one() -> None:
    for unit in ("degC", "K", "cel", None):
        with pytest.raises(WrongUnit, match="Cel"):
            check_unit("ta", unit)
    with pytest.raises(WrongUnit, match="without a unit"):
        check_unit("status", "Cel")
    check_unit("status", None)


def test_every_row_of_the_table_is_whole() -> None:
    for name, row in QUANTITIES.items():
        assert quantity(name) is row
        assert row.title
        assert row.low < row.high or row.unit == ""
        assert (row.averaging == "energy") == (row.unit == "dB")


@pytest.mark.parametrize(
    ("value", "unit_from", "unit_to", "expected"),
    [
        (31.7, "ug/m3", "kg/m3", 31.7e-9),
        (400.0, "ppm", "/", 400e-6),
        (1.0, "ppm", "ppb", 1000.0),
        (1013.25, "hPa", "Pa", 101_325.0),
        (50.0, "/100", "%", 0.5),
        (36.0, "km/h", "m/s", 10.0),
        (90.0, "min", "h", 1.5),
        (1500.0, "ms", "s", 1.5),
        (25.0, "mm", "cm", 2.5),
        (300.0, "K", "Cel", 26.85),
        (26.85, "Cel", "K", 300.0),
        (5.0, "lx", "lx", 5.0),
    ],
)
def test_secondary_units_are_scaled(value: float, unit_from: str, unit_to: str, expected: float) -> None:
    assert convert(value, unit_from, unit_to) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("unit_from", "unit_to"), [("%RH", "%"), ("ppm", "ug/m3"), ("cel", "K"), ("", "Cel"), ("dB", "/")]
)
def test_units_that_do_not_compare_are_refused(unit_from: str, unit_to: str) -> None:
    with pytest.raises(WrongUnit):
        convert(1.0, unit_from, unit_to)


def test_a_channel_is_written_as_it_was_read() -> None:
    name = "kh-f0123-a/mic1/lz.eq60.b31_5"
    assert Channel.parse(name) == Channel("kh-f0123-a", "mic1", "lz.eq60.b31_5")
    assert str(Channel.parse(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ta",
        "kh-f0123-a/ta",
        "kh-f0123-a/st1/ta/x",
        "Kh/st1/ta",
        "kh-f0123-a//ta",
        "kh-f0123-a/st1/Ta",
        "a" * 200,
    ],
)
def test_a_name_of_another_shape_is_no_channel(name: str) -> None:
    with pytest.raises(ValueError, match=r"channel name|gateway/sensor/quantity"):
        Channel.parse(name)


@pytest.mark.parametrize(
    ("clk", "err", "ahead", "quality"),
    [
        ("ntp", 0.0, 0.0, TimeQuality.SYNCED),
        ("ntp", 1.0, 0.0, TimeQuality.SYNCED),
        ("srv", 1.1, 0.0, TimeQuality.CORRECTED),
        ("rtc", 10.0, 0.0, TimeQuality.CORRECTED),
        ("hold", 60.0, 0.0, TimeQuality.COARSE),
        ("hold", 61.0, 0.0, TimeQuality.BOUNDED),
        ("hold", None, 0.0, TimeQuality.BOUNDED),
        ("none", None, 0.0, TimeQuality.BOUNDED),
        ("none", 0.1, 0.0, TimeQuality.BOUNDED),
        (None, None, 0.0, TimeQuality.COARSE),
        (None, 0.1, 300.0, TimeQuality.COARSE),
        ("ntp", 0.0, 300.1, TimeQuality.UNKNOWN),
        (None, None, 300.1, TimeQuality.UNKNOWN),
    ],
)
def test_the_quality_of_a_time_follows_its_clock(
    clk: str | None, err: float | None, ahead: float, quality: TimeQuality
) -> None:
    assert time_quality(clk, err, ahead_s=ahead) is quality


def test_a_grade_needs_everything_to_be_a() -> None:
    assert grade(True, TimeQuality.CORRECTED, "valid") is Grade.A
    assert grade(True, TimeQuality.COARSE, "valid") is Grade.B
    assert grade(True, TimeQuality.SYNCED, "overdue") is Grade.B
    assert grade(True, TimeQuality.SYNCED, "unknown") is Grade.B
    assert grade(True, TimeQuality.BOUNDED, "valid") is Grade.C
    assert grade(False, TimeQuality.SYNCED, "valid") is Grade.C
    assert max(Grade.A, Grade.C) is Grade.C


def test_a_clipped_or_partly_covered_reading_still_counts() -> None:
    for flag in (Flag.CLIPPED, Flag.PARTLY_COVERED, Flag.CALIBRATION_OVERDUE):
        assert not flag & NEVER_EXPOSURE
    for flag in (Flag.SENSOR_FAULT, Flag.CALIBRATION_RUN, Flag.SUBSTITUTED, Flag.WARMING_UP, Flag.MISPLACED):
        assert flag & NEVER_EXPOSURE


def test_a_key_is_named_by_its_hash() -> None:
    public = bytes.fromhex("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8")
    assert key_id(public) == "56475aa75463474c"
    with pytest.raises(ValueError, match="32 bytes"):
        key_id(b"short")


@pytest.mark.parametrize("text", ['{"v":"\\ud800"}', '{"a":{"b":["\\uDFFF"]}}', '{"\\ud800":1}'])
def test_an_escape_for_half_a_character_is_no_json(text: str) -> None:
    with pytest.raises(WireError, match="half a character") as caught:
        strict_json.read_object(text.encode())
    assert caught.value.code == "json"


def test_an_object_is_read_to_64_levels_whatever_the_depth_of_the_calls() -> None:
    def nested(levels: int) -> bytes:
        return b'{"a":' + b"[" * levels + b"]" * levels + b"}"

    assert strict_json.read_object(nested(strict_json.MOST_NESTED))
    with pytest.raises(WireError, match="levels deep"):
        strict_json.read_object(nested(strict_json.MOST_NESTED + 1))


def test_a_whole_character_may_be_written_as_two_escapes() -> None:
    assert strict_json.read_object(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


def test_what_an_error_quotes_can_be_stored_and_sent() -> None:
    error = WireError("json", "it says \ud800")
    assert str(error).encode() == error.message.encode() == b"it says \\ud800"
