"""How many synced commits a second the ledger makes on this disk, one batch in each and many in each."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from ingest_service.ledger.port import Accepted
from ingest_service.ledger.sqlite import open_ledger
from osh_domain.batch import open_frame, payload_hash
from oshwatch.bench.fleet import Member, channels

SITE: Final = "bench-site-0"
AT: Final = 1_767_225_600.0


def ledger_commits(folder: Path, seconds: float, readings: int, group: int) -> dict[str, Any]:
    """Append for so long with groups of one, then of `group`; figures a second."""
    ones = _appended(folder / "ones", seconds, readings, 1)
    many = _appended(folder / "many", seconds, readings, group)
    return {
        "commits_per_second": ones,
        "commits_per_second_of_groups": many,
        "group": group,
        "batches_per_second_in_groups": round(many * group),
    }


def _appended(folder: Path, seconds: float, readings: int, group: int) -> float:
    folder.mkdir(parents=True)
    member, seq, commits, used = Member("edge", 0), 0, 0, 0.0
    ledger = open_ledger(folder)
    try:
        while used < seconds:
            entries = []
            for _ in range(group):
                seq += 1
                entries.append(_accepted(member.sealed(seq, AT + 60 * seq, channels(readings))))
            begun = time.monotonic()
            ledger.append(entries)
            used += time.monotonic() - begun
            commits += 1
    finally:
        ledger.close()
    return round(commits / used, 1)


def _accepted(payload: bytes) -> Accepted:
    """As the checks of the intake hand it over."""
    frame = open_frame(payload)
    header = frame.header
    return Accepted(
        AT, "mqtt", SITE, header.gw, "sealed", header.ep, header.seq, frame.batch_hash, header.prev,
        True, payload, payload_hash(payload), clk=header.clk, err=header.err,
    )  # fmt: skip
