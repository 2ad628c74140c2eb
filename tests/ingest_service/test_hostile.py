"""What must fail, through the real intake: it is kept with its code, the feed goes on, memory is bounded."""

from __future__ import annotations

import json
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest_service.intake import Arrival, Intake
from ingest_service.ledger.sqlite import SqliteLedger, open_ledger
from osh_domain.batch import MAX_FRAME
from osh_domain.senml import MAX_PACK, MAX_RECORDS
from osh_domain.senml_cbor_writing import pack_cbor
from tests.ingest_service.gateways import FOREIGN, NOW, SIGNED, Device, arrival, reading, snapshot
from tests.ingest_service.test_checking import bad_payloads

REFERENCE = Path(__file__).parents[1] / "reference"
REFUSED: list[dict[str, str]] = json.loads((REFERENCE / "senml_refused.json").read_text())
MOST_MEMORY = 48 * 2**20
"""Bytes that Python may hold at once for one hostile payload; a bomb inflates to a gigabyte."""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = open_ledger(tmp_path)
    yield opened
    opened.close()


def foreign(payload: bytes) -> Arrival:
    return arrival(payload, gateway=FOREIGN.id)


def packs_that_must_fail() -> dict[str, bytes]:
    """Each rule's violation as a bare pack; in JSON, and in CBOR where that can say it."""
    found = {case["what"]: case["text"].encode("utf-8", "surrogatepass") for case in REFUSED}
    record: dict[str, float | str | bool | bytes] = {"n": "a", "v": 1}
    return found | {
        "2001 records": json.dumps([record] * (MAX_RECORDS + 1)).encode(),
        "2001 records in CBOR": pack_cbor([record] * (MAX_RECORDS + 1)),
        "more than 256 KiB": b"[" + b" " * MAX_PACK + b'{"n":"a","v":1}]',
        "CBOR cut short": pack_cbor([record])[:-1],
        "CBOR nested without end": b"\x81\xa3\x00\x61a\x02\x01\x61x" + b"\x81" * 200_000,
        "CBOR of 2^64 records": b"\x9b" + b"\xff" * 8,
        "CBOR of 2^64 bytes": b"\x81\xa1\x00\x7b" + b"\xff" * 8,
        "CBOR with a decimal fraction beyond any double": bytes.fromhex(
            "81a200616102c4821b7fffffffffffffff01"
        ),
        "CBOR that is a stream": b"\x9f\xa2\x00\x61a\x02\x01\xff",
    }


def test_each_pack_that_must_fail_is_kept_with_a_code_and_the_feed_goes_on(ledger: SqliteLedger) -> None:
    packs, device = packs_that_must_fail(), Device()
    arrivals = [thing for pack in packs.values() for thing in (foreign(pack), arrival(device.batch()))]
    outcomes = Intake(ledger, snapshot).take(arrivals, NOW)
    told = dict(zip(packs, outcomes[::2], strict=True))
    assert {name: o.verdict for name, o in told.items() if o.verdict != "quarantined"} == {}
    assert {o.code for o in told.values()} == {"json", "senml", "size", "frame"}
    assert [told[name].code for name in ("2001 records", "2001 records in CBOR", "CBOR of 2^64 records")] == [
        "size"
    ] * 3
    assert {outcome.verdict for outcome in outcomes[1::2]} == {"new"}
    kept = {entry.payload_hash for entry in ledger.quarantine(limit=1000)}
    assert kept == {outcome.payload_hash for outcome in told.values()}
    assert ledger.standing(SIGNED.id, device.epoch).cum == len(packs)


def test_each_frame_that_must_fail_is_kept_with_its_code(ledger: SqliteLedger) -> None:
    bad = bad_payloads()
    outcomes = Intake(ledger, snapshot).take([thing for _, thing in bad.values()], NOW)
    assert [outcome.code for outcome in outcomes] == [code for code, _ in bad.values()]
    assert {outcome.verdict for outcome in outcomes} == {"quarantined"}


def bombs() -> dict[str, Any]:
    """What is small on the wire and would be large, or slow, if it were believed."""
    giant = zlib.compressobj(9)
    begin, again = (giant.compress(b" " * 2**20) + giant.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    zeros = begin + again * 1000
    digits = b'[{"n":"a","v":' + b"9" * 250_000 + b"}]"
    return {
        "a gigabyte deflated": arrival(zeros[: MAX_FRAME - 1]),
        "deflated twice": arrival(zlib.compress(zlib.compress(b"{" * 10_000_000))),
        "nested lists": foreign(b"[" * 260_000),
        "nested objects in a sealed pack": arrival(Device().batch(pack=b'[{"n":' + b'{"x":' * 40_000)),
        "a number of 250,000 digits": foreign(digits),
        "an exponent": foreign(b'[{"n":"a","v":1e999999999}]'),
        "names multiplied by a base name": foreign(
            json.dumps([{"bn": "a" * 200_000, "v": 1}, *[{"v": 1}] * 1900]).encode()
        ),
        "units multiplied by a base unit": foreign(
            json.dumps([{"bu": "a" * 200_000, "n": "a", "v": 1}, *[{"n": "a", "v": 1}] * 1900]).encode()
        ),
        "a header of a megabyte": arrival(b'{"v":1,"x":"' + b"a" * 1_000_000 + b'"}\n[]\n'),
        "a header nested": arrival(b'{"v":1,"x":' + b"[" * 500_000 + b"\n[]\n"),
        "a million lines": arrival(b"{" + b"\n" * 1_000_000),
        "anchors": arrival(b'{"v":1,"anc":[' + b"[1,1,1,1]," * 90_000 + b"[]]}\n[]\n"),
    }


def test_no_bomb_takes_more_than_a_bounded_amount_of_memory(ledger: SqliteLedger) -> None:
    intake = Intake(ledger, snapshot)
    peaks: dict[str, int] = {}
    for name, thing in bombs().items():
        tracemalloc.start()
        try:
            (outcome,) = intake.take([thing], NOW)
            peaks[name] = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert outcome.verdict == "quarantined", name
    assert {name: peak for name, peak in peaks.items() if peak > MOST_MEMORY} == {}
    assert [outcome.verdict for outcome in intake.take([arrival(Device().batch())], NOW)] == ["new"]


def test_numbers_and_epochs_from_nowhere_are_kept_and_move_nothing_on(ledger: SqliteLedger) -> None:
    intake = Intake(ledger, snapshot)
    usual = Device()
    far = Device(epoch="f" * 16, seq=2**53 - 2, prev="A" * 43)
    later = Device(epoch="e" * 16)
    frames = [usual.batch(), far.batch(), later.batch(reading(at=NOW + 10 * 365 * 86_400.0))]
    assert [o.verdict for o in intake.take([arrival(f) for f in frames], NOW)] == ["new"] * 3
    assert ledger.standing(SIGNED.id, usual.epoch).cum == 1
    standing = ledger.standing(SIGNED.id, far.epoch)
    assert (standing.cum, standing.sel) == (0, [(2**53 - 1, 2**53 - 1)])
    assert [entry.code for entry in ledger.quarantine()] == ["time"]
