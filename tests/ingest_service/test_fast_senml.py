import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest_service.fast_senml import _read_usual, read_sealed_pack
from osh_domain.readings import Channel, Reading
from osh_domain.senml import Record, read_pack, write_pack
from osh_domain.wire_error import WireError

ARRIVED = 1_767_225_700.0

channels = st.builds(
    Channel,
    st.just("kh-f0123-a"),
    st.sampled_from(["st1", "mic1", "sys"]),
    st.sampled_from(["ta", "rh", "la.eq60"]),
)
values = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**6), 10**6).map(float),
    st.floats(-100, 100).map(lambda v: round(v, 2)),
    st.text(max_size=8),
    st.booleans(),
)
readings = st.builds(
    Reading,
    channels,
    st.floats(1_767_225_600, 1_767_229_200).map(lambda t: round(t, 3)),
    values,
    st.sampled_from(["Cel", "%RH", "dB", None]),
    st.integers(0, 255),
)
packs = st.lists(readings, min_size=1, max_size=30, unique_by=lambda r: (r.channel, r.time))


def both(data: bytes) -> tuple[list[Record] | str, list[Record] | str]:
    """What the complete and the fast reader say."""
    answers: list[list[Record] | str] = []
    for read in (read_pack, read_sealed_pack):
        try:
            answers.append(read(data, ARRIVED))
        except WireError as error:
            answers.append(f"{error.code} {error.rule} {error.record} {error}")
    return answers[0], answers[1]


@given(packs, st.booleans())
@settings(max_examples=300)
def test_what_a_gateway_writes_reads_the_same_fast_and_completely(
    found: list[Reading], clockless: bool
) -> None:
    complete, fast = both(write_pack("kh-f0123-a", found, clock_unknown=clockless))
    assert fast == complete
    assert isinstance(fast, list)
    assert [type(r.value) for r in fast] == [type(r.value) for r in complete]  # type: ignore[union-attr]


@given(packs)
def test_ordinary_packs_do_take_the_fast_way(found: list[Reading]) -> None:
    plain = [reading._replace(value=31.42) for reading in found]
    assert _read_usual(write_pack("kh-f0123-a", plain)) is not None


LABELS = [
    "bn", "bt", "bu", "bv", "bs", "bver", "btq_", "n", "u", "v", "vs", "vb", "vd", "s", "t", "ut", "q_",
    "x", "x_",
]  # fmt: skip
records = st.dictionaries(
    st.sampled_from(LABELS),
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4),
        st.sampled_from([26, 10, 1_767_225_600, 2**28 - 1, 300, -1, "none", "gw-1/", "st1/ta", "aGkgCg"]),
    ),
    max_size=7,
)  # fmt: skip


@given(st.lists(records, max_size=5), st.sampled_from([(",", ":"), (", ", ": ")]))
@settings(max_examples=500)
def test_any_other_array_of_records_reads_the_same_or_fails_the_same(
    pack: list[dict[str, Any]], separators: tuple[str, str]
) -> None:
    complete, fast = both(
        json.dumps(pack, separators=separators, ensure_ascii=False).encode(errors="surrogatepass")
    )
    assert fast == complete


USUAL = write_pack(
    "kh-f0123-a", [Reading(Channel("kh-f0123-a", "st1", q), 1_767_225_600.25 + n, 31.42, "Cel", n) for n, q in
                   enumerate(["ta", "tg", "tnw"])]
)  # fmt: skip


@given(st.integers(0, len(USUAL) - 1), st.binary(max_size=3))
@example(USUAL.index(b'"v"'), b'"v":1,"v"')
@example(USUAL.index(b"31.42"), b"1e999")
@example(USUAL.index(b"31.42"), b"NaN")
@example(USUAL.index(b"31.42"), b"31.420")
@example(USUAL.index(b"31.42"), b"-0")
@example(USUAL.index(b"st1"), b"}")
@example(USUAL.index(b"26"), b"42")
@settings(max_examples=500)
def test_a_damaged_pack_reads_the_same_or_fails_the_same(at: int, put: bytes) -> None:
    complete, fast = both(USUAL[:at] + put + USUAL[at + len(put) :])
    assert fast == complete


def test_a_pack_of_too_many_records_is_refused_by_both() -> None:
    pack = b"[" + USUAL[1:-1] + b',{"n":"st1/rh","v":1}' * 1998 + b"]"
    complete, fast = both(pack)
    assert fast == complete
    assert "2001 records" in str(fast)


@pytest.mark.parametrize("label", ["bn", "n", "bu", "u"])
def test_a_name_or_unit_that_records_could_multiply_is_refused_by_both(label: str) -> None:
    first = {"bn": "kh-f0123-a/", "bt": 1767225600, "bver": 26, "n": "st1/ta", "u": "Cel", "v": 1}
    first[label] = "a" * 256
    if label == "n":
        first["bn"] = ""
    complete, fast = both(json.dumps([first], separators=(",", ":")).encode())
    assert fast == complete
    assert "255 characters [profile]" in str(fast)


ODD = [
    "-0.0", "-0", "0.0", "1e16", "1E5", "1.10", "5e-324", "1e309", "1.7976931348623157e308",
    "9007199254740993", "18446744073709551616", "-9223372036854775809", "9" * 400, "-" + "9" * 400,
    "9" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("field", ["v", "t", "bt", "q_", "bver"])
@pytest.mark.parametrize("number", ODD)
def test_odd_numbers_read_the_same_to_the_last_bit(number: str, field: str) -> None:
    said = {"bn": '"kh-f0123-a/"', "bt": "1767225700", "bver": "26", "n": '"st1/ta"', "t": "1", "v": "3"}
    said["q_"] = "1"
    pack = "[{" + ",".join(f'"{label}":{text}' for label, text in (said | {field: number}).items()) + "}"
    if field in ("v", "t"):
        pack += f',{{"n":"st1/rh","{field}":{number}' + ("" if field == "v" else ',"v":1') + "}"
    complete, fast = both(f"{pack}]".encode())
    assert repr(fast) == repr(complete)
