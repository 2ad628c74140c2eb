import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest_service.auth.access import Action
from ingest_service.auth.server_key import ServerKey, verify_ed25519
from ingest_service.auth.tokens import Tokens
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.register.store import Register
from osh_domain.acknowledgement import hear
from osh_domain.batch import compress
from osh_domain.senml_cbor_writing import pack_cbor
from tests.ingest_service.gateways import NOW, STRANGER, Device, reading
from tests.ingest_service.serving import Serving, serving
from tests.servers import wait_for

SCOPE = "kh/phnom-penh/kh-f0123"
URN = "urn:dev:ow:10e2073a01080063:"
PACK = [{"bn": URN, "bt": NOW, "n": "temp", "u": "Cel", "v": 23.5}, {"n": "rh", "u": "%RH", "v": 61}]


@pytest.fixture
def server(register: Register, tmp_path: Path) -> Iterator[Serving]:  # noqa: ARG001 - it makes the data
    # The service's clock stands (nearly) where the sample device's clock does.
    with serving(tmp_path / "data", clock=f"0.001@{time.time()}={NOW}") as running:
        yield running


@pytest.fixture
def client(server: Serving, register: Register) -> httpx.Client:
    """The engineer's upload token, good for this site alone."""
    rith = register.snapshot().people_by_login["rith"]
    made = Tokens(register).create("usb stick", rith.id, [Action.UPLOAD], SCOPE, "test")
    return server.client(token=made.secret)


