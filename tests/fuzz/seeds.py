"""Writes the corpora from the examples, vectors and sample files that the project has anyway."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ingest_service.auth.server_key import ServerKey
from ingest_service.database import migrate, open_database
from ingest_service.evidence.making import BundleMaker, Wanted
from ingest_service.evidence.roots import publish_due
from ingest_service.intake import Intake
from ingest_service.ledger.port import BirthNote
from ingest_service.ledger.sqlite import open_ledger
from osh_domain.acknowledgement import Ack, Rejection
from osh_domain.batch import compress
from osh_domain.senml import WireError, parse_json
from osh_domain.senml_cbor_writing import pack_cbor
from tests.fuzz import file_targets
from tests.fuzz.targets import TARGETS
from tests.ingest_service.gateways import FOREIGN, NOW, SIGNED, SITE, Device, arrival, reading, snapshot

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "tests" / "reference"
LONGEST = 8192
DAY_S = 86_400.0


def write_seeds(corpus: Path) -> None:
    """One file a seed, named by its hash. What stands there already, such as past findings, stays."""
    file_targets.BUNDLE.write_bytes(gzip.compress(_bundle(), mtime=0))
    for target in TARGETS:
        folder = corpus / target
        folder.mkdir(parents=True, exist_ok=True)
        for seed in _seeds(target):
            if len(seed) <= LONGEST:
                (folder / hashlib.sha256(seed).hexdigest()[:12]).write_bytes(seed)


def _seeds(target: str) -> Iterator[bytes]:
    if target in ("senml-json", "fast-senml"):
        yield from _packs()
    elif target == "senml-cbor":
        yield from _cbor()
    elif target in ("sealed-batch", "check"):
        yield from _frames()
        if target == "check":
            yield b'[{"n":"kh-f0123-x/hall/ta","u":"Cel","v":23.1}]'
            yield from _cbor()
    elif target in ("server-words", "gateway-words", "day-line"):
        yield from _words(target)
    elif target == "ds18b20":
        yield b"72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"
        yield b"50 05 4b 46 7f ff 0c 10 1c : crc=1c NO\n50 05 4b 46 7f ff 0c 10 1c t=85000\n"
    elif target == "rule-pack":
        yield from (
            path.read_bytes() for path in sorted((ROOT / "alert_rules" / "packs").glob("intl-*.yaml"))
        )
    elif target == "site-description":
        yield (ROOT / "docs" / "site-description.sample.yaml").read_bytes()
        yield b'{"version":1,"sites":[],"people":[]}'
    elif target == "bundle":
        yield from _bundle_parts()


def _packs() -> Iterator[bytes]:
    for case in json.loads((REFERENCE / "senml_accepted.json").read_text())["packs"]:
        yield json.dumps(case["pack"], separators=(",", ":")).encode()
    for case in json.loads((REFERENCE / "senml_refused.json").read_text()):
        yield case["text"].encode("utf-8", "surrogatepass")
    yield (REFERENCE / "sealed_batch.frame").read_bytes().split(b"\n")[1]


def _cbor() -> Iterator[bytes]:
    yield bytes.fromhex((REFERENCE / "senml_rfc8428_section6.hex").read_text())
    for pack in _packs():
        try:
            records = parse_json(pack)
            yield pack_cbor([{k: v for k, v in record.items() if k != "vd"} for record in records])
        except (WireError, ValueError, AttributeError, TypeError, OverflowError):
            continue
    for text in ("81bf0061610201ff", "81a200616102c482200a", "81a30061610201 61789f7f6161ff5f4100fff820ff"):
        yield bytes.fromhex(text)


def _frames() -> Iterator[bytes]:
    frame = (REFERENCE / "sealed_batch.frame").read_bytes()
    yield frame
    yield compress(frame)
    yield Device().batch(reading(), reading("status", "ok", unit=None), anchors=((1.0, NOW, 0.1, "srv"),))
    unsigned = Device(signer=None, gateway=FOREIGN.id)
    pack = b'[{"bn":"kh-f0123-x/","bt":1767225700,"bver":26,"n":"hall/ta","u":"Cel","v":23.1}]'
    yield unsigned.batch(pack=pack, n=1)
    yield compress(unsigned.batch(pack=pack, n=1))
    clockless = Device(signer=None, gateway=FOREIGN.id, clk="none", err=None)
    yield clockless.batch(pack=pack.replace(b'"bver":26,', b'"bver":26,"btq_":"none",'), n=1)


def _words(target: str) -> Iterator[bytes]:
    if target == "day-line":
        root = {
            "v": 1, "kind": "osh-day-root", "day": "2026-01-01", "first": 1, "last": 9, "root": "ab" * 32,
            "head": "cd" * 32, "before": "e" * 43, "at": NOW,
        }  # fmt: skip
        yield json.dumps(root).encode()
    elif target == "server-words":
        ack = Ack(
            1, SIGNED.id, "00112233445566aa", 3, ((5, 7),), (Rejection("h" * 43, 4, "sig"),), "e" * 43, 16,
            5.0, NOW, "c",
        )  # fmt: skip
        yield json.dumps(ack.to_dict()).encode()
        yield b'{"id":"x","m0":1.5,"s1":1767225700.1,"s2":1767225700.2}'
    else:
        state = {"v": 1, "state": "online", "boot": "b", "ep": "00112233445566aa", "mono": 1.5, "conn": 3}
        yield json.dumps(state).encode()
        calibration = {"id": "c1", "date": "2026-01-01", "due": "2027-01-01", "gain": 1.0}
        channel = {"quantity": "ta", "unit": "Cel", "cal": calibration}
        sensor = {"id": "st1", "kind": "sht4x", "serial": "1", "channels": [channel]}
        birth = {
            "v": 1, "gw": SIGNED.id, "site": SITE.id, "ep": "00112233445566aa", "t": NOW, "next_seq": 4,
            "backlog": {"batches": 1, "bytes": 2}, "drops": 0, "cfg": {"sensors": [sensor]},
        }  # fmt: skip
        yield json.dumps(birth).encode()
        yield b'{"id":"0011","m0":12.5}'
        yield b"osh/v1/kh-f0123/kh-f0123-a/data/live"


def _bundle() -> bytes:
    """A small bundle of two published days, from a real ledger."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        key, ledger, engine = ServerKey.load_or_create(path / "key"), open_ledger(path), open_database(path)
        migrate(engine)
        device = Device()
        note = BirthNote(SITE.id, SIGNED.id, NOW, "{}", None, (device.cfg, '{"sensors":[]}'), None, 0)
        ledger.append([], [note])
        intake = Intake(ledger, snapshot)
        for day in range(2):
            at = NOW + day * DAY_S
            intake.take([arrival(device.batch(reading(at=at)), at=at)], at)
            publish_due(ledger, key, at + DAY_S + 3600.0)
        target = io.BytesIO()
        wanted = Wanted(SITE.id, NOW - DAY_S, NOW + 3 * DAY_S)
        BundleMaker(ledger, snapshot(), engine, key).write(wanted, target, NOW + 3 * DAY_S)
        engine.dispose()
        ledger.close()
    return target.getvalue()


def _bundle_parts() -> Iterator[bytes]:
    for number, (_, content) in enumerate(sorted(file_targets._members().items())):
        yield bytes((number,)) + content
    yield b"\xff" + file_targets.packed({"a.txt": b"hello"})
