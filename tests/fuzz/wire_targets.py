"""What comes over the wire: packs, frames, words of gateways and of the server, a thermometer's answer."""

from __future__ import annotations

from contextlib import suppress

from edge_agent.driver import DriverError
from edge_agent.drivers import ds18b20 as thermometer
from edge_agent.server_time import TimeExchange
from ingest_service.calibration import read_due
from ingest_service.checking import Arrival, check
from ingest_service.fast_senml import read_sealed_pack
from ingest_service.gateway_words import read_birth, read_state
from ingest_service.ledger.port import Accepted
from ingest_service.pack_reading import read_foreign, readings_of
from ingest_service.reported_serials import read_serials
from ingest_service.time_exchange import answer
from osh_domain.acknowledgement import Ack, hear
from osh_domain.batch import check_contents, open_frame
from osh_domain.evidence.day_roots import line_hash, read_day_root
from osh_domain.senml import Record, parse_bare, parse_cbor, read_pack, resolve, resolved_json
from osh_domain.senml_cbor_writing import resolved_cbor
from osh_domain.topics import TopicName, parse_topic
from osh_domain.wire_error import WireError
from tests.ingest_service.gateways import FOREIGN, NOW, SIGNED, SIGNER, SITE, arrival, snapshot

SIGNATURE = b"A" * 86
REGISTER = snapshot()


def _written_and_read(records: list[Record]) -> None:
    """What was read can be written in both formats and means the same again."""
    if not records:
        return
    # A pack says once whether its clock was unknown; each record of the resolved form says it for itself.
    records = [record._replace(clock=records[0].clock) for record in records]
    assert resolve(parse_cbor(resolved_cbor(records)), NOW) == records
    assert read_pack(resolved_json(records).encode(), NOW) == records


def senml_json(data: bytes) -> None:
    with suppress(WireError):
        _written_and_read(_absolute(read_pack(data, NOW)))


def senml_cbor(data: bytes) -> None:
    with suppress(WireError):
        _written_and_read(_absolute(resolve(parse_cbor(data), NOW)))


def _absolute(records: list[Record]) -> list[Record]:
    """Those whose time would not be taken for a relative one when it is read again, and that fit a pack."""
    text = sum(len(record.name) + len(record.unit or "") + 99 for record in records)
    return [record for record in records if record.time >= 2**28] if text < 200_000 else []


def fast_senml(data: bytes) -> None:
    """The quick reader says what the complete one says, in every detail of the refusal too."""
    for relative_to in (0.0, NOW):
        assert _said(read_sealed_pack, data, relative_to) == _said(read_pack, data, relative_to)


def _said(read: object, data: bytes, relative_to: float) -> object:
    try:
        return repr(read(data, relative_to))  # type: ignore[operator]
    except WireError as error:
        return (error.code, error.rule, error.record, error.message)


def sealed_batch(data: bytes) -> None:
    with suppress(WireError):
        frame = open_frame(data)
        check_contents(frame.header, read_pack(frame.pack, NOW))


def check_payload(data: bytes) -> None:
    """The intake's whole check, then what the projector makes of what passed."""
    for gateway in (SIGNED.id, FOREIGN.id):
        for thing in (arrival(data, gateway=gateway), Arrival(data, NOW, "http", gateway=gateway)):
            answered = check(thing, REGISTER, NOW)
            if isinstance(answered, Accepted) and answered.kind == "senml":
                read_foreign(gateway, resolve(parse_bare(data), NOW), {}, NOW)
            elif isinstance(answered, Accepted):
                readings_of(read_sealed_pack(open_frame(data).pack, NOW))


def server_words(data: bytes) -> None:
    """Acknowledgement, answer to a time request, command: verified, so only their shape is open."""
    with suppress(WireError):
        said = hear(data + b"\n" + SIGNATURE, b"", lambda *_: True)
        exchange = TimeExchange(0.0)
        question = exchange.ask(1.0)
        if question is not None:
            exchange.answer({**said, "id": question.id}, 2.0)
            exchange.anchor()
        assert Ack.from_dict(Ack.from_dict(said).to_dict()) == Ack.from_dict(said)


def gateway_words(data: bytes) -> None:
    """Topic, state, time request, birth and the configuration document in it."""
    name = TopicName(SITE.id, SIGNED.id, "state")
    with suppress(WireError):
        parse_topic(data.decode("utf-8", "replace"))
    with suppress(WireError):
        read_state(data, name, NOW)
    with suppress(WireError):
        answer(data, NOW, NOW, SIGNER)
    with suppress(WireError):
        note = read_birth(data, name, NOW)
        note.birth.encode("utf-8")
        if note.configuration is not None:
            note.configuration[1].encode("utf-8")
            read_due(note.configuration[1])
            read_serials(note.configuration[1])


def day_line(data: bytes) -> None:
    word = data + b"\n" + SIGNATURE
    with suppress(WireError):
        line_hash(word)
        read_day_root(word, b"", lambda *_: True)


def ds18b20(data: bytes) -> None:
    with suppress(DriverError):
        thermometer.decode(data.decode("utf-8", "replace"), "ta")
