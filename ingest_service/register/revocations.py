"""Ending a key or a whole gateway takes two people: one proposes, another one confirms."""

import sqlalchemy as sa

from ingest_service.register import schema
from ingest_service.register.key_changes import KeyChanges
from ingest_service.register.key_schema import KEY_REVOCATIONS
from ingest_service.register.recorder import ChangeRefused

CONFIRMED = "confirmed"


class Revocations(KeyChanges):
    """Proposals and what becomes of them."""

    def propose_revocation(self, gateway: str, kid: str | None, good_up_to: str, why: str) -> int:
        """Say that a key should end, or (`kid` None) the gateway with all of them; answers the number under
        which another person confirms it."""
        self._must_live(gateway, kid)
        if not why.strip():
            raise ChangeRefused("say why it should end")
        values = {
            "gateway": gateway,
            "kid": kid,
            "good_up_to": good_up_to,
            "why": why.strip(),
            "proposed_by": self.who,
            "proposed_at": self.at,
        }
        done = self.connection.execute(sa.insert(KEY_REVOCATIONS).values(**values))
        number = int(done.inserted_primary_key[0]) if done.inserted_primary_key else 0
        facts = {"number": number, "good_up_to": good_up_to, "why": why.strip()}
        self.record("revocation proposed", kid or gateway, self._site_of(gateway), **facts)
        return number

    def proposal(self, number: int) -> sa.RowMapping:
        """A proposal that waits for a second person; `gateway` is the one it is about."""
        found = self._one(KEY_REVOCATIONS, id=number)
        if found is None:
            raise ChangeRefused(f"there is no proposal {number} to revoke anything")
        if found["decision"] is not None:
            raise ChangeRefused(
                f"proposal {number} was {found['decision']} already, by {found['decided_by']}"
            )
        return found

    def confirm_revocation(self, number: int) -> list[str]:
        """Put another person's proposal into force; answers what ended: the gateway if it was about that, and
        keys."""
        proposal = self.proposal(number)
        gateway, kid = str(proposal["gateway"]), proposal["kid"]
        self._must_be_two(str(proposal["proposed_by"]))
        self._must_live(gateway, kid)
        if kid is None:
            ended = self.revoke_gateway(gateway, str(proposal["proposed_by"]), str(proposal["why"]))
        else:
            ended = self.revoke_key(str(kid), str(proposal["good_up_to"]))
        self._update(
            KEY_REVOCATIONS,
            {"id": number},
            {"decision": CONFIRMED, "decided_by": self.who, "decided_at": self.at},
        )
        facts = {name: proposal[name] for name in ("good_up_to", "why", "proposed_by")}
        self.record("revocation confirmed", kid or gateway, self._site_of(gateway), number=number, **facts)
        return ended

    def revoke_gateway(self, gateway: str, second_person: str, reason: str) -> list[str]:
        """End a gateway and its keys; takes a second person, whose name is kept with the reason. Answers what
        ended: its id and its keys."""
        if second_person == self.who:
            raise ChangeRefused("revoking a gateway takes two people; name a second one")
        held = self._one(schema.GATEWAYS, id=gateway)
        if held is None:
            raise ChangeRefused(f"there is no gateway {gateway}")
        if held["revoked_at"] is not None:
            return []
        table = schema.GATEWAY_KEYS
        query = sa.select(table.c.kid).where(table.c.gateway == gateway, table.c.revoked_at.is_(None))
        kids = [str(kid) for kid in self.connection.execute(query.order_by(table.c.kid)).scalars()]
        for kid in kids:
            self.revoke_key(kid)
        self._update(schema.GATEWAYS, {"id": gateway}, {"revoked_at": self.at})
        self.record("gateway revoked", gateway, held["site"], second_person=second_person, reason=reason)
        return [gateway, *kids]

    def _must_live(self, gateway: str, kid: str | None) -> None:
        held = self._one(schema.GATEWAYS, id=gateway)
        if held is None:
            raise ChangeRefused(f"there is no gateway {gateway}; see `oshwatch admin gateway list`")
        if held["revoked_at"] is not None:
            raise ChangeRefused(f"gateway {gateway} is revoked already")
        if kid is None:
            return
        key = self._one(schema.GATEWAY_KEYS, kid=kid)
        if key is None or key["gateway"] != gateway:
            raise ChangeRefused(
                f"gateway {gateway} has no key {kid}; see `oshwatch admin gateway keys {gateway}`"
            )
        if key["revoked_at"] is not None:
            raise ChangeRefused(f"key {kid} is revoked already")

    def _must_be_two(self, first: str) -> None:
        """Two logins may be one person: of these the register shows at least a name or an address that both
        have."""
        if first == self.who:
            raise ChangeRefused("revoking takes two people; another one has to confirm it")
        one, other = (self._one(schema.PERSONS, login=login) for login in (first, self.who))
        if one is None or other is None:
            return
        same = one["name"].casefold().split() == other["name"].casefold().split()
        if same or self._addresses(one["id"]) & self._addresses(other["id"]):
            raise ChangeRefused(
                f"{first} and {self.who} have a name or an address in common in the register, so they may be"
                " one person; revoking takes two: let a third person confirm it"
            )

    def _addresses(self, person: int) -> set[str]:
        table = schema.CONTACTS
        return set(self.connection.execute(sa.select(table.c.url).where(table.c.person == person)).scalars())
