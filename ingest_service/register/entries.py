"""What the register knows, as plain frozen records. Instants are seconds since 1970 UTC."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from osh_domain.gateway_keys import Validity, read_batch, read_good

Side = Literal["worker", "management"]
GatewayKind = Literal["signed", "foreign"]


class Role(StrEnum):
    """What a person is here; what a role may do is decided by `auth.access.may` alone."""

    AUTHORITY = "authority"
    COMMITTEE_WORKER = "committee-worker"
    COMMITTEE_MANAGEMENT = "committee-management"
    ADVISER = "adviser"
    ENGINEER = "engineer"
    ADMINISTRATOR = "administrator"
    PUBLIC = "public"

    @property
    def side(self) -> Side | None:
        """The side of the factory's committee that this role sits on."""
        if self is Role.COMMITTEE_WORKER:
            return "worker"
        return "management" if self is Role.COMMITTEE_MANAGEMENT else None


@dataclass(frozen=True, slots=True)
class Site:
    """A factory. `country` and `district` are path words (`kh`, `phnom-penh`)."""

    id: str
    name: str
    country: str
    district: str
    timezone: str
    sector: str
    latitude: float | None
    longitude: float | None

    @property
    def scope(self) -> str:
        """The site's node in the tree country > district > site > zone."""
        return f"{self.country}/{self.district}/{self.id}"


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of a factory where people do one kind of work; `id` is `site/zone`.

    `metabolic_class` 0-4 and `clothing_caf` [degC] are those of ISO 8996 and ISO 7243; a `clothing_caf` of
    None is not known, and then effective WBGT cannot be told. `women` and `men` are headcounts. All but the
    id, the site, the name and the kind are facts that change with time: `RegisterSnapshot.zone_as_of`.
    """

    id: str
    site: str
    name: str
    kind: str
    metabolic_class: int
    acclimatised: bool
    clothing_caf: float | None
    radiant_source: bool
    women: int
    men: int
    outdoors: bool = False

    @property
    def word(self) -> str:
        """The zone's own part of its id."""
        return self.id.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Gateway:
    """A device that delivers: `signed` seals its batches, `foreign` sends bare SenML."""

    id: str
    site: str
    kind: GatewayKind
    added_at: float
    revoked_at: float | None


@dataclass(frozen=True, slots=True)
class GatewayKey:
    """An Ed25519 public key of a gateway, `kid` as in the wire protocol.

    `valid_to` ends the week in which it overlaps with the key that follows it; `good_up_to` (`EPOCH:SEQ ...`)
    is what it vouches for after its end; `replaces` is the key that introduced it in the batch `stated_in`,
    `used_from` the first batch it signed (`EPOCH:SEQ`). See `osh_domain.gateway_keys`.
    """

    kid: str
    gateway: str
    public_key: bytes
    valid_from: float
    revoked_at: float | None
    last_good_seq: int | None
    valid_to: float | None = None
    good_up_to: str = ""
    replaces: str | None = None
    stated_in: str | None = None
    used_from: str | None = None

    def valid_at(self, t: float) -> bool:
        """Whether the key was in force at that instant."""
        ends = [end for end in (self.valid_to, self.revoked_at) if end is not None]
        return self.valid_from <= t and all(t < end for end in ends)

    @property
    def validity(self) -> Validity:
        """Which batches it vouches for."""
        return _validity(self)


@lru_cache(maxsize=65_536)
def _validity(key: GatewayKey) -> Validity:
    good = read_good(key.good_up_to.split())
    stated = None if key.stated_in is None else read_batch(key.stated_in)
    return Validity(
        key.gateway, key.valid_from, key.valid_to, key.revoked_at, good, key.last_good_seq, stated
    )


@dataclass(frozen=True, slots=True)
class Placement:
    """A sensor stood in a zone from `valid_from` until before `valid_to`.

    `globe_diameter_m` None is the standard globe of 150 mm; `serial` is the instrument's own, None unknown.
    """

    gateway: str
    sensor: str
    zone: str
    valid_from: float
    valid_to: float | None
    height_m: float | None
    globe_diameter_m: float | None = None
    serial: str | None = None

    def valid_at(self, t: float) -> bool:
        """Whether the sensor stood there at that instant."""
        return self.valid_from <= t and (self.valid_to is None or t < self.valid_to)


@dataclass(frozen=True, slots=True)
class ExpectedChannel:
    """A channel that is due a reading every `period_s`; coverage and silence are judged against it."""

    gateway: str
    sensor: str
    quantity: str
    period_s: float
    valid_from: float
    valid_to: float | None

    def valid_at(self, t: float) -> bool:
        """Whether readings were due at that instant."""
        return self.valid_from <= t and (self.valid_to is None or t < self.valid_to)


@dataclass(frozen=True, slots=True)
class ForeignName:
    """What a record of a foreign device's pack means to us."""

    gateway: str
    name: str
    sensor: str
    quantity: str


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who may sign in or be told. `scope` is a node of the tree, "" for everything."""

    id: int
    login: str
    name: str
    role: Role
    scope: str
    side: Side | None
    language: str
    active: bool
    valid_until: float | None


@dataclass(frozen=True, slots=True)
class Contact:
    """One way to reach a person; `url` is apprise's and may hold a secret, so it stays out of repr."""

    id: int
    person: int
    kind: str
    url: str

    def __repr__(self) -> str:
        return f"Contact(id={self.id}, person={self.person}, kind={self.kind!r})"
