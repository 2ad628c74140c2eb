import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_service.checking import Arrival, check
from ingest_service.ledger.port import Accepted, Rejected
from ingest_service.register.entries import ForeignName, GatewayKey
from osh_domain.senml import write_pack
from osh_domain.senml_cbor_writing import pack_cbor
from tests.ingest_service.gateways import (
    FOREIGN,
    KEY,
    NOW,
    SIGNED,
    STRANGER,
    Device,
    arrival,
    reading,
    snapshot,
    zipped,
)


def accepted(thing: Arrival, *, now: float = NOW, names: tuple[ForeignName, ...] = ()) -> Accepted:
    answer = check(thing, snapshot(names=names), now)
    assert isinstance(answer, Accepted), answer
    return answer


def rejected(thing: Arrival, *, now: float = NOW, keys: tuple[GatewayKey, ...] = (KEY,)) -> Rejected:
    answer = check(thing, snapshot(keys=keys), now)
    assert isinstance(answer, Rejected), answer
    return answer


def test_a_signed_batch_is_accepted_plain_and_deflated_alike() -> None:
    frame = Device().batch(reading(), reading("rh", 61.0, unit="%RH"))
    plain, deflated = accepted(arrival(frame)), accepted(arrival(zipped(frame)))
    assert (plain.seq, plain.signed, plain.readings, plain.remarks) == (1, True, 2, ())
    assert plain.batch_hash == deflated.batch_hash
    assert deflated.payload == zipped(frame)


