"""The shape of a site description: what YAML or JSON may say about sites, devices and people.

Each item is checked by itself, so that one mistake does not hide another; what items say about each other is
checked in `description_check`.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ingest_service.register.description_values import (
    ID,
    UNKNOWN,
    WORD,
    CalendarDate,
    Clothing,
    Pauses,
    PublicKey,
    QuantityName,
    RoleName,
    SensorId,
    ShiftName,
    Timezone,
    Title,
    WallTime,
    Weekday,
    When,
)
from osh_domain.exposure.clothing import clothing_caf


class Item(BaseModel):
    """An item of a description: unknown keys and values of another kind are mistakes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class SiteItem(Item):
    """A factory; its lists (zones, shifts, days off, gateways, people ...) are items of their own."""

    id: str = Field(pattern=ID)
    name: Title
    country: str = Field(pattern=r"^[a-z]{2}$")
    district: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    timezone: Timezone
    sector: str = Field("garment", pattern=WORD)
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)

    @property
    def scope(self) -> str:
        return f"{self.country}/{self.district}/{self.id}"


class ZoneItem(Item):
    """A zone; `id` is its word, without the site.

    What limits depend on has no default: a class of work, acclimatisation and clothing are never guessed.
    """

    id: str = Field(pattern=WORD)
    name: Title
    kind: str = Field(pattern=WORD)
    metabolic_class: int = Field(ge=0, le=4)
    acclimatised: bool
    clothing: Clothing | None = None
    clothing_caf: float | None = Field(None, ge=-5, le=20)
    radiant_source: bool = False
    outdoors: bool = False
    women: int = Field(0, ge=0, le=100_000)
    men: int = Field(0, ge=0, le=100_000)
    valid_from: When | None = Field(None, alias="from")

    @property
    def adjustment(self) -> float | None:
        """The clothing adjustment of ISO 7243 [degC]; None is not known."""
        if self.clothing is None:
            return self.clothing_caf
        return None if self.clothing == UNKNOWN else clothing_caf(self.clothing)


class ShiftItem(Item):
    """A shift in the site's own wall time."""

    name: ShiftName
    start: WallTime
    end: WallTime
    days: list[Weekday] = Field(default=[0, 1, 2, 3, 4, 5], min_length=1)
    breaks: Pauses = []
    valid_from: CalendarDate = Field(date.min, alias="from")
    valid_to: CalendarDate | None = Field(None, alias="to")


class DayOffItem(Item):
    """A day on which no shift starts, or several from `date` to `to`."""

    first: CalendarDate = Field(alias="date")
    last: CalendarDate | None = Field(None, alias="to")
    name: Title


class OvertimeItem(Item):
    """A shift of one day that is worked on until a later time of day, with the breaks of that part."""

    shift: ShiftName
    day: CalendarDate = Field(alias="date")
    until: WallTime
    breaks: Pauses = []


class SeasonItem(Item):
    """Days whose shifts replace the roster, like the fasting month; `shifts` are items of their own."""

    name: Title
    first: CalendarDate = Field(alias="from")
    last: CalendarDate = Field(alias="to")


class GatewayItem(Item):
    """A device; `sensors` and `names` are items of their own."""

    id: str = Field(pattern=ID)
    kind: Literal["signed", "foreign"] = "signed"
    key: PublicKey | None = None


class SensorItem(Item):
    """A sensor, the zone (its word) it stands in or null, and its channels: quantity -> period [s]."""

    id: SensorId
    zone: str | None
    height_m: float | None = Field(None, ge=0, le=100)
    channels: dict[QuantityName, Annotated[float, Field(gt=0, le=86_400)]]
    globe_diameter_m: float | None = Field(None, ge=0.02, le=0.5)
    serial: str | None = Field(None, min_length=1, max_length=64)
    valid_from: When | None = Field(None, alias="from")


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
    role: RoleName
    scope: str | None = None
    language: str = Field("en", pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=16)
    valid_until: CalendarDate | None = None
    contacts: list[ContactItem] = []
