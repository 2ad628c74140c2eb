import io
import json
import math
import struct
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osh_domain.senml import (
    MAX_PACK,
    MAX_RECORDS,
    Record,
    WireError,
    parse_bare,
    parse_cbor,
    resolve,
    resolved_json,
)
from osh_domain.senml_cbor import LABELS
from osh_domain.senml_cbor_writing import pack_cbor, resolved_cbor

REFERENCE = Path(__file__).parents[1] / "reference"
ACCEPTED: dict[str, Any] = json.loads((REFERENCE / "senml_accepted.json").read_text())
SECTION_6 = bytes.fromhex((REFERENCE / "senml_rfc8428_section6.hex").read_text())
NOW = 1_700_000_000.0
NAMES = {number: label for label, number in LABELS.items()}

# What JSON refuses for its own reasons (its syntax, text in place of bytes) has no counterpart in CBOR.
JSON_ONLY = {
    "not JSON",
    "nothing at all",
    "an integer beyond any double",
    "an integer of five thousand digits",
    "half a surrogate pair",
    "data with padding",
}
REFUSED: list[dict[str, str]] = [
    case
    for case in json.loads((REFERENCE / "senml_refused.json").read_text())
    if case["what"] not in JSON_ONLY and "twice" not in case["what"]
]


def as_cbor(pack: object) -> bytes:
    """A pack of the JSON examples as another library writes it."""
    if isinstance(pack, list):
        pack = [
            {LABELS.get(label, label): value for label, value in record.items()}
            if isinstance(record, dict)
            else record
            for record in pack
        ]
    return cbor2.dumps(pack)


def with_bytes(pack: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record | ({"vd": bytes.fromhex("6869200a")} if "vd" in record else {}) for record in pack]


def broken_rule(data: bytes) -> str | None:
    with pytest.raises(WireError) as caught:
        resolve(parse_cbor(data), NOW)
    assert caught.value.code in ("senml", "size")
    return caught.value.rule


def test_the_example_of_rfc_8428_section_6_is_written_and_read_byte_for_byte() -> None:
    (pack,) = [case["pack"] for case in ACCEPTED["packs"] if "version 5" in case["what"]]
    pack = [*pack[:-1], {"n": "current", "t": 0, "v": 1.7}]  # the example writes the 0 of the last time
    assert len(SECTION_6) == 195
    assert pack_cbor(pack) == SECTION_6
    assert parse_cbor(SECTION_6) == pack
    assert resolve(parse_cbor(SECTION_6), NOW) == resolve(pack, NOW)


@pytest.mark.parametrize("case", ACCEPTED["packs"], ids=lambda case: f"{case['section']} {case['what']}")
def test_every_pack_of_the_standard_means_the_same_in_cbor(case: dict[str, Any]) -> None:
    expected = resolve(case["pack"], NOW)
    for data in (pack_cbor(with_bytes(case["pack"])), as_cbor(with_bytes(case["pack"]))):
        assert resolve(parse_bare(data), NOW) == expected


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["what"])
def test_what_breaks_a_rule_in_json_breaks_it_in_cbor(case: dict[str, str]) -> None:
    assert broken_rule(as_cbor(json.loads(case["text"]))) == case["rule"]


