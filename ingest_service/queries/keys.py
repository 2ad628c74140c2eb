"""The keys of a gateway as an engineer wants to see them."""

from __future__ import annotations

import sqlalchemy as sa

from ingest_service.queries.records import KeyLine
from ingest_service.queries.view import View
from ingest_service.register.key_schema import KEY_REVOCATIONS


def key_lines(view: View, gateway_id: str) -> tuple[KeyLine, ...]:
    """Every key the gateway ever had, the oldest first, with what introduced it and what ended it."""
    keys = sorted(view.register.keys_of(gateway_id), key=lambda key: (key.valid_from, key.kid))
    proposed = _proposed(view, gateway_id)
    return tuple(
        KeyLine(
            kid=key.kid,
            valid_from=key.valid_from,
            revoked_at=key.revoked_at,
            valid_to=key.valid_to,
            replaces=key.replaces,
            good_up_to=key.good_up_to.replace(" ", ", "),
            in_force=key.valid_at(view.now),
            proposals=() if key.revoked_at is not None else _of(proposed, key.kid),
        )
        for key in keys
    )


def _of(proposed: list[tuple[int, str | None]], kid: str) -> tuple[int, ...]:
    return tuple(number for number, about in proposed if about in (kid, None))


def _proposed(view: View, gateway_id: str) -> list[tuple[int, str | None]]:
    """Revocations that wait for a second person: number, and the key (None: the whole gateway)."""
    table = KEY_REVOCATIONS
    query = sa.select(table.c.id, table.c.kid).where(
        table.c.gateway == gateway_id, table.c.decision.is_(None)
    )
    with view.engine.connect() as connection:
        return [(number, kid) for number, kid in connection.execute(query.order_by(table.c.id))]
