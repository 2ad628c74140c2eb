import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osh_domain.quality import Flag
from osh_domain.readings import Channel, Reading
from osh_domain.senml import (
    MAX_PACK,
    MAX_RECORDS,
    Record,
    WireError,
    parse_json,
    read_pack,
    resolve,
    resolved_json,
    write_pack,
)

REFERENCE = Path(__file__).parents[1] / "reference"
ACCEPTED: dict[str, Any] = json.loads((REFERENCE / "senml_accepted.json").read_text())
REFUSED: list[dict[str, str]] = json.loads((REFERENCE / "senml_refused.json").read_text())
NOW = 1_700_000_000.0


def pack(*records: dict[str, Any]) -> bytes:
    return json.dumps(records).encode()


def broken_rule(data: bytes) -> str | None:
    with pytest.raises(WireError) as caught:
        read_pack(data, NOW)
    return caught.value.rule


@pytest.mark.parametrize("case", ACCEPTED["packs"], ids=lambda case: f"{case['section']} {case['what']}")
def test_the_packs_of_rfc_8428_resolve_as_the_standard_says(case: dict[str, Any]) -> None:
    records = resolve(case["pack"], ACCEPTED["now"])
    assert json.loads(resolved_json(records)) == case["resolved"]
    assert read_pack(json.dumps(case["pack"]).encode(), ACCEPTED["now"]) == records


@pytest.mark.parametrize("case", ACCEPTED["packs"], ids=lambda case: f"{case['section']} {case['what']}")
def test_a_resolved_pack_resolves_to_itself(case: dict[str, Any]) -> None:
    records = resolve(case["pack"], ACCEPTED["now"])
    assert read_pack(resolved_json(records).encode(), NOW) == records


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["what"])
def test_a_pack_that_breaks_a_rule_is_refused_with_that_rule(case: dict[str, str]) -> None:
    assert broken_rule(case["text"].encode("utf-8", "surrogatepass")) == case["rule"]


def test_data_values_come_out_as_the_bytes_they_stand_for() -> None:
    (record,) = read_pack(pack({"n": "a", "vd": "aGkgCg"}), NOW)
    assert record.value == bytes.fromhex("6869200a")


def test_r1_bytes_that_are_not_utf_8_are_refused() -> None:
    assert broken_rule(b'[{"n":"a","vs":"\xff"}]') == "R1"
    assert broken_rule('[{"n":"a","v":1}]'.encode("utf-16")) == "R1"


def test_r1_nesting_without_end_is_refused_and_does_not_crash() -> None:
    assert broken_rule(b"[" * 200_000) == "R1"
    assert broken_rule(b'[{"n":"a","v":' + b'{"x":' * 40_000 + b"1" + b"}" * 40_000 + b"}]") == "R1"


def test_r3_a_base_field_holds_until_it_is_replaced() -> None:
    records = read_pack(
        pack(
            {"bn": "a", "bu": "Cel", "bt": 1e9, "v": 1},
            {"n": "b", "v": 2},
            {"bn": "c", "v": 3},
            {"bu": "V", "bt": 2e9, "v": 4},
        ),
        NOW,
    )
    assert [(r.name, r.unit, r.time) for r in records] == [
        ("a", "Cel", 1e9),
        ("ab", "Cel", 1e9),
        ("c", "Cel", 1e9),
        ("c", "V", 2e9),
    ]


def test_r5_a_record_without_any_unit_has_none() -> None:
    (record,) = read_pack(pack({"n": "a", "v": 1}), NOW)
    assert record.unit is None