@pytest.mark.parametrize(
    ("what", "text", "rule"),
    [
        ("an empty array", "80", "R1"),
        ("a stream", "9fa20061610201ff", "R16"),
        ("a label twice", "81a3006161020102 02", "R12"),
        ("a label with a number written as text", "81a2006161617601", "R15"),
        ("a number that is no label", "81a30061610201 0900", "R15"),
        ("bytes as a label", "81a30061610201 416100", "R15"),
        ("data as text", "81a2006161086461474b67", "R2"),
        ("text as bytes", "81a2006161034161", "R2"),
        ("NaN", "81a200616102f97e00", "R12"),
        ("infinity", "81a200616102fb7ff0000000000000", "R12"),
        ("a decimal fraction beyond any double", "81a200616102c4821a3b9aca0001", "R12"),
        ("a bignum", "81a200616102c249010000000000000000", "R15"),
        ("another tag", "81a200616102c001", "R15"),
        ("a decimal fraction of one", "81a200616102c48101", "R15"),
        ("null", "81a200616102f6", "R2"),
        ("a simple value", "81a200616102e0", "R15"),
        ("text in pieces", "81a2006161037f6161ff", "R15"),
        ("text that is no UTF-8", "81a2006161 0361ff", "R1"),
        ("a record cut short", "81a200616102", "R1"),
        ("a length beyond the end", "81a2006161037bffffffffffffffff", "R1"),
        ("something behind", "81a2006161020100", "R1"),
        ("a form that is none", "81a2006161021c", "R15"),
        ("flags as a float", "81a3006161020162715ff93c00", "R11"),
        ("a version that is a float", "81a320f949000061610201", "R10"),
        ("a label to be understood", "81a3006161020162785f01", "R11"),
    ],
)
def test_cbor_that_is_not_as_agreed_is_refused_with_its_rule(what: str, text: str, rule: str) -> None:
    assert broken_rule(bytes.fromhex(text)) == rule, what


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (
            "lengths longer than needed",
            "9b0000000000000001b802006161021801",
        ),
        ("a map without a length", "81bf0061610201ff"),
        ("a decimal fraction", "81a200616102c482200a"),
        ("a double that a half would hold", "81a200616102fb3ff0000000000000"),
        ("an unknown label", "81a3006161020163666f6f82a16178f6c1fb41d303a15b001062"),
        ("pieces under an unknown label", "81a30061610201 61789f7f6161ff5f4100fff820ff"),
    ],
)
def test_cbor_may_be_written_in_more_ways_than_ours(what: str, text: str) -> None:
    (record,) = resolve(parse_bare(bytes.fromhex(text)), NOW)
    assert (record.name, record.value) == ("a", 1.0), what


def test_a_decimal_fraction_is_the_nearest_double() -> None:
    def read(exponent: int, mantissa: int) -> object:
        tagged = cbor2.dumps(cbor2.CBORTag(4, [exponent, mantissa]))
        return resolve(parse_cbor(b"\x81\xa2\x00\x61a\x02" + tagged), NOW)[0].value

    assert read(-1, 273) == 27.3
    assert read(-2, -2315) == -23.15
    assert read(-400, 1) == 0.0
    assert read(-(2**63), 2**63) == 0.0


def test_nesting_without_end_and_lengths_of_fantasy_cost_nothing() -> None:
    deep = b"\x81\xa3\x00\x61a\x02\x01\x61x"
    assert broken_rule(deep + b"\x81" * 200_000) == "R1"
    assert broken_rule(deep + b"\xc1" * 200_000) == "R1"
    assert broken_rule(b"\x81\xbb" + b"\xff" * 8) == "R1"
    assert broken_rule(b"\x9b" + b"\xff" * 8) == "profile"


def test_a_pack_of_2001_records_or_over_256_kib_is_too_large() -> None:
    record: dict[str, float | str | bool | bytes] = {"n": "a", "v": 1}
    assert len(parse_cbor(pack_cbor([record] * MAX_RECORDS))) == MAX_RECORDS
    for data in (pack_cbor([record] * (MAX_RECORDS + 1)), pack_cbor([record]) + bytes(MAX_PACK)):
        with pytest.raises(WireError) as caught:
            parse_cbor(data)
        assert (caught.value.code, caught.value.rule) == ("size", "profile")


