"""The shape of a site description: what YAML or JSON may say about sites, devices and people.

Each item is checked by itself, so that one mistake does not hide another; what items say about each other is
checked in `description_check`.
"""

import base64
import binascii
from datetime import date, time
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ingest_service.register.entries import Role
from osh_domain.quantities import UnknownQuantity, quantity
from osh_domain.readings import SYSTEM_SENSOR

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ID: Final = r"^[a-z0-9][a-z0-9-]{2,31}$"
_WORD: Final = r"^[a-z0-9][a-z0-9-]{0,31}$"


def _wall_time(value: Any) -> Any:
    if isinstance(value, int):
        raise ValueError(  # noqa: TRY004 - pydantic collects ValueErrors
            "YAML read this time as a number; write it in quotes, like '16:00'"
        )
    if isinstance(value, str):
        try:
            return time.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no time of day; write it like '07:00'") from None
    return value


def _date(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no date; write it like 2026-03-01") from None
    return value


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no IANA time zone; write it like Asia/Phnom_Penh") from None
    return name


def _quantity(name: str) -> str:
    try:
        quantity(name)
    except UnknownQuantity as error:
        raise ValueError(str(error)) from None
    return name


def _sensor(name: str) -> str:
    if name == SYSTEM_SENSOR:
        raise ValueError(f"{SYSTEM_SENSOR!r} is the gateway itself; give the sensor another id")
    return name


def _public_key(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        raw = base64.b64decode(text.encode().translate(_URL_SAFE) + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise ValueError("this is no Ed25519 public key: 32 bytes as base64url, 43 characters")
    return raw


_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")


def _role(value: Any) -> Any:
    try:
        return Role(value)
    except ValueError:
        raise ValueError(f"{value!r} is no role; roles are {', '.join(Role)}") from None


def _day(value: Any) -> Any:
    if value in DAYS:
        return DAYS.index(value)
    raise ValueError(f"{value!r} is no day; write {', '.join(DAYS)}")


WallTime = Annotated[time, BeforeValidator(_wall_time)]
CalendarDate = Annotated[date, BeforeValidator(_date)]
QuantityName = Annotated[str, AfterValidator(_quantity)]
SensorId = Annotated[str, Field(pattern=_WORD), AfterValidator(_sensor)]
PublicKey = Annotated[bytes, BeforeValidator(_public_key)]
Title = Annotated[str, Field(min_length=1, max_length=200)]


class Item(BaseModel):
    """An item of a description: unknown keys and values of another kind are mistakes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class SiteItem(Item):
    """A factory; its lists (zones, shifts, gateways, people) are items of their own."""

    id: str = Field(pattern=_ID)
    name: Title
    country: str = Field(pattern=r"^[a-z]{2}$")
    district: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    timezone: Annotated[str, AfterValidator(_timezone)]
    sector: str = Field("garment", pattern=_WORD)
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)

    @property
    def scope(self) -> str:
        return f"{self.country}/{self.district}/{self.id}"


class ZoneItem(Item):
    """A zone; `id` is its word, without the site."""

    id: str = Field(pattern=_WORD)
    name: Title
    kind: str = Field(pattern=_WORD)
    metabolic_class: int = Field(1, ge=0, le=4)
    acclimatised: bool = True
    clothing_caf: float = Field(0.0, ge=-5, le=20)
    radiant_source: bool = False
    women: int = Field(0, ge=0, le=100_000)
    men: int = Field(0, ge=0, le=100_000)


class ShiftItem(Item):
    """A shift in the site's own wall time."""

    name: Title
    start: WallTime
    end: WallTime
    days: list[Annotated[int, BeforeValidator(_day)]] = Field(default=[0, 1, 2, 3, 4, 5], min_length=1)
    breaks: list[Annotated[list[WallTime], Field(min_length=2, max_length=2)]] = []
    valid_from: CalendarDate = Field(date.min, alias="from")
    valid_to: CalendarDate | None = Field(None, alias="to")


class GatewayItem(Item):
    """A device; `sensors` and `names` are items of their own."""

    id: str = Field(pattern=_ID)
    kind: Literal["signed", "foreign"] = "signed"
    key: PublicKey | None = None


class SensorItem(Item):
    """A sensor, the zone (its word) it stands in, and its channels: quantity -> period [s]."""

    id: SensorId
    zone: str
    height_m: float | None = Field(None, ge=0, le=100)
    channels: dict[QuantityName, Annotated[float, Field(gt=0, le=86_400)]] = Field(min_length=1)
    valid_from: float | None = Field(None, alias="from", description="Instant [s since 1970 UTC].")


class NameItem(Item):
    """What a name in a foreign device's packs means."""

    sensor: SensorId
    quantity: QuantityName


class ContactItem(Item):
    """One way to reach a person, as an apprise URL."""

    kind: Literal["email", "webhook", "sms", "chat"]
    url: str = Field(pattern=r"^[a-z][a-z0-9+.-]*://.+")


class PersonItem(Item):
    """A person. Inside a site the scope is the site unless it says otherwise. Passwords are never in here."""

    login: str = Field(pattern=r"^[a-z0-9][a-z0-9._@-]{1,63}$")
    name: Title
    role: Annotated[Role, BeforeValidator(_role)]
    scope: str | None = None
    language: str = Field("en", pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    valid_until: CalendarDate | None = None
    contacts: list[ContactItem] = []
