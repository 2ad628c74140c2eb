import dataclasses
import hashlib
import json
import zlib
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from osh_domain.batch import (
    MAX_FRAME,
    NO_KEY,
    Frame,
    Header,
    check_contents,
    compress,
    first_byte_kind,
    genesis,
    open_frame,
    payload_hash,
    seal,
)
from osh_domain.senml import read_pack
from osh_domain.signing import key_id
from osh_domain.wire_error import WireError

VECTOR = (Path(__file__).parents[1] / "reference" / "sealed_batch.frame").read_bytes()
BATCH_HASH = "ZW6HiJN9hxs5JuMM9-qi4QUqVSvZ2hUd_RsK3ZRRz3g"
HEADER = Header(
    v=1,
    gw="kh-f0123-a",
    ep="00112233445566aa",
    seq=1,
    prev="zyLfKQ-1oNrBFWmlayDGi8TOeGAPEKrjbptgraG2rzQ",
    kid="56475aa75463474c",
    cfg="5f1d7a84db00d2fc0c9b1e6634a7f2d1",
    boot="b7f0c2d1a9e84f0c",
    off=1767225600.25,
    mono=(59.75, 60.75),
    clk="ntp",
    err=0.012,
    n=3,
)
PACK = VECTOR.split(b"\n")[1]