def bad_payloads() -> dict[str, tuple[str, Arrival]]:
    frame = Device().batch()
    bomb = zlib.compress(b"{" + b" " * 40_000_000)
    flipped = bytearray(frame)
    flipped[frame.index(b"31.42")] ^= 1
    signature = base64.urlsafe_b64encode(bytes(64)).rstrip(b"=")
    signed_and_bad = {
        "not JSON": b"[{",
        "NaN": b'[{"bn":"kh-f0123-a/","bt":1767225700,"bver":26,"n":"st1/ta","u":"Cel","v":NaN}]',
        "duplicate key": b'[{"bn":"kh-f0123-a/","bt":1767225700,"n":"st1/ta","u":"Cel","v":1,"v":2}]',
        "a boolean as number": b'[{"bn":"kh-f0123-a/","bt":1767225700,"n":"st1/ta","u":"Cel","v":true}]',
        "deep nesting": b'[{"n":' + b"[" * 100_000 + b"]" * 100_000 + b"}]",
        "an unknown label that must be understood": b'[{"n":"kh-f0123-a/st1/ta","v":1,"x_":1}]',
        "another gateway's name": b'[{"bn":"kh-f0123-b/","bt":1767225700,"n":"st1/ta","u":"Cel","v":1}]',
        "fewer records than announced": b'[{"n":"kh-f0123-a/st1/ta","v":1},{"n":"kh-f0123-a/st1/p","v":2}]',
    }
    codes = {"not JSON": "json", "NaN": "json", "duplicate key": "json", "deep nesting": "json"}
    found = {
        name: (codes.get(name, "senml"), arrival(Device().batch(pack=pack)))
        for name, pack in signed_and_bad.items()
    }
    return found | {
        "nothing": ("frame", arrival(b"")),
        "noise": ("frame", arrival(b"\xff\xfe\x00")),
        "a stream of CBOR": ("frame", arrival(b"\x9f\xa2")),
        "a bare pack in CBOR of a signed gateway": ("sig", arrival(b"\x81\xa2\x00\x61a\x02\x01")),
        "a torn frame": ("frame", arrival(frame[: len(frame) // 2])),
        "a torn deflated frame": ("frame", arrival(zipped(frame)[:-9])),
        "oversize": ("size", arrival(b"{" + b" " * 1_048_576)),
        "a zip bomb": ("size", arrival(bomb)),
        "another version": ("version", arrival(frame.replace(b'{"v":1', b'{"v":2'))),
        "a header key to be understood": ("version", arrival(frame.replace(b'{"v":1', b'{"v":1,"x_":0'))),
        "a header that is no JSON": ("frame", arrival(frame[1:].replace(b'"v":1', b"{v:1", 1))),
        "another gateway's topic": ("topic", arrival(frame, gateway="kh-f0123-b")),
        "another site's topic": ("topic", Arrival(frame, NOW, topic="osh/v1/kh-f0999/kh-f0123-a/data/live")),
        "a topic outside the protocol": ("topic", Arrival(frame, NOW, topic="osh/v1/KH!/x/data/live")),
        "a topic that carries no data": ("topic", arrival(frame, leaf="birth")),
        "an unknown device": (
            "key", arrival(Device(gateway="kh-f0123-z").batch(pack=b"[]", n=0), gateway="kh-f0123-z")
        ),
        "an unknown key": ("key", arrival(Device(signer=STRANGER).batch())),
        "one flipped bit": ("sig", arrival(bytes(flipped))),
        "a signature of zeros": ("sig", arrival(frame[: frame.rindex(b"\n") + 1] + signature)),
        "no signature": ("sig", arrival(frame[: frame.rindex(b"\n") + 1])),
        "a bare pack of a signed gateway": ("sig", arrival(b'[{"n":"kh-f0123-a/st1/ta","u":"Cel","v":1}]')),
        "a content type that does not fit": (
            "frame", Arrival(frame, NOW, topic=arrival(frame).topic, content_type="application/senml+json")
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", bad_payloads())
def test_bad_input_gets_its_code_and_keeps_its_bytes(name: str) -> None:
    code, thing = bad_payloads()[name]
    answer = rejected(thing)
    assert (answer.code, answer.payload) == (code, thing.payload), answer.detail
    assert answer.detail


def test_a_number_is_trusted_only_after_the_signature_was_good() -> None:
    bad_pack = rejected(arrival(Device().batch(pack=b"[{")))
    assert (bad_pack.code, bad_pack.trusted, bad_pack.seq) == ("json", True, 1)
    unsigned = rejected(arrival(Device(signer=STRANGER).batch()))
    assert (unsigned.code, unsigned.trusted, unsigned.seq) == ("key", False, 1)


def test_a_revoked_key_is_refused_from_its_revocation_on_but_for_what_was_sealed_before() -> None:
    device = Device()
    first, second = device.batch(), device.batch()
    revoked = GatewayKey(KEY.kid, SIGNED.id, KEY.public_key, 0.0, NOW, 1)
    assert isinstance(check(arrival(second), snapshot(keys=[revoked]), NOW - 1), Accepted)
    assert isinstance(check(arrival(first), snapshot(keys=[revoked]), NOW + 1), Accepted)
    assert rejected(arrival(second), keys=(revoked,), now=NOW).code == "key"


def test_a_key_of_another_gateway_does_not_speak_for_this_one() -> None:
    stolen = GatewayKey(KEY.kid, FOREIGN.id, KEY.public_key, 0.0, None, None)
    assert rejected(arrival(Device().batch()), keys=(stolen,)).code == "key"


def test_a_frame_without_a_topic_speaks_for_itself() -> None:
    answer = accepted(Arrival(Device().batch(), NOW, source="http"))
    assert (answer.site, answer.gateway, answer.topic) == (SIGNED.site, SIGNED.id, None)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (reading("ta", 304.0, unit="K"), "kh-f0123-a/st1/ta is measured in Cel, not in K"),
        (reading("tq", 1.0), "unknown quantity 'tq'; did you mean"),
        (reading("ta", "warm", unit=None), "is a number in Cel, not a word"),
        (reading("status", 3.0, unit=None), "is told in words, not as a number"),
    ],
)
def test_a_wrong_unit_or_quantity_is_a_remark_and_the_batch_is_kept(wrong: object, told: str) -> None:
    answer = accepted(arrival(Device().batch(reading("rh", 61.0, unit="%RH"), wrong)))  # type: ignore[arg-type]
    (remark,) = answer.remarks
    assert remark.code == "senml"
    assert told in remark.detail


def test_times_in_the_future_or_without_a_clock_are_a_remark() -> None:
    future = accepted(arrival(Device().batch(reading(at=NOW + 301.0))))
    assert [r.code for r in future.remarks] == ["time"]
    assert "5 minutes ahead" in future.remarks[0].detail
    clockless = accepted(arrival(Device(clk="none", err=None).batch()))
    assert "without a trustworthy clock" in clockless.remarks[0].detail
    assert accepted(arrival(Device().batch(reading(at=NOW + 299.0)))).remarks == ()


def foreign(pack: bytes, *, at: float = NOW) -> Arrival:
    return arrival(pack, gateway=FOREIGN.id, at=at)


def test_a_bare_pack_of_a_foreign_device_is_accepted_under_its_own_names() -> None:
    names = (ForeignName(FOREIGN.id, "urn:dev:ow:10e2073a01080063", "hall", "ta"),)
    pack = (
        b'[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1},'
        b'{"n":"kh-f0123-x/hall/p","u":"hPa","v":1006.2},{"n":"unheard","u":"Cel","v":1},'
        b'{"n":"kh-f0123-x/hall/co2","u":"Cel","v":1}]'
    )
    answer = accepted(foreign(pack), names=names)
    assert (answer.kind, answer.signed, answer.seq, answer.readings) == ("senml", False, None, 2)
    assert sorted(r.subject for r in answer.remarks) == ["kh-f0123-x/hall/co2 unit Cel", "unheard unmapped"]


def test_a_bare_pack_with_absolute_times_is_recognised_and_one_with_relative_times_is_new_each_time() -> None:
    absolute = b'[{"n":"kh-f0123-x/hall/ta","u":"Cel","t":1767225700,"v":23.1}]'
    relative = b'[{"n":"kh-f0123-x/hall/ta","u":"Cel","v":23.1}]'
    assert accepted(foreign(absolute)).batch_hash == accepted(foreign(absolute, at=NOW + 1)).batch_hash
    assert accepted(foreign(relative)).batch_hash != accepted(foreign(relative, at=NOW + 1)).batch_hash


def test_a_bare_pack_in_cbor_is_taken_like_one_in_json_and_kept_as_it_came() -> None:
    pack = pack_cbor([{"n": "kh-f0123-x/hall/ta", "u": "Cel", "t": 1767225700, "v": 23.5}])
    thing = Arrival(pack, NOW, topic=foreign(pack).topic, content_type="application/senml+cbor")
    answer = accepted(thing)
    assert (answer.kind, answer.readings, answer.payload, answer.remarks) == ("senml", 1, pack, ())
    wrong = Arrival(pack, NOW, topic=thing.topic, content_type="application/senml+json")
    assert rejected(wrong).code == "frame"
    assert rejected(foreign(pack[:-1])).code == "senml"


def test_a_sealed_batch_holds_json_alone() -> None:
    pack = pack_cbor([{"n": "kh-f0123-a/st1/ta", "u": "Cel", "t": 1767225700, "v": 23.5}])
    assert b"\n" not in pack
    assert rejected(arrival(Device().batch(pack=pack, n=1))).code == "json"


def test_a_retained_pack_with_relative_times_is_refused() -> None:
    thing = foreign(b'[{"n":"kh-f0123-x/hall/ta","u":"Cel","v":23.1}]')
    retained = Arrival(thing.payload, NOW, topic=thing.topic, retained=True)
    assert rejected(retained).code == "senml"


def test_an_unsigned_frame_of_a_foreign_device_is_accepted_as_unsigned() -> None:
    device = Device(signer=None, gateway=FOREIGN.id)
    pack = b'[{"bn":"kh-f0123-x/","bt":1767225700,"bver":26,"n":"hall/ta","u":"Cel","v":23.1}]'
    answer = accepted(arrival(device.batch(pack=pack, n=1), gateway=FOREIGN.id))
    assert (answer.kind, answer.signed) == ("sealed", False)


def test_a_bare_pack_without_a_device_has_nobody_to_answer_for_it() -> None:
    answer = rejected(Arrival(b'[{"n":"x","v":1}]', NOW, source="http"))
    assert (answer.code, answer.gateway, answer.known) == ("key", "", False)


FRAME = Device().batch(reading(), reading("rh", 61.0, unit="%RH"), reading("la.eq60", 84.2, unit="dB"))


@given(st.integers(0, len(FRAME) * 8 - 1))
def test_one_flipped_bit_anywhere_in_what_is_signed_is_refused(bit: int) -> None:
    broken = bytearray(FRAME)
    broken[bit // 8] ^= 1 << bit % 8
    answer = check(arrival(bytes(broken)), snapshot(), NOW)
    assert isinstance(answer, Rejected)


@given(st.binary(max_size=300), st.sampled_from([b"", b"{", b"x", b"[", b'[{"n":"a","v":', b"\x81"]))
def test_no_bytes_at_all_make_the_check_fail_in_another_way(rest: bytes, start: bytes) -> None:
    for gateway in (SIGNED.id, FOREIGN.id):
        assert isinstance(check(arrival(start + rest, gateway=gateway), snapshot(), NOW), Accepted | Rejected)


def test_the_pack_as_written_by_the_profile_reads_back() -> None:
    frame = Device().batch(reading(flags=8), pack=write_pack(SIGNED.id, [reading(flags=8)]))
    assert accepted(arrival(frame)).readings == 1
