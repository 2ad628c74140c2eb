"""Whom the server owes a word, and when."""

from __future__ import annotations

from pathlib import Path

from edge_agent.identity import verify_ed25519
from ingest_service.acknowledger import Acknowledger
from ingest_service.ledger.port import Outcome, Verdict
from ingest_service.ledger.sqlite import open_ledger
from osh_domain.acknowledgement import hear
from tests.ingest_service.gateways import SIGNER, SITE

EPOCH = "00112233445566aa"


def outcome(verdict: Verdict, gateway: str) -> Outcome:
    return Outcome(verdict, SITE.id, gateway, EPOCH, 1, "hash")


def windows(said: list[tuple[str, bytes]]) -> dict[str, object]:
    """What the server says to each gateway: the window."""
    words = [hear(payload, SIGNER.public_key, verify_ed25519) for _, payload in said]
    return {str(word["gw"]): word["win"] for word in words}


def test_gateways_that_were_asked_to_stop_are_told_as_soon_as_another_ones_batch_is_kept(
    tmp_path: Path,
) -> None:
    ledger = open_ledger(tmp_path)
    acknowledger = Acknowledger(ledger, SIGNER, window=16, rate=5.0, connection=lambda: None)
    acknowledger.note([outcome("refused", "kh-f0123-a"), outcome("refused", "kh-f0123-b")])
    assert windows(acknowledger.say(0.0)) == {"kh-f0123-a": 0, "kh-f0123-b": 0}
    acknowledger.note([outcome("refused", "kh-f0123-a")])
    assert windows(acknowledger.say(1.0)) == {"kh-f0123-a": 0}
    acknowledger.note([outcome("new", "kh-f0123-c")])
    assert windows(acknowledger.say(2.0)) == dict.fromkeys(("kh-f0123-a", "kh-f0123-b", "kh-f0123-c"), 16)
    acknowledger.note([outcome("new", "kh-f0123-c")])
    assert windows(acknowledger.say(3.0)) == {"kh-f0123-c": 16}
    ledger.close()