class Key:
    """The private key of the test vector, bytes 00..1f."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

    @property
    def public_key(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self._private.sign(data)


KEY = Key()


def verify(public_key: bytes, signature: bytes, data: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def good(payload: bytes) -> bool:
    """Whether a receiver would believe this payload to be a batch of the test key."""
    try:
        frame = open_frame(payload)
    except WireError:
        return False
    return frame.signature is not None and verify(KEY.public_key, frame.signature, frame.signed_bytes)


def refused(payload: bytes) -> WireError:
    with pytest.raises(WireError) as caught:
        open_frame(payload)
    return caught.value


def test_the_test_vector_is_made_byte_for_byte() -> None:
    assert KEY.public_key == bytes.fromhex("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8")
    assert key_id(KEY.public_key) == HEADER.kid
    assert genesis(HEADER.gw, HEADER.ep) == HEADER.prev
    assert seal(HEADER, PACK, KEY) == VECTOR
    assert len(VECTOR) == 532


def test_the_test_vector_opens_and_verifies() -> None:
    frame = open_frame(VECTOR)
    assert frame.header == HEADER
    assert (frame.pack, frame.batch_hash) == (PACK, BATCH_HASH)
    assert frame.signed_bytes == frame.header_bytes + b"\n" + PACK
    assert good(VECTOR)
    check_contents(frame.header, read_pack(frame.pack, 0.0))


def test_a_deflated_frame_is_the_same_batch() -> None:
    assert open_frame(compress(VECTOR)) == open_frame(VECTOR)
    assert len(compress(VECTOR)) < len(VECTOR)


def test_one_flipped_bit_anywhere_is_refused() -> None:
    for at in range(len(VECTOR) * 8):
        flipped = bytearray(VECTOR)
        flipped[at // 8] ^= 1 << (at % 8)
        assert not good(bytes(flipped)), f"bit {at % 8} of byte {at // 8}"


def test_one_flipped_bit_of_a_deflated_frame_never_shows_another_batch() -> None:
    deflated = compress(VECTOR)
    for at in range(len(deflated) * 8):
        flipped = bytearray(deflated)
        flipped[at // 8] ^= 1 << (at % 8)
        assert not good(bytes(flipped)) or open_frame(bytes(flipped)) == open_frame(VECTOR)


def test_an_unsigned_frame_has_no_signature_and_the_same_hash() -> None:
    frame = open_frame(seal(HEADER, PACK, None))
    assert frame.signature is None
    assert frame.batch_hash == BATCH_HASH
    assert open_frame(seal(dataclasses.replace(HEADER, kid=NO_KEY), PACK, None)).header.kid == NO_KEY


def test_anchors_and_a_missing_error_travel_in_the_header() -> None:
    header = dataclasses.replace(HEADER, clk="none", err=None, anc=((1.5, 1767225600.0, 0.2, "srv"),))
    assert open_frame(seal(header, PACK, KEY)).header == header


def test_unknown_header_keys_are_ignored_unless_they_must_be_understood() -> None:
    head = json.loads(VECTOR.split(b"\n")[0])
    more = json.dumps(head | {"colour": {"deep": 1}}, separators=(",", ":")).encode()
    assert open_frame(more + b"\n" + PACK + b"\n").header == HEADER
    must = json.dumps(head | {"zip_": 1}, separators=(",", ":")).encode()
    assert refused(must + b"\n" + PACK + b"\n").code == "version"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gw", "KH"),
        ("gw", None),
        ("ep", "00112233445566AA"),
        ("seq", 0),
        ("seq", 1.0),
        ("seq", True),
        ("seq", 2**60),
        ("prev", "short"),
        ("kid", ""),
        ("cfg", "0"),
        ("boot", 7),
        ("off", "now"),
        ("off", 1e300),
        ("mono", [1]),
        ("mono", [1, None]),
        ("clk", "sundial"),
        ("clk", ["ntp"]),
        ("err", -1),
        ("n", -1),
        ("anc", [[1, 2, 3]]),
        ("anc", [[1, 2, 3, 4]]),
        ("anc", [[1, 2, -0.1, "srv"]]),
    ],
)
def test_a_header_of_another_form_is_refused_and_named(key: str, value: object) -> None:
    head = json.loads(VECTOR.split(b"\n")[0]) | {key: value}
    error = refused(json.dumps(head).encode() + b"\n" + PACK + b"\n")
    assert error.code == "frame"
    assert key in error.message


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "frame"),
        (b"hello", "frame"),
        (b"{}", "frame"),
        (b"{}\n[]\n", "version"),
        (b"{\n[]\n", "frame"),
        (b'{"v":2}\n[]\n', "version"),
        (b'{"v":true}\n[]\n', "version"),
        (b'{"v":NaN}\n[]\n', "frame"),
        (VECTOR + b"\n", "frame"),
        (VECTOR[:-1], "frame"),
        (VECTOR[:-87], "frame"),
        (VECTOR[:-1] + b"=", "frame"),
        (compress(VECTOR)[:-1], "frame"),
        (compress(VECTOR) + b"x", "frame"),
        (b"x not deflated", "frame"),
        (PACK, "frame"),
        (b"{" * (MAX_FRAME + 1), "size"),
        (zlib.compress(b"{" * (MAX_FRAME + 1)), "size"),
        (b"{" * 300_000 + b"\n[]\n", "frame"),
        (VECTOR.split(b"\n")[0] + b"\n[" + b" " * 262_144 + b"]\n", "size"),
    ],
)
def test_a_torn_or_foreign_payload_is_refused(payload: bytes, code: str) -> None:
    assert refused(payload).code == code


def test_a_deflation_bomb_is_stopped_at_one_mebibyte() -> None:
    bomb = zlib.compress(b"\0" * 200_000_000, 9)
    assert len(bomb) < MAX_FRAME
    assert refused(bomb).code == "size"


def test_the_first_byte_tells_the_kind() -> None:
    assert first_byte_kind(VECTOR) == "frame"
    assert first_byte_kind(compress(VECTOR)) == "frame"
    assert first_byte_kind(PACK) == "senml"
    assert [first_byte_kind(first) for first in (b"\x81", b"\x9b")] == ["cbor", "cbor"]
    for other in (b"", b"\x80", b"\x9c", b"\n", b"<"):
        with pytest.raises(WireError) as caught:
            first_byte_kind(other)
        assert caught.value.code == "frame"


def test_a_payload_is_named_by_its_sha_256_in_base64url() -> None:
    assert payload_hash(VECTOR.rpartition(b"\n")[0]) == BATCH_HASH
    assert len(payload_hash(b"")) == 43
    assert hashlib.sha256(b"").hexdigest().startswith("e3b0c442")
    assert payload_hash(b"").startswith("47DEQpj8")


def test_contents_that_do_not_fit_the_header_are_refused() -> None:
    records = read_pack(PACK, 0.0)
    for header, records_of in (
        (dataclasses.replace(HEADER, n=4), records),
        (dataclasses.replace(HEADER, gw="kh-f0123"), records),
        (dataclasses.replace(HEADER, clk="none"), records),
    ):
        with pytest.raises(WireError) as caught:
            check_contents(header, records_of)
        assert (caught.value.code, caught.value.rule) == ("senml", "profile")


def test_a_header_no_receiver_would_take_is_not_sealed() -> None:
    with pytest.raises(WireError):
        seal(dataclasses.replace(HEADER, gw="Not A Gateway"), PACK, KEY)
    with pytest.raises(WireError):
        seal(HEADER, b"[\n]", KEY)


def test_frames_are_not_shown_whole() -> None:
    assert "signed_bytes" not in repr(open_frame(VECTOR))


hexes = "0123456789abcdef"
seconds = st.floats(-1e12, 1e12)
headers = st.builds(
    Header,
    v=st.just(1),
    gw=st.from_regex(r"[a-z0-9][a-z0-9-]{2,31}", fullmatch=True),
    ep=st.text(hexes, min_size=16, max_size=16),
    seq=st.integers(1, 2**53 - 1),
    prev=st.binary(min_size=32, max_size=32).map(payload_hash),
    kid=st.text(hexes, min_size=16, max_size=16),
    cfg=st.text(hexes, min_size=32, max_size=32),
    boot=st.text(hexes, min_size=16, max_size=16),
    off=seconds,
    mono=st.tuples(seconds, seconds),
    clk=st.sampled_from(["ntp", "srv", "rtc", "hold", "none"]),
    err=st.none() | st.floats(0, 1e12),
    anc=st.lists(st.tuples(seconds, seconds, seconds.map(abs), st.text("abc", max_size=5)), max_size=3).map(
        tuple
    ),
    n=st.integers(0, 2000),
)


@given(headers, st.booleans())
def test_any_header_survives_sealing_and_opening(header: Header, deflated: bool) -> None:
    sealed = seal(header, b"[]", KEY)
    frame = open_frame(compress(sealed) if deflated else sealed)
    assert frame.header == header
    assert isinstance(frame, Frame)


@given(st.binary(max_size=40), st.integers(0, len(VECTOR)), st.integers(0, 30))
def test_mutated_frames_raise_nothing_but_the_wire_error(junk: bytes, at: int, cut: int) -> None:
    mutated = VECTOR[:at] + junk + VECTOR[at + cut :]
    assert not good(mutated) or mutated == VECTOR


def test_the_document_prints_the_test_vector_as_it_is() -> None:
    text = (Path(__file__).parents[2] / "docs" / "wire-protocol.md").read_text("utf-8")
    printed = "\n".join(line[4:] for line in text.splitlines() if line[4:] in VECTOR.decode().split("\n"))
    assert printed.encode() == VECTOR
    assert BATCH_HASH in text
