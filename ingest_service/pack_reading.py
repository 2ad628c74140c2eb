"""From the records of a pack to readings of known channels, and remarks on everything that is none.

Intake uses the remarks (a person sees them on the quarantine page), the projector the readings; both get them
from here, so no record can be left out of the series without a remark. The record itself is never lost: the
batch is in the ledger as received, and projecting it again after a fix, say of a name, brings it in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from ingest_service.ledger.port import Remark
from ingest_service.register.entries import ForeignName
from osh_domain.batch import Header
from osh_domain.quality import FUTURE_S, TimeQuality, time_quality
from osh_domain.quantities import Quantity, UnknownQuantity, WrongUnit, convert, quantity
from osh_domain.readings import Channel, Reading
from osh_domain.senml import Record

SENML = "senml"
LOWEST_ABSOLUTE = 2**28
TIME = "time"
"""Code of remarks on times; it never goes over the wire, since the batch itself is accepted."""


class _Judgement(NamedTuple):
    channel: Channel | None
    unit: str | None
    remark: Remark | None
    row: Quantity | None = None


def relative_to(header: Header, received_at: float) -> float:
    """What the relative times of a sealed pack count from.

    A machine that woke in 1970 stamps its readings with seconds below 2^28, which SenML would take for
    relative ones; they are its own clock's absolute times, and an anchor will say what they mean.
    """
    return 0.0 if header.off + header.mono[1] < LOWEST_ABSOLUTE else received_at


def time_quality_of(header: Header, records: Sequence[Record], received_at: float) -> TimeQuality:
    """How far the times of a batch can be trusted, as long as no later anchor corrects them."""
    ahead = records[-1].time - received_at if records else 0.0
    return time_quality(header.clk, header.err, ahead_s=ahead)


def time_remark(header: Header, quality: TimeQuality) -> Remark | None:
    """The remark for a batch that stays out of the series until its times are known."""
    if quality < TimeQuality.BOUNDED:
        return None
    if quality == TimeQuality.UNKNOWN:
        why = f"times more than {FUTURE_S / 60:.0f} minutes ahead of their arrival (clock: {header.clk})"
    else:
        why = f"times without a trustworthy clock (clock: {header.clk}, error: {header.err} s)"
    return Remark(
        TIME,
        f"{quality.name} {header.boot}",
        f"boot {header.boot}: {why}; kept out of the series until an anchor of the same boot arrives",
    )


def remarks_on(records: Iterable[Record]) -> list[Remark]:
    """What a person should know about the records of a sealed batch; one for each channel and trouble."""
    found: dict[str, Remark] = {}
    for record in records:
        judged = _judge(record.name, record.unit, type(record.value).__name__)
        remark = judged.remark or _impossible(record.name, record.value, judged.row)
        if remark is not None:
            found[remark.subject] = remark
    return list(found.values())


def readings_of(records: Iterable[Record]) -> list[Reading]:
    """The readings of a sealed batch, in the quantity's own unit; records with a remark are left out."""
    found: list[Reading] = []
    for record in records:
        judged = _judge(record.name, record.unit, type(record.value).__name__)
        value = record.value
        if judged.channel is None or value is None or isinstance(value, bytes):
            continue
        if type(value) is not float or judged.row is None or judged.row.possible(value):
            found.append(Reading(judged.channel, record.time, value, judged.unit, record.flags))
    return found


def read_foreign(
    gateway: str, records: Iterable[Record], names: Mapping[str, ForeignName], received_at: float
) -> tuple[list[Reading], list[Remark]]:
    """The readings of a bare pack and the remarks on what is none.

    A name is looked up in the register's table for this device first; else it must have the form
    gateway/sensor/quantity with the device's own id. Units that compare are converted.
    """
    readings: list[Reading] = []
    remarks: dict[str, Remark] = {}
    for record in records:
        found = _foreign_reading(gateway, record, names, received_at)
        if isinstance(found, Remark):
            remarks[found.code + found.subject] = found
        else:
            readings.append(found)
    return readings, list(remarks.values())


@lru_cache(maxsize=65_536)
def _judge(name: str, unit: str | None, kind: str) -> _Judgement:
    """What a record of this name, unit and type of value is. Cached: a gateway repeats the same few."""
    try:
        channel = Channel.parse(name)
        row = quantity(channel.quantity)
    except UnknownQuantity as error:
        return _Judgement(None, None, Remark(SENML, f"{name} quantity", f"{name}: {error}"))
    except ValueError as error:
        return _Judgement(None, None, Remark(SENML, f"{name[:80]} name", str(error)))
    wrong = _wrong_kind(name, row.unit, kind)
    if wrong is None and kind == "float" and unit != row.unit:
        wrong = f"{name} is measured in {row.unit}, not in {unit or 'no unit'}"
    if wrong is not None:
        return _Judgement(None, None, Remark(SENML, f"{name} {unit or ''} {kind}", wrong))
    return _Judgement(channel, row.unit or None, None, row)


def _impossible(name: str, value: object, row: Quantity | None) -> Remark | None:
    """The remark on a number that no sensor can have measured; averages over it would have no meaning."""
    if type(value) is not float or row is None or row.possible(value):
        return None
    why = f"{name}: {value:g} {row.unit} is no measurement, plausible is {row.low:g} to {row.high:g}"
    return Remark(SENML, f"{name} range", why)


def _wrong_kind(name: str, unit: str, kind: str) -> str | None:
    if kind == "float":
        return None if unit else f"{name} is told in words, not as a number"
    if kind in ("str", "bool"):
        return f"{name} is a number in {unit}, not a word" if unit else None
    return f"{name} carries neither a number nor a word; sums and data are kept in the ledger only"


def _foreign_reading(
    gateway: str, record: Record, names: Mapping[str, ForeignName], received_at: float
) -> Reading | Remark:
    mapped = names.get(record.name)
    name = f"{gateway}/{mapped.sensor}/{mapped.quantity}" if mapped is not None else record.name
    try:
        channel = Channel.parse(name)
        row = quantity(channel.quantity)
    except ValueError:
        return _unmapped(record.name)
    if channel.gateway != gateway:
        return _unmapped(record.name)
    wrong = _wrong_kind(name, row.unit, type(record.value).__name__)
    if wrong is not None:
        return Remark(SENML, f"{record.name} {type(record.value).__name__}", wrong)
    if record.time > received_at + FUTURE_S:
        return Remark(
            TIME,
            f"{record.name} future",
            f"{record.name}: times more than {FUTURE_S / 60:.0f} minutes ahead of arrival; not projected",
        )
    return _converted(channel, record, row)


def _converted(channel: Channel, record: Record, row: Quantity) -> Reading | Remark:
    value, unit = record.value, row.unit
    if isinstance(value, float):
        try:
            value = convert(value, record.unit or "", unit)
        except WrongUnit as error:
            return Remark(SENML, f"{record.name} unit {record.unit}", f"{record.name}: {error}")
        remark = _impossible(record.name, value, row)
        if remark is not None:
            return remark
    if value is None or isinstance(value, bytes):
        raise AssertionError("values of that kind were turned away before")
    return Reading(channel, record.time, value, unit or None, record.flags)


def _unmapped(name: str) -> Remark:
    return Remark(
        SENML,
        f"{name[:120]} unmapped",
        f"{name[:120]!r} is neither gateway/sensor/quantity of this device nor in its table of names; "
        "add it to the register, then rebuild the series",
    )
