"""One plant with a signed and a foreign gateway, and what they send: for intake and projector."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from edge_agent.identity import GatewaySigner
from ingest_service.checking import Arrival
from ingest_service.register.entries import ForeignName, Gateway, GatewayKey, Site
from ingest_service.register.snapshot import RegisterSnapshot
from osh_domain.batch import Anchor, Header, compress, genesis, open_frame, seal
from osh_domain.readings import Channel, Reading
from osh_domain.senml import write_pack
from osh_domain.signing import key_id
from osh_domain.topics import topic

NOW = 1_767_225_700.0
SITE = Site("kh-f0123", "Garment factory", "kh", "phnom-penh", "Asia/Phnom_Penh", "garment", None, None)
SIGNED = Gateway("kh-f0123-a", SITE.id, "signed", 0.0, None)
FOREIGN = Gateway("kh-f0123-x", SITE.id, "foreign", 0.0, None)
SIGNER = GatewaySigner.from_bytes(bytes(range(32)))
STRANGER = GatewaySigner.from_bytes(bytes(32))
KEY = GatewayKey(key_id(SIGNER.public_key), SIGNED.id, SIGNER.public_key, 0.0, None, None)


def snapshot(
    *,
    keys: Iterable[GatewayKey] = (KEY,),
    gateways: Iterable[Gateway] = (SIGNED, FOREIGN),
    names: Iterable[ForeignName] = (),
) -> RegisterSnapshot:
    return RegisterSnapshot(sites=[SITE], gateways=gateways, keys=keys, foreign_names=names)


def reading(
    quantity: str = "ta",
    value: float | str | bool = 31.42,
    *,
    at: float = NOW,
    unit: str | None = "Cel",
    sensor: str = "st1",
    flags: int = 0,
) -> Reading:
    return Reading(Channel(SIGNED.id, sensor, quantity), at, value, unit, flags)


@dataclass
class Device:
    """The signed gateway: makes one batch after the other, chained as in earnest."""

    signer: GatewaySigner | None = SIGNER
    gateway: str = SIGNED.id
    epoch: str = "00112233445566aa"
    boot: str = "b7f0c2d1a9e84f0c"
    off: float = NOW - 100.0
    clk: str = "ntp"
    err: float | None = 0.012
    cfg: str = "5f1d7a84db00d2fc0c9b1e6634a7f2d1"
    mono: tuple[float, float] = (99.0, 100.0)
    seq: int = 0
    prev: str = field(default="")

    def batch(
        self,
        *readings: Reading,
        pack: bytes | None = None,
        anchors: tuple[Anchor, ...] = (),
        n: int | None = None,
    ) -> bytes:
        """The next sealed batch, as a frame."""
        self.seq += 1
        content = readings or (reading(),)
        header = Header(
            1, self.gateway, self.epoch, self.seq, self.prev or genesis(self.gateway, self.epoch),
            key_id((self.signer or STRANGER).public_key), self.cfg, self.boot, self.off, self.mono,
            self.clk, self.err, anchors, len(content) if n is None else n,
        )  # fmt: skip
        if pack is None:
            pack = write_pack(self.gateway, content, clock_unknown=self.clk == "none")
        frame = seal(header, pack, self.signer)
        self.prev = open_frame(frame).batch_hash
        return frame


def arrival(payload: bytes, *, gateway: str = SIGNED.id, at: float = NOW, leaf: str = "data/live") -> Arrival:
    return Arrival(payload, at, topic=topic(SITE.id, gateway, leaf))


def zipped(frame: bytes) -> bytes:
    return compress(frame)