finite = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(codec="utf-8"), max_size=20)
resolved_records = st.lists(
    st.builds(
        Record,
        st.from_regex(r"[A-Za-z0-9][A-Za-z0-9\-:./_]{0,12}", fullmatch=True),
        st.none() | text,
        st.floats(2**28, 253_402_300_799.0),
        finite | text | st.booleans() | st.binary(max_size=12),
        st.none() | finite,
        st.none() | finite,
        st.integers(0, 255),
        st.just("none"),
        st.just(26),
    ),
    min_size=1,
    max_size=8,
).map(lambda records: sorted(records, key=lambda record: record.time))


@given(resolved_records)
def test_any_resolved_records_are_the_same_in_both_formats(records: list[Record]) -> None:
    written = resolved_cbor(records)
    assert resolve(parse_bare(written), NOW) == records
    assert resolve(parse_bare(resolved_json(records).encode()), NOW) == records
    assert len(written) <= len(cbor2.dumps(cbor2.loads(written)))


# whole numbers as such: a version of 10.0 is a mistake in JSON, and in CBOR there is no saying which it was
whole = finite.map(lambda number: int(number) if number == int(number) and abs(number) < 2**53 else number)
plain = st.one_of(whole, st.integers(-(2**64), 2**64 - 1), text, st.booleans())
bare_packs = st.lists(
    st.dictionaries(
        st.sampled_from([*sorted(LABELS.keys() - {"vd"}), "q_", "x", "colour"]), plain, max_size=5
    ),
    min_size=1,
    max_size=4,
)


def outcome(data: bytes) -> object:
    """The records, or the rule that is broken and where."""
    try:
        return resolve(parse_bare(data), NOW)
    except WireError as error:
        return (error.code, error.rule, error.record)


@settings(max_examples=300)
@given(bare_packs)
def test_a_pack_means_the_same_in_json_and_in_cbor_broken_or_not(pack: list[dict[str, Any]]) -> None:
    found = outcome(json.dumps(pack).encode())
    assert outcome(pack_cbor(pack)) == found
    assert outcome(as_cbor(pack)) == found


def by_the_other_library(data: bytes) -> list[dict[str, Any]]:
    """The records as cbor2 reads them, under the labels of JSON, unknown ones left out."""
    stream = io.BytesIO(data)
    decoded = cbor2.load(stream)
    assert stream.read() == b""
    return [
        {
            label: float(value) if type(value) not in (str, bytes, bool, int) else value
            for number, value in record.items()
            if (label := NAMES.get(number, number)) in LABELS or str(label).endswith("_")
        }
        for record in decoded
    ]


@settings(max_examples=500)
@given(st.data())
def test_mutated_packs_are_read_as_another_library_reads_them_or_refused(data: st.DataObject) -> None:
    seeds = [SECTION_6] + [pack_cbor(with_bytes(case["pack"])) for case in ACCEPTED["packs"]]
    mutated = bytearray(data.draw(st.sampled_from(seeds)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated)))
        mutated[at : at + data.draw(st.integers(0, 6))] = data.draw(
            st.sampled_from([b"\x9f", b"\xff", b"\xbf", b"\xc4\x82", b"\xf9", b"\xfb", b"\x1b", b"\x02"])
            | st.binary(max_size=3)
        )
    try:
        records = parse_cbor(bytes(mutated))
    except WireError as error:
        if error.code not in {"senml", "size"} or not error.rule:
            raise
        return
    known = [{k: v for k, v in record.items() if k in LABELS or k.endswith("_")} for record in records]
    assert known == by_the_other_library(bytes(mutated))


@given(finite)
def test_a_number_takes_the_fewest_bytes_that_keep_it(number: float) -> None:
    written = pack_cbor([{"v": number}])[3:]
    read = parse_cbor(pack_cbor([{"v": number}]))[0]["v"]
    assert read == number
    for form in (">e", ">f"):
        try:
            fits = struct.unpack(form, struct.pack(form, number))[0] == number
        except OverflowError:
            fits = False
        if fits:
            assert len(written) <= 1 + struct.calcsize(form)
    assert math.isfinite(read)
