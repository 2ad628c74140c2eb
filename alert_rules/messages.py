"""The words of a notice, made from the frozen event and nothing else, so that both sides read the same.

Short on purpose: place, hazard, since when, how much against which limit, what to do, where to look. The
texts are English message ids with `%(name)s` places; a `Translate` says them in the reader's language.
Numbers are rounded here, for the eye, after everything was compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from alert_rules.advice import N_, in_order
from alert_rules.exposures import decimals
from alert_rules.ports import Translate

MOST_ADVICE: Final = 7

_HAZARDS: Final = {
    "heat": N_("Too hot"),
    "noise": N_("Too loud"),
    "air": N_("Bad air"),
    "air.co": N_("Carbon monoxide"),
    "air.co2": N_("Carbon dioxide"),
    "air.pm2_5": N_("Fine dust"),
    "air.pm10": N_("Dust"),
    "silence.channel": N_("Sensor silent"),
    "silence.gateway": N_("Gateway silent"),
    "silence.site": N_("No power or no link"),
}
_SEVERITIES: Final = {
    "danger": N_("DANGER"),
    "warning": N_("WARNING"),
    "notice": N_("NOTE"),
}
_WINDOWS: Final = {
    "wbgt_eff.twa60": N_("WBGT, average of the last hour"),
    "wbgt_eff.twa120": N_("WBGT, average of the last two hours"),
    "la.lex8h": N_("Noise of the shift so far, as an 8 h average"),
    "la.niosh_dose": N_("Noise dose of the shift so far"),
    "pm2_5.mean24h": N_("PM2.5, average of 24 hours"),
    "pm10.mean24h": N_("PM10, average of 24 hours"),
    "co.minute_max": N_("Carbon monoxide, highest of the last minute"),
    "co.twa8h": N_("Carbon monoxide, average of 8 hours"),
    "co2.stel15": N_("Carbon dioxide, average of 15 minutes"),
    "co2.twa8h": N_("Carbon dioxide, average of 8 hours"),
}
_UNITS: Final = {"Cel": "°C", "dB": "dB(A)", "ug/m3": "µg/m³"}


@dataclass(frozen=True, slots=True)
class Words:
    """Subject and body of one notice in one language."""

    subject: str
    body: str


def notice_words(kind: str, event: Mapping[str, Any], link: str, translate: Translate) -> Words:
    """Render a notice. `kind`: opened, worsened, cleared, or escalation-N; `event` as frozen in the case."""
    _ = translate
    place = _place(event)
    hazard = _(_HAZARDS.get(_hazard_key(event)) or str(event.get("title", "")))
    since = _clock(event, "since")
    if kind == "cleared":
        over = _("Shift over") if event.get("ended_by") == "shift_over" else _("Over")
        subject = _("%(word)s: %(hazard)s, %(place)s", word=over, hazard=hazard, place=place)
        lines = [
            subject,
            _("It began at %(since)s and ended at %(until)s.", since=since, until=_clock(event, "at")),
        ]
        lines += _ending(event, translate)
        if not event.get("cause"):
            lines.append(_("Please agree on closing the case, or write down what is still to do."))
    else:
        word = _(_SEVERITIES.get(str(event.get("severity")), ""))
        subject = _("%(word)s: %(hazard)s, %(place)s", word=word, hazard=hazard, place=place)
        lines = [subject, _since_line(kind, event, since, translate), *_numbers(event, translate)]
        lines += _advice(event, translate)
        lines.append(_("Please sign that you have seen it."))
    lines += [link, _("A fixed sensor supports screening; it does not measure one person's exposure.")]
    return Words(subject, "\n".join(line for line in lines if line))


def _hazard_key(event: Mapping[str, Any]) -> str:
    part = event.get("cause") or event.get("agent")
    hazard = str(event.get("hazard", ""))
    return f"{hazard}.{part}" if part else hazard


def _place(event: Mapping[str, Any]) -> str:
    names = [str(event[key]) for key in ("zone_name", "site_name") if event.get(key)]
    if event.get("cause") in {"channel", "gateway"}:
        names.insert(0, str(event.get("subject", "")))
    return ", ".join(names)


def _clock(event: Mapping[str, Any], key: str) -> str:
    """A site's own time with the name of its zone; never the reader's."""
    zone = str(event.get("timezone") or "UTC")
    return f"{datetime.fromtimestamp(float(event[key]), ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"


def _since_line(kind: str, event: Mapping[str, Any], since: str, translate: Translate) -> str:
    _ = translate
    if kind.startswith("escalation"):
        return _(
            "Since %(since)s, and not settled: %(reason)s.", since=since, reason=event.get("due_reason", "")
        )
    if kind == "worsened":
        return _("It got worse. Since %(since)s.", since=since)
    return _("Since %(since)s.", since=since)


def quantity_text(value: float, unit: str, kind: str, translate: Translate, more: int = 0) -> str:
    """A number with its unit, rounded for the eye; `more` decimals than usual."""
    shown = translate.number(value, decimals(kind) + more)
    return f"{shown} {_UNITS.get(unit, unit)}"


def _told_apart(value: float, limit: float, unit: str, kind: str, translate: Translate) -> tuple[str, str]:
    """Both rounded alike, with as many more decimals as it takes to see that they differ."""
    for more in range(4):
        texts = (
            quantity_text(value, unit, kind, translate, more),
            quantity_text(limit, unit, kind, translate, more),
        )
        if texts[0] != texts[1] or value == limit:
            break
    return texts


def _numbers(event: Mapping[str, Any], translate: Translate) -> list[str]:
    _ = translate
    if event.get("cause"):
        return [_("%(count)s expected channels report nothing.", count=event.get("channels", 0))]
    kind, unit = str(event.get("exposure", "")), str(event.get("unit", ""))
    limit = event["limit"]
    window = _(_WINDOWS.get(kind, kind))
    value, number = _told_apart(float(event["value"]), float(limit["value"]), unit, kind, translate)
    lines = [
        _("%(window)s: %(value)s; limit %(limit)s", window=window, value=value, limit=number)
        + f" ({limit['instrument']}, {limit['clause']}; {_(str(limit['label']))}).",
        _(
            "Measured share of the time: %(share)s %%.",
            share=translate.number(100.0 * float(event["coverage"])),
        ),
    ]
    if limit.get("confidence") != "verified":
        lines.append(_("The number of this limit has not been verified in its text."))
    return lines


def _ending(event: Mapping[str, Any], translate: Translate) -> list[str]:
    _ = translate
    if event.get("ended_by") == "shift_over":
        return [_("The shift ended; it was not measured below the limit before.")]
    if event.get("cause"):
        return [_("Readings flow again.")]
    if event.get("value") is None:
        return []
    kind, unit = str(event.get("exposure", "")), str(event.get("unit", ""))
    value = quantity_text(float(event["value"]), unit, kind, translate)
    return [_("%(window)s: %(value)s.", window=_(_WINDOWS.get(kind, kind)), value=value)]


def _advice(event: Mapping[str, Any], translate: Translate) -> list[str]:
    _ = translate
    found = in_order(tuple(event.get("advice", ())))[:MOST_ADVICE]
    if not found:
        return []
    return [_("Do now:"), *(f"{number}. {_(one.text)}" for number, one in enumerate(found, start=1))]