@pytest.mark.parametrize(
    ("base", "own", "time"),
    [
        (None, None, NOW),
        (None, -60, NOW - 60),
        (-10, 5, NOW - 5),
        (2**28 - 1, None, NOW + 2**28 - 1),
        (2**28, None, float(2**28)),
        (2**28 - 1, 1, float(2**28)),
        (1.5e9, -0.25, 1.5e9 - 0.25),
    ],
)
def test_r6_times_below_two_to_the_28_are_relative_to_the_arrival(
    base: float | None, own: float | None, time: float
) -> None:
    record: dict[str, Any] = {"n": "a", "v": 1}
    if base is not None:
        record["bt"] = base
    if own is not None:
        record["t"] = own
    assert [r.time for r in read_pack(pack(record), NOW)] == [time]


def test_r7_base_value_and_base_sum_are_added_to_numbers_only() -> None:
    records = read_pack(
        pack(
            {"bn": "a", "bv": 10, "bs": 100, "v": 1, "s": 5},
            {"vs": "words"},
            {"n": "x"},
        ),
        NOW,
    )
    assert [(r.value, r.sum) for r in records] == [(11.0, 105.0), ("words", 100.0), (None, 100.0)]


def test_r7_a_base_value_without_a_value_makes_no_value() -> None:
    assert broken_rule(pack({"bn": "a", "bv": 10, "n": "x"})) == "R8"
    assert read_pack(pack({"bn": "a", "bv": 10}), NOW) == []


def test_r8_a_sum_may_stand_without_a_value() -> None:
    (record,) = read_pack(pack({"n": "a", "s": 3}), NOW)
    assert (record.value, record.sum) == (None, 3.0)


def test_r9_a_record_of_base_fields_alone_yields_no_measurement() -> None:
    assert read_pack(pack({"bn": "a/", "bt": 1e9, "bver": 26}), NOW) == []


@pytest.mark.parametrize("version", [1, 5, 9, 10, 26])
def test_r10_known_versions_are_accepted_and_travel_with_the_record(version: int) -> None:
    (record,) = read_pack(pack({"bver": version, "n": "a", "v": 1}), NOW)
    assert record.version == version
    assert ("bver" in resolved_json([record])) is (version != 10)


def test_r10_a_version_named_late_is_that_of_the_whole_pack() -> None:
    records = read_pack(pack({"n": "a", "t": 9, "v": 1}, {"bver": 26, "n": "b", "t": 1, "v": 2}), NOW)
    assert [(r.name, r.version) for r in records] == [("b", 26), ("a", 26)]
    assert read_pack(resolved_json(records).encode(), NOW) == records


@pytest.mark.parametrize("version", [11, 12, 42, 58, 1034, "10", 10.0, -1, True])
def test_r10_versions_with_bits_nobody_understands_are_refused(version: object) -> None:
    assert broken_rule(pack({"bver": version, "n": "a", "v": 1})) == "R10"


def test_r11_an_unknown_label_is_ignored() -> None:
    assert read_pack(pack({"n": "a", "v": 1, "colour": "red", "l": [1, {"x": 2}]}), NOW) == read_pack(
        pack({"n": "a", "v": 1}), NOW
    )


def test_r11_our_own_labels_are_understood() -> None:
    records = read_pack(pack({"btq_": "none", "n": "a", "v": 1, "q_": 12}, {"n": "b", "v": 1}), NOW)
    assert [(r.flags, r.clock) for r in records] == [
        (Flag.CALIBRATION_OVERDUE | Flag.PARTLY_COVERED, "none"),
        (0, "none"),
    ]
    assert broken_rule(pack({"btq_": "maybe", "n": "a", "v": 1})) == "R11"


def test_r12_the_whole_range_of_doubles_is_read() -> None:
    values = [1.7976931348623157e308, -1.7976931348623157e308, 5e-324, 2**53 + 1]
    records = read_pack(pack(*({"n": "a", "v": value} for value in values)), NOW)
    assert [r.value for r in records] == [float(value) for value in values]


def test_r12_duplicate_keys_are_found_wherever_colons_hide() -> None:
    assert broken_rule(b'[{"n":"a","v" : 1,"v"\n:2}]') == "R12"
    assert broken_rule(b'[{"n":"a:b:c","v":1,"v":2}]') == "R12"
    assert broken_rule(b'[{"n":"a","v":1,"x":{"k":1,"k":2}}]') == "R12"
    assert read_pack(b'[{"n":"a:b:c","vs":":::"}]', NOW)[0].value == ":::"


