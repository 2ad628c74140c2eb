"""Writing SenML: the pack of a gateway in our profile, and the resolved form of any pack."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from itertools import groupby
from math import floor

from osh_domain.json_number import number_text, string_text
from osh_domain.readings import Reading
from osh_domain.senml_record import DEFAULT_VERSION, MAX_PACK, MAX_RECORDS, VERSION, Record
from osh_domain.wire_error import WireError


def write_pack(gateway: str, readings: Iterable[Reading], *, clock_unknown: bool = False) -> bytes:
    """The pack of a gateway in our profile: compact, times ascending and to the millisecond, ``bver`` 26.

    ``clock_unknown`` writes ``btq_`` "none" for a batch whose header says ``clk`` "none". Raises
    ``WireError`` for what the profile refuses: nothing at all, another gateway's reading, a channel twice at
    one time.
    """
    ordered = sorted(readings, key=lambda reading: round(reading.time, 3))
    if not ordered or len(ordered) > MAX_RECORDS:
        raise WireError(
            "size", f"a pack holds 1 to {MAX_RECORDS} readings, not {len(ordered)}", rule="profile"
        )
    base = floor(ordered[0].time)
    lines: list[str] = []
    for _, group in groupby(ordered, key=lambda reading: round(reading.time, 3)):
        together = list(group)
        if len({reading.channel for reading in together}) != len(together):
            raise WireError("senml", "a channel has two readings at one time", rule="profile")
        lines += [_profile_record(gateway, reading, base) for reading in together]
    mark = ',"btq_":"none"' if clock_unknown else ""
    first = f'{{"bn":{string_text(gateway + "/")},"bt":{base},"bver":{VERSION}{mark},' + lines[0][1:]
    data = f"[{','.join([first, *lines[1:]])}]".encode()
    if len(data) > MAX_PACK:
        raise WireError("size", f"the pack has {len(data)} bytes, at most {MAX_PACK} go", rule="profile")
    return data


def _profile_record(gateway: str, reading: Reading, base: int) -> str:
    channel, time, value, unit, flags = reading
    if channel.gateway != gateway:
        raise WireError("senml", f"{channel} does not belong to {gateway}", rule="profile")
    parts = [f'"n":"{channel.sensor}/{channel.quantity}"']
    if unit:
        parts.append(f'"u":{string_text(unit)}')
    after = round(time - base, 3)
    if after:
        parts.append(f'"t":{number_text(after)}')
    parts.append(f'"{_value_label(value)}":{_text(value)}')
    if flags:
        parts.append(f'"q_":{int(flags)}')
    return f"{{{','.join(parts)}}}"


def resolved_json(records: Iterable[Record]) -> str:
    """The resolved form as one JSON array (R13); records keep the order given."""
    objects = (
        ",".join(f'"{label}":{_text(value)}' for label, value in resolved_fields(record).items())
        for record in records
    )
    return f"[{','.join(f'{{{one}}}' for one in objects)}]"


def resolved_fields(record: Record) -> dict[str, float | str | bool | bytes]:
    """A resolved record under the labels of JSON; data as bytes."""
    said: dict[str, float | str | bool | bytes] = {"n": record.name}
    if record.version != DEFAULT_VERSION:
        said["bver"] = record.version
    if record.clock is not None:
        said["btq_"] = record.clock
    if record.unit is not None:
        said["u"] = record.unit
    said["t"] = record.time
    if record.value is not None:
        said[_value_label(record.value)] = record.value
    if record.sum is not None:
        said["s"] = record.sum
    if record.update_time is not None:
        said["ut"] = record.update_time
    if record.flags:
        said["q_"] = int(record.flags)
    return said


def _value_label(value: float | str | bool | bytes) -> str:
    if isinstance(value, bool):
        return "vb"
    if isinstance(value, str):
        return "vs"
    return "vd" if isinstance(value, bytes) else "v"


def _text(value: float | str | bool | bytes) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return string_text(value)
    if isinstance(value, bytes):
        return f'"{base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")}"'
    return number_text(value)
