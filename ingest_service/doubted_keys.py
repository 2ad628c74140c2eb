"""Batches that were accepted although somebody else may have made them: between the loss of a key and the day
on which two people ended it. They are kept and shown, and graded indicative, as if nobody had signed them."""

from __future__ import annotations

from zlib import crc32

from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.series.port import Retake, SeriesStore
from osh_domain.batch import Header

CURSOR = "revoked "


def doubted(register: RegisterSnapshot, header: Header) -> bool:
    """Whether the batch lies beyond the last good one of a revoked key."""
    key = register.key(header.kid)
    return key is not None and key.validity.doubted(header.ep, header.seq)


def order_retakes(register: RegisterSnapshot, series: SeriesStore, cursor: int) -> None:
    """Order the rows of gateways whose keys were revoked since to be projected again; in a transaction."""
    for gateway in register.gateways:
        for key in register.keys_of(gateway.id):
            if key.revoked_at is None or not key.good_up_to:
                continue
            name, word = CURSOR + key.kid, crc32(key.good_up_to.encode())
            if series.cursor(name) == word:
                continue
            rows = [*series.first_rows(gateway.id).values()]
            rows += [order.row for order in series.retakes() if order.gateway == gateway.id]
            if rows:
                series.set_retake(Retake(gateway.id, min(rows), cursor))
            series.set_cursor(name, word)
