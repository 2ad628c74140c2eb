"""Values in a site description: times of day, dates, instants, keys, names; refused with a way out."""

import base64
import binascii
from datetime import date, datetime, time
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from ingest_service.register.entries import Role
from osh_domain.exposure.clothing import CLOTHING_CAF
from osh_domain.quantities import UnknownQuantity, quantity
from osh_domain.readings import SYSTEM_SENSOR
from osh_domain.wall_clock import wall_clock

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ID: Final = r"^[a-z0-9][a-z0-9-]{2,31}$"
WORD: Final = r"^[a-z0-9][a-z0-9-]{0,31}$"
UNKNOWN: Final = "unknown"
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")


def instant_of(when: float | date | datetime, timezone: str) -> float:
    """A `When` as an instant: a date is its first moment there, a time without offset the site's own."""
    if isinstance(when, datetime):
        if when.tzinfo is not None:
            return when.timestamp()
        return wall_clock(timezone).instant(when.date(), when.time())
    return wall_clock(timezone).midnight(when) if isinstance(when, date) else when


def _wall_time(value: Any) -> Any:
    if isinstance(value, int):
        raise ValueError(  # noqa: TRY004 - pydantic collects ValueErrors
            "YAML read this time as a number; write it in quotes, like '16:00'"
        )
    if isinstance(value, str):
        try:
            wall = time.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no time of day; write it like '07:00'") from None
        if wall.tzinfo is not None:
            raise ValueError(f"{value!r} has an offset; write the time on the site's clock, like '07:00'")
        return wall
    return value


def _date(value: Any) -> Any:
    if isinstance(value, datetime):
        raise ValueError(f"{value} is a time; write a date like 2026-03-01")  # noqa: TRY004 - as above
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no date; write it like 2026-03-01") from None
    return value


def _when(value: Any) -> Any:
    if isinstance(value, (float, int)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, (date, datetime)):
        return value
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            return read(str(value))
        except ValueError:
            continue
    raise ValueError(
        f"{value!r} is no instant; write a date like 2026-03-01, a time at the site like "
        "'2026-03-01 07:00', or seconds since 1970 UTC"
    )


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no IANA time zone; write it like Asia/Phnom_Penh") from None
    return name


def _clothing(name: Any) -> Any:
    if name == UNKNOWN or name in CLOTHING_CAF:
        return name
    known = ", ".join((*CLOTHING_CAF, UNKNOWN))
    raise ValueError(f"{name!r} is no clothing that has a factor; write one of {known}, or clothing_caf")


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
When = Annotated[float | datetime | date, BeforeValidator(_when)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Clothing = Annotated[str, BeforeValidator(_clothing)]
QuantityName = Annotated[str, AfterValidator(_quantity)]
SensorId = Annotated[str, Field(pattern=WORD), AfterValidator(_sensor)]
PublicKey = Annotated[bytes, BeforeValidator(_public_key)]
RoleName = Annotated[Role, BeforeValidator(_role)]
Weekday = Annotated[int, BeforeValidator(_day)]
Pauses = list[Annotated[list[WallTime], Field(min_length=2, max_length=2)]]
Title = Annotated[str, Field(min_length=1, max_length=200)]
ShiftName = Annotated[str, Field(min_length=1, max_length=64)]
