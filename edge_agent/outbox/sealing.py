"""From an open segment to a sealed batch: sorted, encoded once, signed, chained, written."""

from __future__ import annotations

from collections.abc import Sequence

from edge_agent.identity import Identity
from edge_agent.outbox.records import Anchoring, OpenRecord
from edge_agent.outbox.store import Outbox
from edge_agent.timekeeping import Anchor
from osh_domain.batch import VERSION, Header, compress, open_frame, seal
from osh_domain.readings import Channel, Reading
from osh_domain.senml_writing import write_pack

TICK_S = 0.001


def seal_records(
    outbox: Outbox,
    identity: Identity,
    anchoring: Anchoring,
    records: Sequence[OpenRecord],
    *,
    anchors: tuple[Anchor, ...] = (),
    sealed_at: float,
) -> int:
    """Seal at least one record as the next batch and answer its number; it is on disk when this returns."""
    ordered = sorted(records, key=lambda record: record.mono)
    readings = _readings(identity.gateway, anchoring.off, ordered)
    head = outbox.head()
    header = Header(
        v=VERSION,
        gw=identity.gateway,
        ep=outbox.epoch,
        seq=head.seq + 1,
        prev=head.batch_hash,
        kid=identity.kid,
        cfg=anchoring.cfg,
        boot=anchoring.boot,
        off=round(anchoring.off, 6),
        mono=(round(ordered[0].mono, 3), round(ordered[-1].mono, 3)),
        clk=anchoring.clk,
        err=None if anchoring.err is None else round(anchoring.err, 6),
        anc=tuple((round(a.mono, 3), round(a.utc, 3), round(a.err, 6), a.source) for a in anchors),
        n=len(readings),
    )
    pack = write_pack(identity.gateway, readings, clock_unknown=anchoring.clk == "none")
    frame = seal(header, pack, identity.signer)
    batch_hash = open_frame(frame).batch_hash
    outbox.seal(anchoring, ordered, header.seq, batch_hash, compress(frame), sealed_at)
    return header.seq


def _readings(gateway: str, off: float, records: Sequence[OpenRecord]) -> list[Reading]:
    """Absolute times in whole ms; two words of one channel in the same ms are told one ms apart."""
    last: dict[tuple[str, str], float] = {}
    readings = []
    for record in records:
        key = (record.sensor, record.quantity)
        time = round(record.mono + off, 3)
        if key in last and time <= last[key]:
            time = round(last[key] + TICK_S, 3)
        last[key] = time
        channel = Channel(gateway, record.sensor, record.quantity)
        readings.append(Reading(channel, time, record.value, record.unit, record.flags))
    return sorted(readings, key=lambda reading: reading.time)