def test_r13_records_come_out_in_order_of_time_and_keep_their_order_where_it_is_equal() -> None:
    records = read_pack(
        pack(
            {"bt": 1e9, "n": "late", "t": 5, "v": 1},
            {"n": "first", "v": 1},
            {"n": "second", "v": 1},
            {"n": "early", "t": -5, "v": 1},
        ),
        NOW,
    )
    assert [r.name for r in records] == ["early", "first", "second", "late"]


def test_a_pack_of_2001_records_or_over_256_kib_is_too_large() -> None:
    record = {"n": "a", "v": 1}
    assert len(read_pack(pack(*[record] * MAX_RECORDS), NOW)) == MAX_RECORDS
    for data in (pack(*[record] * (MAX_RECORDS + 1)), b" " * MAX_PACK + pack(record)):
        with pytest.raises(WireError) as caught:
            parse_json(data)
        assert (caught.value.code, caught.value.rule) == ("size", "profile")


def test_an_error_names_the_record_and_the_rule() -> None:
    with pytest.raises(WireError) as caught:
        read_pack(pack({"n": "a", "v": 1}, {"n": "b", "v": "1"}), NOW)
    assert (caught.value.code, caught.value.record) == ("senml", 1)
    assert str(caught.value) == "record 1: v is not a number [R2]"


CHANNEL = Channel("kh-f0123-a", "st1", "ta")


def test_a_gateway_writes_the_profile() -> None:
    mic = CHANNEL._replace(sensor="mic1", quantity="la.eq1")
    written = write_pack(
        "kh-f0123-a",
        [
            Reading(mic, 1767225661.0, 84.6, "dB", 8),
            Reading(CHANNEL, 1767225660.25, 31.0, "Cel", 0),
            Reading(CHANNEL._replace(quantity="status"), 1767225660.25, "ok", None, 0),
        ],
        clock_unknown=True,
    )
    assert written.decode() == (
        '[{"bn":"kh-f0123-a/","bt":1767225660,"bver":26,"btq_":"none","n":"st1/ta","u":"Cel","t":0.25,"v":31},'
        '{"n":"st1/status","t":0.25,"vs":"ok"},'
        '{"n":"mic1/la.eq1","u":"dB","t":1,"v":84.6,"q_":8}]'
    )


def test_the_profile_refuses_a_channel_twice_at_one_time() -> None:
    reading = Reading(CHANNEL, 1e9, 1.0, "Cel", 0)
    with pytest.raises(WireError, match="two readings at one time"):
        write_pack("kh-f0123-a", [reading, reading._replace(time=1e9 + 0.0001)])


def test_the_profile_refuses_readings_of_another_gateway_and_empty_packs() -> None:
    with pytest.raises(WireError, match="does not belong"):
        write_pack("kh-f0123-b", [Reading(CHANNEL, 1e9, 1.0, "Cel", 0)])
    with pytest.raises(WireError, match="1 to 2000"):
        write_pack("kh-f0123-a", [])


def test_zero_is_a_value_and_false_is_one_too() -> None:
    readings = [
        Reading(CHANNEL, 1e9, 0.0, "Cel", 0),
        Reading(CHANNEL._replace(sensor="st2"), 1e9, False, None, 0),
        Reading(CHANNEL._replace(sensor="st3"), 1e9, "", None, 0),
    ]
    assert [r.value for r in read_pack(write_pack("kh-f0123-a", readings), NOW)] == [0.0, False, ""]


