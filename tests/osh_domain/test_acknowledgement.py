import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osh_domain.acknowledgement import Ack, Received, Rejection, hear, speak
from osh_domain.wire_error import CODES, WireError

ACK = Ack(
    v=1,
    gw="kh-f0123-a",
    ep="00112233445566aa",
    cum=7,
    sel=((9, 12), (15, 15)),
    rej=(
        Rejection("ZW6HiJN9hxs5JuMM9-qi4QUqVSvZ2hUd_RsK3ZRRz3g", 6, "sig"),
        Rejection("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", None, "frame"),
    ),
    head="ZW6HiJN9hxs5JuMM9-qi4QUqVSvZ2hUd_RsK3ZRRz3g",
    win=16,
    rate=5.0,
    t=1767225661.5,
)


class Seal:
    """Signs by repeating: enough to see what is signed and what is checked."""

    public_key = b"k" * 32

    def sign(self, data: bytes) -> bytes:
        return (data * 64)[:64]


def check(public_key: bytes, signature: bytes, data: bytes) -> bool:
    return public_key == Seal.public_key and signature == (data * 64)[:64]


def test_an_acknowledgement_survives_the_wire() -> None:
    word = speak(ACK.to_dict(), Seal())
    assert Ack.from_dict(hear(word, Seal.public_key, check)) == ACK
    line, _, signature = word.partition(b"\n")
    assert json.loads(line) == ACK.to_dict()
    assert len(signature) == 86


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("v", 2),
        ("v", None),
        ("gw", 1),
        ("cum", -1),
        ("cum", 1.5),
        ("cum", True),
        ("cum", None),
        ("sel", None),
        ("sel", [[1]]),
        ("sel", [[5, 4]]),
        ("sel", [[0, 4]]),
        ("sel", [7]),
        ("rej", {}),
        ("rej", [{"seq": 1, "code": "sig"}]),
        ("rej", [{"h": "x", "seq": 1, "code": ["sig"]}]),
        ("rej", [{"h": "x", "seq": 1, "code": "Mood swings"}]),
        ("rej", [{"h": "x", "seq": "1", "code": "sig"}]),
        ("head", 5),
        ("win", None),
        ("rate", "fast"),
        ("t", None),
    ],
)
def test_an_acknowledgement_of_another_form_is_refused(key: str, value: object) -> None:
    with pytest.raises(WireError) as caught:
        Ack.from_dict(ACK.to_dict() | {key: value})
    assert caught.value.code == ("version" if key == "v" else "json")


def test_an_acknowledgement_may_lack_ranges_and_rejections() -> None:
    said = {key: value for key, value in ACK.to_dict().items() if key not in {"sel", "rej", "head"}}
    ack = Ack.from_dict(said | {"colour": "ignored"})
    assert (ack.sel, ack.rej, ack.head) == ((), (), None)


def test_a_word_not_signed_by_the_servers_key_is_not_heard() -> None:
    word = speak({"id": "1"}, Seal())
    line, _, signature = word.partition(b"\n")
    for payload, key in (
        (word, b"x" * 32),
        (line + b" \n" + signature, Seal.public_key),
        (line, Seal.public_key),
        (line + b"\n", Seal.public_key),
        (word + b"\n", Seal.public_key),
        (b"", Seal.public_key),
    ):
        with pytest.raises(WireError) as caught:
            hear(payload, key, check)
        assert caught.value.code == "sig"


@pytest.mark.parametrize(
    "line", [b"[]", b"1", b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":[1e999]}', b"\xff"]
)
def test_a_signed_word_that_is_no_json_object_is_refused(line: bytes) -> None:
    sealed = speak({}, Seal()).partition(b"\n")[2]
    with pytest.raises(WireError) as caught:
        hear(line + b"\n" + sealed, Seal.public_key, lambda *_: True)
    assert caught.value.code == "json"


def test_every_code_of_a_refusal_can_be_said() -> None:
    for code in CODES:
        said = ACK.to_dict() | {"rej": [{"h": "x", "seq": None, "code": code}]}
        assert Ack.from_dict(said).rej == (Rejection("x", None, code),)


def model_cum(numbers: set[int]) -> int:
    cum = 0
    while cum + 1 in numbers:
        cum += 1
    return cum


def model_ranges(numbers: set[int]) -> list[tuple[int, int]]:
    beyond = sorted(number for number in numbers if number > model_cum(numbers))
    ranges: list[tuple[int, int]] = []
    for number in beyond:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


@given(st.lists(st.integers(1, 60)))
def test_received_says_the_same_as_a_plain_set(arrivals: list[int]) -> None:
    received, numbers = Received(), set[int]()
    for seq in arrivals:
        assert received.add(seq) == (seq not in numbers)
        numbers.add(seq)
        assert received.cum == model_cum(numbers)
        assert received.sel(100) == model_ranges(numbers)
    assert all((seq in received) == (seq in numbers) for seq in range(-1, 62))


@given(st.lists(st.integers(1, 60)))
def test_received_can_be_taken_up_from_what_it_said(arrivals: list[int]) -> None:
    received = Received()
    for seq in arrivals:
        received.add(seq)
    again = Received(received.cum, reversed(received.sel(100)))
    assert (again.cum, again.sel(100)) == (received.cum, received.sel(100))


def test_received_joins_ranges_that_touch_and_says_at_most_64() -> None:
    received = Received(3, [(5, 6), (6, 9), (10, 11), (4, 4)])
    assert (received.cum, received.sel()) == (11, [])
    for seq in range(13, 400, 2):
        received.add(seq)
    assert len(received.sel()) == 64
    assert received.sel()[0] == (13, 13)


def test_received_is_not_the_largest_number_seen() -> None:
    received = Received()
    received.add(1)
    received.add(1000)
    assert received.cum == 1
    assert received.sel() == [(1000, 1000)]


def test_received_takes_no_number_below_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        Received().add(0)


def test_an_entry_of_rej_with_a_code_of_a_later_server_is_read_with_the_rest() -> None:
    said = ACK.to_dict() | {"rej": [{"h": "x" * 43, "seq": 6, "code": "mood"}]}
    ack = Ack.from_dict(said)
    assert ack.rej == (Rejection("x" * 43, 6, "mood"),)
    assert (ack.cum, ack.sel) == (ACK.cum, ACK.sel)
