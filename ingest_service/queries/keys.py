"""The keys of a gateway as an engineer wants to see them."""

from __future__ import annotations

import sqlalchemy as sa

from ingest_service.queries.records import KeyLine
from ingest_service.queries.view import View
from ingest_service.register.key_schema import KEY_REVOCATIONS


def key_lines(view: View, gateway_id: str) -> tuple[KeyLine, ...]:
    """Every key the gateway ever had, the oldest first, with what introduced it and what ended it."""
    keys = sorted(view.register.keys_of(gateway_id), key=lambda key: (key.valid_from, key.kid))
    proposed = _proposed(view, [key.kid for key in keys])
    return tuple(
        KeyLine(
            kid=key.kid,
            valid_from=key.valid_from,
            revoked_at=key.revoked_at,
            valid_to=key.valid_to,
            replaces=key.replaces,
            good_up_to=key.good_up_to.replace(" ", ", "),
            in_force=key.valid_at(view.now),
            proposals=tuple(proposed.get(key.kid, ())) if key.revoked_at is None else (),
        )
        for key in keys
    )


def _proposed(view: View, kids: list[str]) -> dict[str, list[int]]:
    """Numbers of revocations that wait for a second person, by key."""
    table = KEY_REVOCATIONS
    query = sa.select(table.c.kid, table.c.id).where(table.c.kid.in_(kids), table.c.decision.is_(None))
    found: dict[str, list[int]] = {}
    with view.engine.connect() as connection:
        for kid, number in connection.execute(query.order_by(table.c.id)):
            found.setdefault(kid, []).append(number)
    return found
