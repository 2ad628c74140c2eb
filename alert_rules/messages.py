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
from alert_rules.doubt_words import doubt_line, shown_sensor
from alert_rules.exposures import decimals
from alert_rules.ports import Translate

MOST_ADVICE: Final = 7
MOST_DOUBTS: Final = 8
MOST_NAMES: Final = 3

_HAZARDS: Final = {
    "heat": N_("Too hot"),
    "noise": N_("Too loud"),
    "air": N_("Bad air"),
    "air.co": N_("Carbon monoxide"),
    "air.co2": N_("Carbon dioxide"),
    "air.pm2_5": N_("Fine dust"),
    "air.pm10": N_("Dust"),
    "air.hcho": N_("Formaldehyde"),
    "air.no2": N_("Nitrogen dioxide"),
    "air.va": N_("Air does not move"),
    "silence.channel": N_("Sensor silent"),
    "silence.gateway": N_("Gateway silent"),
    "silence.site": N_("No power or no link"),
    "device.stuck": N_("Value does not move"),
    "device.calibration": N_("Calibration lapsed"),
    "device.moved": N_("Sensor not in its place"),
    "device.clock": N_("Clock is wrong"),
    "device.backlog": N_("Readings wait on a gateway"),
    "device.disk": N_("Disk of a gateway nearly full"),
    "device.lost": N_("Readings were lost"),
    "device.refused": N_("Batches are refused"),
    "device.chain": N_("Chain of batches broken"),
    "device.clone": N_("A gateway seems to exist twice"),
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
    "co.stel15": N_("Carbon monoxide, average of 15 minutes"),
    "co.rise10": N_("Carbon monoxide, rise within ten minutes"),
    "ta.minute": N_("Air temperature"),
    "ta.mean60": N_("Air temperature, average of the last hour"),
    "ta.rise10": N_("Air temperature, rise within ten minutes"),
    "va.mean60": N_("Air speed, average of the last hour"),
    "la.osha_dose": N_("Noise dose of the shift so far, by the OSHA limit"),
    "la.osha_hc_dose": N_("Noise dose of the shift so far, by the OSHA action level"),
    "la.lex_week": N_("Noise of the week so far, as a daily average"),
    "hcho.twa8h": N_("Formaldehyde, average of 8 hours"),
    "hcho.stel15": N_("Formaldehyde, average of 15 minutes"),
    "no2.minute": N_("Nitrogen dioxide of the last minute"),
    "no2.stel15": N_("Nitrogen dioxide, average of 15 minutes"),
    "pm2_5.day": N_("PM2.5 of the day"),
    "pm10.day": N_("PM10 of the day"),
    "co2.stel15": N_("Carbon dioxide, average of 15 minutes"),
    "co2.twa8h": N_("Carbon dioxide, average of 8 hours"),
}
_OVER: Final = {
    "shift_over": N_("Shift over"),
    "pack_ended": N_("Judged no more"),
    "not_judged": N_("Judged no more"),
    "reclassified": N_("Judged no more"),
    "zone_removed": N_("Judged no more"),
    "not_expected": N_("Judged no more"),
}
_ENDED: Final = {
    "shift_over": N_("The shift ended; it was not measured below the limit before."),
    "pack_ended": N_("The rule is not in force any more; it was not measured below the limit before."),
    "not_judged": N_("Another rule holds here now; it was not measured below the limit before."),
    "reclassified": N_("The facts of the zone were changed; it was not measured below the limit before."),
    "zone_removed": N_("The zone is not registered any more; it was not measured below the limit before."),
}
_STILL_SILENT: Final = {
    "pack_ended": N_("The rule is not in force any more; readings did not come back."),
    "not_expected": N_("Nothing is expected of it any more; readings did not come back."),
}
_NOT_DONE: Final = {
    "acknowledged_by_both": N_("%(after)s later not both sides have said that they saw it"),
    "action_recorded": N_("%(after)s later no action has been written down"),
    "cleared": N_("%(after)s later it is still so"),
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
        over = _(_OVER.get(str(event.get("ended_by")), N_("Over")))
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
        if not event.get("cause"):  # of devices nobody signs
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
    if event.get("hazard") == "device":
        names.insert(0, _sensors(event))
    return ", ".join(names)


def _sensors(event: Mapping[str, Any]) -> str:
    """The sensors of a doubt: the first ones by name, of the others the number."""
    every = [shown_sensor(str(one)) for one in event.get("sensors", ())]
    shown = ", ".join(every[:MOST_NAMES])
    return f"{shown} (+{len(every) - MOST_NAMES})" if len(every) > MOST_NAMES else shown


def _clock(event: Mapping[str, Any], key: str) -> str:
    """A site's own time with the name of its zone; never the reader's."""
    zone = str(event.get("timezone") or "UTC")
    return f"{datetime.fromtimestamp(float(event[key]), ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"


def _since_line(kind: str, event: Mapping[str, Any], since: str, translate: Translate) -> str:
    _ = translate
    if kind.startswith("escalation"):
        return _("Since %(since)s, and not settled: %(reason)s.", since=since, reason=due_text(event, _))
    if kind == "worsened":
        return _("It got worse. Since %(since)s.", since=since)
    return _("Since %(since)s.", since=since)


def due_text(event: Mapping[str, Any], translate: Translate) -> str:
    """Why further people are told, in the reader's language; older events have it in English only."""
    known = _NOT_DONE.get(str(event.get("due_unless")))
    after = event.get("due_after_s")
    if known is None or not isinstance(after, int | float):
        return str(event.get("due_reason", ""))
    text = translate(known, after=_span(float(after), translate))
    return text if event.get("due_running", True) else text + translate("; it has ended for now")


def _span(seconds: float, translate: Translate) -> str:
    if seconds > 86400.0 and seconds % 86400.0 == 0.0:
        return translate("%(n)s days", n=translate.number(seconds / 86400.0))
    if seconds >= 3600.0:
        return translate("%(n)s h", n=translate.number(seconds / 3600.0, 1 if seconds % 3600.0 else 0))
    return translate("%(n)s min", n=translate.number(seconds / 60.0))


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
    if event.get("hazard") == "device":
        doubts = [doubt_line(one, translate) for one in event.get("doubts", ())]
        return list(dict.fromkeys(doubts))[:MOST_DOUBTS]
    if event.get("cause"):
        return [_("%(count)s expected channels report nothing.", count=event.get("channels", 0))]
    limit = event["limit"]
    source = f" ({limit['instrument']}, {limit['clause']}; {_(str(limit['label']))})."
    lines = [_against_limit(event, translate) + source]
    if event.get("coverage") is not None:
        share = translate.number(100.0 * float(event["coverage"]))
        lines.append(_("Measured share of the time: %(share)s %%.", share=share))
    if limit.get("confidence") != "verified":
        lines.append(_("The number of this limit has not been verified in its text."))
    return lines


def _against_limit(event: Mapping[str, Any], translate: Translate) -> str:
    """The value and the limit; only the limit where the value of that minute is not known any more."""
    _ = translate
    kind, unit = str(event.get("exposure", "")), str(event.get("unit", ""))
    window, limit = _(_WINDOWS.get(kind, kind)), float(event["limit"]["value"])
    if event.get("value") is None:
        return _("%(window)s: limit %(limit)s", window=window, limit=quantity_text(limit, unit, kind, _))
    value, number = _told_apart(float(event["value"]), limit, unit, kind, translate)
    return _("%(window)s: %(value)s; limit %(limit)s", window=window, value=value, limit=number)


def _ending(event: Mapping[str, Any], translate: Translate) -> list[str]:
    _ = translate
    why = str(event.get("ended_by"))
    ended = (_STILL_SILENT if event.get("cause") else _ENDED).get(why)
    if ended is not None:
        return [_(ended)]
    if event.get("hazard") == "device":
        return [_("It is right again, or is not expected any more.")]
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