finite = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(codec="utf-8"), max_size=20)
readings = st.lists(
    st.builds(
        Reading,
        st.builds(
            Channel,
            st.just("kh-f0123-a"),
            st.sampled_from(["st1", "st2", "sys"]),
            st.sampled_from(["ta", "co"]),
        ),
        st.integers(1_700_000_000_000, 1_700_000_000_000 + 30 * 86_400_000).map(lambda ms: ms / 1000),
        finite | text | st.booleans(),
        st.sampled_from(["Cel", "ppm", None]),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda reading: (reading.channel, reading.time),
)


@given(readings)
def test_what_a_gateway_writes_reads_back_the_same(written: list[Reading]) -> None:
    records = read_pack(write_pack("kh-f0123-a", written), NOW)
    found = [Reading(Channel.parse(r.name), r.time, r.value, r.unit, r.flags) for r in records]  # type: ignore[arg-type]
    assert found == sorted(written, key=lambda reading: reading.time)


records_strategy = st.lists(
    st.builds(
        Record,
        st.from_regex(r"[A-Za-z0-9][A-Za-z0-9\-:./_]{0,12}", fullmatch=True),
        st.none() | text,
        st.floats(2**28, 253_402_300_799.0),
        finite | text | st.booleans() | st.binary(max_size=12),
        st.none() | finite,
        st.none() | finite,
        st.integers(0, 255),
        st.none() | st.just("none"),
        st.just(26),
    ),
    min_size=1,
    max_size=8,
)


@given(records_strategy)
def test_any_resolved_records_survive_writing_and_reading(records: list[Record]) -> None:
    # btq_ holds for the records after it, so it cannot be taken back within one pack
    records = sorted((r._replace(clock=records[0].clock) for r in records), key=lambda r: r.time)
    assert read_pack(resolved_json(records).encode(), NOW) == records


@given(finite)
def test_r12_numbers_are_written_with_short_mantissa_and_exponent(number: float) -> None:
    (record,) = read_pack(pack({"n": "a", "v": 0}), NOW)
    written = resolved_json([record._replace(value=number)]).rpartition('"v":')[2].removesuffix("}]")
    mantissa, _, exponent = written.partition("e")
    assert len(mantissa) < 19
    assert len(exponent) < 5
    assert float(written) == number or math.isclose(number, 0.0, abs_tol=0.0)


SEEDS = [json.dumps(case["pack"]).encode() for case in ACCEPTED["packs"]] + [
    case["text"].encode("utf-8", "surrogatepass")[:400] for case in REFUSED
]
piece = st.sampled_from(
    [b"[", b"]", b"{", b"}", b":", b",", b'"', b"\\u", b"1e999", b"-", b"NaN", b"null", b"\xff"]
)


def refusal(data: bytes) -> str | None:
    """The code of the wire error, None for a pack that is read and can be written again."""
    try:
        resolved_json(read_pack(data, NOW)).encode()
    except WireError as error:
        return error.code if error.rule else "without a rule"
    return None


@settings(max_examples=400)
@given(st.data())
def test_mutated_packs_raise_nothing_but_the_wire_error(data: st.DataObject) -> None:
    mutated = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated)))
        mutated[at : at + data.draw(st.integers(0, 6))] = data.draw(piece | st.binary(max_size=3))
    assert refusal(bytes(mutated)) in {None, "json", "senml", "size"}


labels = st.sampled_from(
    [
        "bn",
        "bt",
        "bu",
        "bv",
        "bs",
        "bver",
        "btq_",
        "n",
        "u",
        "v",
        "vs",
        "vb",
        "vd",
        "s",
        "t",
        "ut",
        "q_",
        "x",
        "x_",
    ]
)
anything = st.none() | st.booleans() | st.integers() | st.floats() | text | st.just("a") | st.lists(st.none())


@settings(max_examples=400)
@given(st.lists(st.dictionaries(labels, anything, max_size=5), max_size=4))
def test_any_labels_with_any_values_resolve_or_raise_the_wire_error(records: list[dict[str, Any]]) -> None:
    assert refusal(json.dumps(records).encode()) in {None, "json", "senml"}
