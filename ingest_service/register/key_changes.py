"""Changes of the keys of gateways: registered, followed by another, ended. Who may end one: `revocations`."""

from dataclasses import asdict, dataclass, field

import sqlalchemy as sa

from ingest_service.register import schema
from ingest_service.register.entries import GatewayKey
from ingest_service.register.key_schema import KEY_STATEMENTS
from ingest_service.register.recorder import ChangeRefused, Recorder
from osh_domain.gateway_keys import OVERLAP_S, WHOLE_EPOCH, read_batch, read_good, write_good
from osh_domain.signing import key_id


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
        """Register the key that a gateway introduced. The old one stays in force until a week after the first
        batch of the new one (`use_key`): until then the gateway may not know that it was heard.

        False when it is registered already. A key of another gateway, and a revoked one, stay what they are;
        a key that has ended introduces nobody, as somebody else may have it.
        """
        kid, site = key_id(said.public_key), self._site_of(said.gateway)
        old = self._one(schema.GATEWAY_KEYS, kid=said.replaces)
        if old is None or self._one(schema.GATEWAY_KEYS, kid=kid) is not None:
            return False
        if old["revoked_at"] is not None or (old["valid_to"] is not None and self.at >= old["valid_to"]):
            batch = f"{said.epoch}:{said.seq}"
            self.record(
                "key not followed", kid, site, gateway=said.gateway, replaces=said.replaces, batch=batch
            )
            return False
        # What it signed until the statement, however late it arrives, it signed while it was in force.
        good = {**_good(old), said.epoch: max(said.seq, _good(old).get(said.epoch, 0))}
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
        values = {"good_up_to": " ".join(write_good(good))}
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
        )
        return True

    def use_key(self, kid: str, epoch: str, seq: int) -> bool:
        """Note the first batch of a key that followed another: what is before it was the other's, which ends
        a week from now."""
        key = self._one(schema.GATEWAY_KEYS, kid=kid)
        if key is None or key["used_from"] is not None or key["replaces"] is None:
            return False
        self._update(schema.GATEWAY_KEYS, {"kid": kid}, {"used_from": f"{epoch}:{seq}"})
        old = self._one(schema.GATEWAY_KEYS, kid=key["replaces"])
        ends = self.at + OVERLAP_S
        if old is not None and old["revoked_at"] is None:
            good = _good(old)
            if good.get(epoch, WHOLE_EPOCH) < seq - 1:
                good[epoch] = seq - 1
            ends = ends if old["valid_to"] is None else min(ends, old["valid_to"])
            values = {"valid_to": ends, "good_up_to": " ".join(write_good(good))}
            self._update(schema.GATEWAY_KEYS, {"kid": old["kid"]}, values)
        site = self._site_of(key["gateway"])
        self.record("key used", kid, site, first=f"{epoch}:{seq}", old_key_until=ends)
        return True

    def revoke_key(self, kid: str, good_up_to: str = "") -> list[str]:
        """End a key now; answers the keys that ended. Batches signed with it are refused from here on, but
        for those up to the last good ones (`EPOCH:SEQ`, a space between several); those beyond that were
        accepted before are doubted. So are the keys that it introduced beyond: whoever had it may have made
        them.
        """
        if self._one(schema.GATEWAY_KEYS, kid=kid) is None:
            raise ChangeRefused(f"there is no key {kid}")
        ended, waiting = [], [(kid, good_up_to)]
        while waiting:
            kid, good = waiting.pop()
            held = self._one(schema.GATEWAY_KEYS, kid=kid)
            if held is None or held["revoked_at"] is not None:
                continue
            self._update(schema.GATEWAY_KEYS, {"kid": kid}, {"revoked_at": self.at, "good_up_to": good})
            self.record(
                "key revoked", kid, self._site_of(held["gateway"]), gateway=held["gateway"], good_up_to=good
            )
            ended.append(kid)
            waiting += self._heirs(kid, good)
        return ended

    def _heirs(self, kid: str, good_up_to: str) -> list[tuple[str, str]]:
        """Keys that this one introduced in batches which are doubted, and what is good of them: nothing."""
        declared = read_good(good_up_to.split())
        table, found = schema.GATEWAY_KEYS, []
        query = sa.select(table.c.kid, table.c.stated_in).where(table.c.replaces == kid).order_by(table.c.kid)
        for heir, stated_in in self.connection.execute(query):
            epoch, seq = read_batch(stated_in)
            if declared and seq > declared.get(epoch, 0):
                found.append((str(heir), f"{epoch}:0"))
        return found


def _good(key: sa.RowMapping) -> dict[str, int]:
    return read_good(key["good_up_to"].split())
