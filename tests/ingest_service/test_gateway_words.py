"""What gateways say about themselves is unsigned, may be anything, and is in part retained by the broker."""

import contextlib
import json
from collections.abc import Callable

import pytest

from ingest_service.auth.server_key import verify_ed25519
from ingest_service.checking import check
from ingest_service.gateway_words import read_birth, read_state
from ingest_service.ledger.port import Rejected
from ingest_service.time_exchange import answer
from osh_domain.acknowledgement import hear
from osh_domain.topics import TopicName
from osh_domain.wire_error import WireError
from tests.ingest_service.gateways import NOW, SIGNED, SIGNER, SITE, arrival, snapshot

NAME = TopicName(SITE.id, SIGNED.id, "birth")
HALF = b'"\\ud800"'


def ask_time(payload: bytes) -> object:
    return hear(answer(payload, NOW, NOW, SIGNER), SIGNER.public_key, verify_ed25519)


def birth(payload: bytes) -> object:
    return read_birth(payload, NAME, NOW)


def state(payload: bytes) -> object:
    return read_state(payload, NAME, NOW)


@pytest.mark.parametrize(
    ("read", "word"),
    [
        (birth, b'{"gw":' + HALF + b"}"),
        (birth, b'{"gw":"kh-f0123-a","ep":' + HALF + b"}"),
        (birth, b'{"gw":"kh-f0123-a","cfg":{"model":' + HALF + b"}}"),
        (birth, b'{"gw":"kh-f0123-a","cfg":{' + HALF + b":1}}"),
        (state, b'{"state":"online","boot":' + HALF + b"}"),
        (state, b'{"state":["online"]}'),
        (ask_time, b'{"id":' + HALF + b',"m0":1}'),
        (ask_time, b'{"id":"a","m0":1e999}'),
    ],
)
def test_a_word_that_cannot_be_kept_or_answered_is_a_wire_error(
    read: Callable[[bytes], object], word: bytes
) -> None:
    with pytest.raises(WireError) as caught:
        read(word)
    assert json.dumps(str(caught.value)).isascii()
    str(caught.value).encode()


@pytest.mark.parametrize("depth", [100, 500, 900, 980, 1000, 100_000])
@pytest.mark.parametrize("read", [birth, state, ask_time])
def test_no_depth_of_nesting_is_more_than_a_wire_error(read: Callable[[bytes], object], depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    with contextlib.suppress(WireError):
        read(b'{"gw":"kh-f0123-a","state":"online","id":"a","m0":1,"cfg":{"x":' + deep + b"}}")


@pytest.mark.parametrize(
    "payload",
    [b'{"v":' + HALF + b"}\n[]\n", b'[{"n":"a","vs":' + HALF + b"}]", b'{"v":1,' + HALF + b":1}\n\n"],
)
def test_a_payload_with_half_a_character_is_rejected_in_words_that_can_be_stored(payload: bytes) -> None:
    rejected = check(arrival(payload), snapshot(), NOW)
    assert isinstance(rejected, Rejected)
    rejected.detail.encode()


def test_a_birth_that_is_kept_names_its_configuration_by_the_hash_it_is_kept_under() -> None:
    note = read_birth(b'{"gw":"kh-f0123-a","cfg":{"sensors":[{"id":"st1","serial":"x"}]}}', NAME, NOW)
    assert note.configuration is not None
    assert json.loads(note.birth)["cfg"] == note.configuration[0]
    assert "serial" not in note.birth