def acknowledged(server: Serving, answer: httpx.Response) -> dict[str, Any]:
    """What the server says, after a look at its signature."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-osh-ack"
    key = ServerKey.load_or_create(server.data_dir / "server.key")
    return hear(answer.content, key.public_key, verify_ed25519)


def post_pack(client: httpx.Client, pack: object, gateway: str = "kh-f0123-x") -> httpx.Response:
    return client.post(f"/api/v1/uploads?gateway={gateway}", content=json.dumps(pack).encode())


def error_of(answer: httpx.Response) -> dict[str, Any]:
    facts: dict[str, Any] = answer.json()["error"]
    return facts


def test_a_sealed_frame_is_answered_with_a_signed_acknowledgement(
    server: Serving, client: httpx.Client
) -> None:
    device = Device()
    frames = [device.batch(), compress(device.batch())]
    said = [acknowledged(server, client.post("/api/v1/uploads", content=frame)) for frame in frames]
    assert [ack["cum"] for ack in said] == [1, 2]
    assert said[1]["head"] == device.prev
    assert said[1]["gw"] == "kh-f0123-a"
    assert said[1]["rej"] == []
    again = acknowledged(server, client.post("/api/v1/uploads", content=frames[0]))
    assert again["cum"] == 2
    ledger = open_ledger(server.data_dir, read_only=True)
    assert [row.payload for row in ledger.rows(0, 10)] == frames
    assert {row.source for row in ledger.rows(0, 10)} == {"http"}
    ledger.close()


def test_a_refused_frame_is_named_in_the_acknowledgement_and_kept(
    server: Serving, client: httpx.Client
) -> None:
    forged = Device(signer=STRANGER).batch()
    ack = acknowledged(server, client.post("/api/v1/uploads", content=forged))
    assert (ack["cum"], [entry["code"] for entry in ack["rej"]]) == (0, ["key"])
    device = Device()
    broken = device.batch().replace(b"31.42", b"31.43")
    ack = acknowledged(server, client.post("/api/v1/uploads", content=broken))
    assert [entry["code"] for entry in ack["rej"]] == ["sig"]
    kept = server.client("rith").get("/api/v1/quarantine").json()["lines"]
    assert sorted(line["code"] for line in kept) == ["key", "sig"]


def test_the_same_number_with_other_content_is_a_conflict_and_both_are_kept(
    server: Serving, client: httpx.Client
) -> None:
    acknowledged(server, client.post("/api/v1/uploads", content=Device().batch()))
    ack = acknowledged(server, client.post("/api/v1/uploads", content=Device().batch(reading(value=20.0))))
    assert [entry["code"] for entry in ack["rej"]] == ["conflict"]
    assert [line["code"] for line in server.client("rith").get("/api/v1/quarantine").json()["lines"]] == [
        "conflict"
    ]


def test_a_bare_pack_of_a_foreign_device_is_answered_with_a_receipt(client: httpx.Client) -> None:
    first = post_pack(client, PACK)
    assert first.status_code == 200
    assert first.json() | {"payload_hash": ""} == {
        "verdict": "new",
        "gateway": "kh-f0123-x",
        "site": "kh-f0123",
        "ledger_row": 1,
        "payload_hash": "",
        "readings": 2,
        "remarks": [],
    }
    assert post_pack(client, PACK).json()["verdict"] == "duplicate"


def test_a_bare_pack_may_come_in_cbor(client: httpx.Client) -> None:
    pack = pack_cbor([{"n": "kh-f0123-x/hall/ta", "u": "Cel", "v": 23.5}])
    kinds = ["application/senml+cbor", "application/octet-stream", "application/senml+json"]
    answers = [
        client.post("/api/v1/uploads?gateway=kh-f0123-x", content=pack, headers={"Content-Type": kind})
        for kind in kinds
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 422]
    assert answers[0].json()["readings"] == 1


def test_a_name_that_nobody_registered_is_remarked(client: httpx.Client) -> None:
    answer = post_pack(client, [*PACK, {"n": "mystery", "v": 1}])
    assert answer.status_code == 200
    assert answer.json()["readings"] == 2
    assert "mystery" in "".join(answer.json()["remarks"])


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"[{", "wire.json"),
        (b'[{"n":"x","v":NaN}]', "wire.json"),
        (b"[]", "wire.senml"),
        (b'[{"n":"temp","v":1,"vs":"two"}]', "wire.senml"),
        (b"\x00\x01", "wire.frame"),
        (b"hello", "wire.frame"),
    ],
)
def test_what_is_no_pack_is_refused_with_its_reason_and_kept(
    server: Serving, client: httpx.Client, payload: bytes, code: str
) -> None:
    answer = client.post("/api/v1/uploads?gateway=kh-f0123-x", content=payload)
    assert (answer.status_code, error_of(answer)["code"]) == (422, code)
    assert "quarantine" in error_of(answer)["way_out"]
    (line,) = server.client("rith").get("/api/v1/quarantine").json()["lines"]
    assert (line["gateway"], f"wire.{line['code']}", line["size"]) == ("kh-f0123-x", code, len(payload))


def test_a_torn_frame_is_kept_where_only_a_countrywide_reader_finds_it(
    server: Serving, client: httpx.Client
) -> None:
    answer = client.post("/api/v1/uploads", content=Device().batch()[:100])
    assert (answer.status_code, error_of(answer)["code"]) == (422, "wire.frame")
    ledger = open_ledger(server.data_dir, read_only=True)
    assert [entry.code for entry in ledger.quarantine()] == ["frame"]
    ledger.close()


def test_a_pack_must_say_which_device_sent_it(client: httpx.Client) -> None:
    answer = client.post("/api/v1/uploads", content=json.dumps(PACK).encode())
    assert (answer.status_code, error_of(answer)["where"]) == (422, "query.gateway")
    assert post_pack(client, PACK, "kh-f0123-q").status_code == 404
    signed = post_pack(client, PACK, "kh-f0123-a")
    assert (signed.status_code, error_of(signed)["code"]) == (422, "wire.sig")


@pytest.mark.parametrize("kind", ["application/x-osh-batch", "application/senml+json"])
def test_the_content_type_must_agree_with_the_content(client: httpx.Client, kind: str) -> None:
    senml = kind == "application/senml+json"
    payload = Device().batch() if senml else json.dumps(PACK).encode()
    answer = client.post(
        "/api/v1/uploads" + ("" if senml else "?gateway=kh-f0123-x"),
        content=payload,
        headers={"content-type": kind},
    )
    assert answer.status_code in {200, 422}
    assert "frame" in answer.text


def test_an_empty_or_oversize_body_is_refused(client: httpx.Client) -> None:
    assert client.post("/api/v1/uploads").status_code == 422
    assert client.post("/api/v1/uploads", content=b"x" * 1_048_577).status_code == 413
    chunks = (b"x" * 65_536 for _ in range(20))  # without a length in front
    assert client.post("/api/v1/uploads", content=chunks).status_code == 413
    encoded = client.post("/api/v1/uploads", content=b"x", headers={"content-encoding": "gzip"})
    assert encoded.status_code == 415


def test_an_upload_needs_the_right_the_scope_and_the_csrf_word(server: Serving, register: Register) -> None:
    assert post_pack(server.client(), PACK).status_code == 401
    assert post_pack(server.client("dara"), PACK).status_code == 403
    rith = server.client("rith")
    assert post_pack(rith, PACK).status_code == 200
    rith.headers.pop("x-csrf-token")
    assert post_pack(rith, PACK).status_code == 403
    person = register.snapshot().people_by_login["rith"]
    narrow = Tokens(register).create("x", person.id, [Action.UPLOAD], SCOPE + "/ironing", "test")
    assert post_pack(server.client(token=narrow.secret), PACK).status_code == 404


def test_a_quarantined_payload_goes_through_after_the_register_is_mended(
    server: Serving, client: httpx.Client, register: Register
) -> None:
    device = Device(signer=STRANGER)
    acknowledged(server, client.post("/api/v1/uploads", content=device.batch()))
    rith = server.client("rith")
    (line,) = rith.get("/api/v1/quarantine").json()["lines"]
    entry = f"/api/v1/quarantine/{line['id']}"
    assert rith.post(f"{entry}/replay").json()["code"] == "key"
    assert rith.post(f"{entry}/note", json={"text": "new card"}).status_code == 201
    with register.change("rith") as change:
        change.put_key("kh-f0123-a", STRANGER.public_key)
    wait_for(
        lambda: rith.post(f"{entry}/replay").json()["verdict"] in {"new", "duplicate"}, what="the new key"
    )
    events = rith.get(entry).json()["events"]
    assert [event["action"] for event in events][:2] == ["refused again", "note"]
    assert events[-1]["action"] == "replayed"
    assert events[1]["who"] == "rith"
    assert rith.get(f"{entry}/payload").content.startswith(b"{")
    assert server.client("dara").post(f"{entry}/replay").status_code == 403
