"""Changes of the keys of gateways: registered, followed by another, ended by two people."""

from dataclasses import asdict, dataclass, field

import sqlalchemy as sa

from ingest_service.register import schema
from ingest_service.register.entries import GatewayKey
from ingest_service.register.key_schema import KEY_REVOCATIONS, KEY_STATEMENTS
from ingest_service.register.recorder import ChangeRefused, Recorder
from osh_domain.gateway_keys import OVERLAP_S, WHOLE_EPOCH, read_good, write_good
from osh_domain.signing import key_id

CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Introduction:
    """A batch in the ledger, signed by `replaces`, that introduces `public_key`; `frame` are its bytes."""

    gateway: str
    public_key: bytes
    replaces: str
    epoch: str
    seq: int
    batch_hash: str
    received_at: float
    frame: bytes = field(repr=False)


class KeyChanges(Recorder):
    """What may change about keys. A revoked key stays revoked."""

    def put_key(self, gateway: str, public_key: bytes, valid_from: float = 0.0) -> str:
        """Register an Ed25519 public key of the gateway; returns its `kid`."""
        kid = key_id(public_key)
        held = self._one(schema.GATEWAY_KEYS, kid=kid)
        if held is not None:
            if held["gateway"] != gateway:
                raise ChangeRefused(f"key {kid} is registered for gateway {held['gateway']}; make a new one")
            if held["revoked_at"] is not None:
                raise ChangeRefused(f"key {kid} was revoked; make a new one")
            return kid
        key = GatewayKey(kid, gateway, public_key, valid_from, None, None)
        self.connection.execute(sa.insert(schema.GATEWAY_KEYS).values(**asdict(key)))
        self.record("key added", kid, self._site_of(gateway), gateway=gateway, valid_from=valid_from)
        return kid

    def follow_key(self, said: Introduction) -> bool:
        """Register the key that a gateway introduced; the old one stays in force for a week beside it.

        False when it is registered already. A key of another gateway, and a revoked one, stay what they are.
        """
        kid, site = key_id(said.public_key), self._site_of(said.gateway)
        old = self._one(schema.GATEWAY_KEYS, kid=said.replaces)
        if old is None or self._one(schema.GATEWAY_KEYS, kid=kid) is not None:
            return False
        # What it signed until the statement, however late it arrives, it signed while it was in force.
        good = {**_good(old), said.epoch: max(said.seq, _good(old).get(said.epoch, 0))}
        ends = said.received_at + OVERLAP_S
        if old["valid_to"] is not None:
            ends = min(ends, old["valid_to"])
        key = GatewayKey(
            kid,
            said.gateway,
            said.public_key,
            said.received_at,
            None,
            None,
            replaces=said.replaces,
            stated_in=f"{said.epoch}:{said.seq}",
        )
        self.connection.execute(sa.insert(schema.GATEWAY_KEYS).values(**asdict(key)))
        if old["revoked_at"] is None:
            values = {"valid_to": ends, "good_up_to": " ".join(write_good(good))}
            self._update(schema.GATEWAY_KEYS, {"kid": said.replaces}, values)
        fields = {name: value for name, value in asdict(said).items() if name != "public_key"}
        self.connection.execute(sa.insert(KEY_STATEMENTS).values(kid=kid, **fields))
        self.record(
            "key followed",
            kid,
            site,
            gateway=said.gateway,
            replaces=said.replaces,
            batch=f"{said.epoch}:{said.seq}",
            old_key_until=ends,
        )
        return True

    def use_key(self, kid: str, epoch: str, seq: int) -> bool:
        """Note the first batch of a key that followed another: what is before it was the other's."""
        key = self._one(schema.GATEWAY_KEYS, kid=kid)
        if key is None or key["used_from"] is not None or key["replaces"] is None:
            return False
        self._update(schema.GATEWAY_KEYS, {"kid": kid}, {"used_from": f"{epoch}:{seq}"})
        old = self._one(schema.GATEWAY_KEYS, kid=key["replaces"])
        good = {} if old is None else _good(old)
        if old is not None and old["revoked_at"] is None and good.get(epoch, WHOLE_EPOCH) < seq - 1:
            good[epoch] = seq - 1
            self._update(schema.GATEWAY_KEYS, {"kid": old["kid"]}, {"good_up_to": " ".join(write_good(good))})
        self.record("key used", kid, self._site_of(key["gateway"]), first=f"{epoch}:{seq}")
        return True

    def revoke_key(self, kid: str, good_up_to: str = "") -> None:
        """End a key now. Batches signed with it are refused from here on, but for those up to the last good
        ones (`EPOCH:SEQ`, a space between several); those beyond that were accepted before are doubted."""
        held = self._one(schema.GATEWAY_KEYS, kid=kid)
        if held is None:
            raise ChangeRefused(f"there is no key {kid}")
        if held["revoked_at"] is None:
            self._update(schema.GATEWAY_KEYS, {"kid": kid}, {"revoked_at": self.at, "good_up_to": good_up_to})
            site = self._site_of(held["gateway"])
            self.record("key revoked", kid, site, gateway=held["gateway"], good_up_to=good_up_to)

    def propose_revocation(self, gateway: str, kid: str, good_up_to: str, why: str) -> int:
        """Say that a key should end; answers the number under which another person confirms it."""
        key = self._one(schema.GATEWAY_KEYS, kid=kid)
        if key is None or key["gateway"] != gateway:
            raise ChangeRefused(
                f"gateway {gateway} has no key {kid}; see `oshwatch admin gateway keys {gateway}`"
            )
        if key["revoked_at"] is not None:
            raise ChangeRefused(f"key {kid} is revoked already")
        if not why.strip():
            raise ChangeRefused("say why the key should end")
        values = {
            "kid": kid,
            "good_up_to": good_up_to,
            "why": why.strip(),
            "proposed_by": self.who,
            "proposed_at": self.at,
        }
        done = self.connection.execute(sa.insert(KEY_REVOCATIONS).values(**values))
        number = int(done.inserted_primary_key[0]) if done.inserted_primary_key else 0
        site = self._site_of(gateway)
        self.record("revocation proposed", kid, site, number=number, good_up_to=good_up_to, why=why.strip())
        return number

    def confirm_revocation(self, number: int) -> str:
        """Put another person's proposal into force; answers the key that ended."""
        proposal = self._one(KEY_REVOCATIONS, id=number)
        if proposal is None:
            raise ChangeRefused(f"there is no proposal {number} to revoke a key")
        if proposal["decision"] is not None:
            raise ChangeRefused(
                f"proposal {number} was {proposal['decision']} already, by {proposal['decided_by']}"
            )
        if proposal["proposed_by"] == self.who:
            raise ChangeRefused("revoking a key takes two people; another one has to confirm it")
        self.revoke_key(proposal["kid"], proposal["good_up_to"])
        self._update(
            KEY_REVOCATIONS,
            {"id": number},
            {"decision": CONFIRMED, "decided_by": self.who, "decided_at": self.at},
        )
        key = self._one(schema.GATEWAY_KEYS, kid=proposal["kid"])
        site = None if key is None else self._site_of(key["gateway"])
        facts = {name: proposal[name] for name in ("good_up_to", "why", "proposed_by")}
        self.record("revocation confirmed", str(proposal["kid"]), site, number=number, **facts)
        return str(proposal["kid"])


def _good(key: sa.RowMapping) -> dict[str, int]:
    return read_good(key["good_up_to"].split())
