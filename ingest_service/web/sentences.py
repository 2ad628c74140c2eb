"""The one sentence that stands before the numbers of each page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ingest_service.queries.models import Overview, Reason
from ingest_service.queries.places import Factory, HazardStanding, Past, Zone
from ingest_service.queries.records import Fleet, HistoryLine
from ingest_service.queries.rule_models import RulesInForce
from ingest_service.web.vocabulary import HAZARDS, N_, PERIODS
from ingest_service.web.words import Words

_MOST_NAMED: Final = 3
_LASTING: Final = {
    "heat": N_("%(zone)s has been too hot for continuous work since %(since)s."),
    "noise": N_("%(zone)s has been too loud since %(since)s."),
    "air": N_("The air in %(zone)s has been above a limit since %(since)s."),
}
_ABOVE: Final = {
    "heat": N_("%(zone)s is hotter than its limit right now."),
    "noise": N_("%(zone)s is louder than its limit right now."),
    "air": N_("The air in %(zone)s is above a limit right now."),
}
_WITHIN: Final = {
    "heat": N_("%(zone)s is within its heat limit."),
    "noise": N_("%(zone)s is within its noise limit."),
    "air": N_("The air in %(zone)s is within its limits."),
}
_GUIDELINE: Final = {
    "heat": N_("%(zone)s is above a guide value for heat."),
    "noise": N_("%(zone)s is above a guide value for noise."),
    "air": N_("The air in %(zone)s is above a guide value."),
}
_IDLE: Final = {
    "heat": N_("No shift is on. Heat in %(zone)s is judged over a shift."),
    "noise": N_("No shift is on. Noise in %(zone)s is judged over a shift."),
    "air": N_("No shift is on. The air in %(zone)s is judged over a shift."),
}
_UNTOLD: Final = {
    "heat": N_("Nobody can tell how hot %(zone)s is."),
    "noise": N_("Nobody can tell how loud %(zone)s is."),
    "air": N_("Nobody can tell how the air in %(zone)s is."),
}


def of_overview(words: Words, page: Overview) -> str:
    """How many factories went over a limit, and how many need a look."""
    _ = words._
    if not page.sites_total:
        return _("No factory is in view.")
    hazard = words.of(HAZARDS, page.hazard).lower()
    span = words.of(PERIODS, page.period.id)
    text = _.count(
        "%(over)s of %(n)s factory went over a %(hazard)s limit in the last %(span)s.",
        "%(over)s of %(n)s factories went over a %(hazard)s limit in the last %(span)s.",
        page.sites_total,
        over=_.number(page.sites_over),
        hazard=hazard,
        span=span,
    )
    if page.sites_untold:
        text += " " + _untold(words, page.sites_untold)
    if page.first:
        text += " " + _.count("%(n)s needs a look first.", "%(n)s need a look first.", len(page.first))
    return text


def _untold(words: Words, names: tuple[str, ...]) -> str:
    """Of how many nobody can tell, the first of them by name: none of them counts as not over."""
    _ = words._
    named = ", ".join(names[:_MOST_NAMED])
    if len(names) > _MOST_NAMED:
        named = _("%(names)s and others", names=named)
    return _.count("Nobody can tell for %(n)s: %(names)s.", "Nobody can tell for %(n)s: %(names)s.",
                   len(names), names=named)  # fmt: skip


def of_factory(words: Words, page: Factory) -> str:
    """How many zones are over, silent or unknown now."""
    _ = words._
    if not page.zones:
        return _("This factory has no zones yet.")
    parts = []
    if page.zones_over:
        parts.append(_.count("%(n)s zone over a limit", "%(n)s zones over a limit", page.zones_over))
    if page.zones_silent:
        parts.append(_.count("%(n)s silent", "%(n)s silent", page.zones_silent))
    if page.zones_cannot_tell:
        parts.append(_.count("%(n)s nobody can tell", "%(n)s nobody can tell", page.zones_cannot_tell))
    if not parts and any(zone.state == "idle" for zone in page.zones):
        return _("No shift is on, and nothing that is judged now is over a limit.")
    if not parts:
        return _.count("The zone is within its limits now.", "All %(n)s zones are within their limits now.",
                       len(page.zones))  # fmt: skip
    return _("Now: %(parts)s.", parts=", ".join(parts))


def of_zone(words: Words, page: Zone) -> str:
    """How the zone stands on the hazard of the page, or stood then."""
    if page.past is not None:
        return _of_past(words, page, page.past)
    return standing(words, page.name, page.standing, page.site.timezone)


def _of_past(words: Words, page: Zone, past: Past) -> str:
    _ = words._
    day = words.day(past.end - 60.0, page.site.timezone)
    if past.coverage is None:
        text = N_("Until the end of %(day)s, %(zone)s was not judged: no shift, or no rule in force then.")
    elif past.hours_above is None:
        text = N_("Until the end of %(day)s, nobody can tell for how long %(zone)s was above a limit.")
    elif not past.hours_above:
        text = N_("Until the end of %(day)s, %(zone)s was never measured above its limit.")
    else:
        text = N_("Until the end of %(day)s, %(zone)s was above its limit for %(hours)s.")
    return _(text, day=day, zone=page.name, hours=words.hours(past.hours_above))


def standing(words: Words, zone: str, one: HazardStanding, timezone: str) -> str:
    """How one hazard stands in one zone."""
    _ = words._
    if one.state == "silent":
        if one.reason.since is None:
            return _("Nothing has ever been heard from %(zone)s.", zone=zone)
        since = words.clock(one.reason.since, timezone)
        return _("Nothing has been heard from %(zone)s since %(since)s.", zone=zone, since=since)
    if one.reason.code == "not_watched":
        return _("This is not measured in %(zone)s.", zone=zone)
    if one.state == "notice":
        return _(_GUIDELINE[one.hazard], zone=zone)
    if one.state in {"danger", "warning"}:
        if one.since is not None and _for_newcomers(one):
            since = words.clock(one.since, timezone)
            return _(
                "%(zone)s has been too hot for people new to heat since %(since)s.", zone=zone, since=since
            )
        if one.since is not None:
            return _(_LASTING[one.hazard], zone=zone, since=words.clock(one.since, timezone))
        if _for_newcomers(one):
            return _("%(zone)s is too hot for people new to heat right now.", zone=zone)
        return _(_ABOVE[one.hazard], zone=zone)
    words_of = {"within": _WITHIN, "idle": _IDLE}.get(one.state, _UNTOLD)
    return _(words_of[one.hazard], zone=zone)


def _for_newcomers(one: HazardStanding) -> bool:
    """Whether the limit that decides protects only people who are not acclimatised yet."""
    return (
        one.hazard == "heat"
        and one.state == "warning"
        and one.limit is not None
        and one.limit.label.endswith("not acclimatised")
    )


_WHY: Final = {
    "no_limit": N_("No limit is in force for this."),
    "estimate": N_("Without a globe thermometer a value this close to the limit proves nothing."),
    "above_idle": N_("No shift is on, so no case is opened."),
    "above": N_("If it lasts, a case is opened and the committee is told."),
    "clothing": N_("Nobody has registered what people wear here, and clothing can add up to 11 degrees."),
    "silent": N_("A silent sensor says nothing about the air people breathe: measure by hand."),
}


def why(words: Words, one: HazardStanding, timezone: str) -> str:
    """A second, shorter sentence: why the state is so."""
    _ = words._
    reason = one.reason
    if reason.code == "coverage":
        if reason.number is None:
            return _("Nothing has been computed here yet.")
        return _("Only %(share)s of what is needed was measured.", share=words.percent(reason.number))
    if reason.code == "idle":
        last = one.judged
        if last is None or last.value is None or last.time is None:
            return _("Of the last shift nobody can tell.")
        value = f"{words.number(last.value, last.decimals)} {words.unit(last.unit)}"
        time = words.clock(last.time, timezone)
        return _("The last shift stood at %(value)s, %(time)s.", value=value, time=time)
    if reason.code == "old" and reason.since is not None:
        return _("The last value is from %(time)s.", time=words.clock(reason.since, timezone))
    if reason.code == "above" and one.state == "notice":
        return _("%(label)s; no limit is broken.", label=_(reason.text))
    return _(_WHY[reason.code]) if reason.code in _WHY else ""


def first_look(words: Words, reason: Reason) -> str:
    """Why a factory needs a look, as a few words."""
    _ = words._
    ago = words.span(words.now - reason.since) if reason.since is not None else ""
    if reason.code == "silent":
        return _("silent for %(span)s", span=ago) if ago else _("silent")
    if reason.code == "hours_above":
        return _("%(hours)s over the limit", hours=words.hours(reason.number))
    if reason.code == "rising":
        return _("rising (%(hours)s before)", hours=words.hours(reason.number))
    if reason.code == "hours_above_before":
        return _("%(hours)s over the limit before", hours=words.hours(reason.number))
    if reason.code == "case_open":
        return _.count("case open for %(span)s", "%(n)s cases, the oldest open for %(span)s",
                       reason.number or 0, span=ago)  # fmt: skip
    return _("only %(share)s measured", share=words.percent(reason.number))


def of_history(events: Sequence[HistoryLine]) -> list[HistoryLine]:
    """The events of a case for a reader: what ended in one instant for one reason is said once.

    At the end of a shift each rule parts and the severity falls step by step; nothing was measured meanwhile.
    """
    ends = {(one.at, one.text) for one in events if one.kind == "cleared"}
    return [one for one in events if one.kind not in {"parted", "eased"} or (one.at, one.text) not in ends]


def of_rules(words: Words, page: RulesInForce) -> str:
    """How many rules judge at the place, and how many gaps its law has."""
    _ = words._
    place = page.site_name or (words.place(page.country) if page.country else _("International rules"))
    text = _.count("%(place)s: %(n)s rule judges.", "%(place)s: %(n)s rules judge.", len(page.judged),
                   place=place)  # fmt: skip
    if page.gaps:
        gaps = len(page.gaps)
        text += " " + _.count("Its law has %(n)s gap.", "Its law has %(n)s gaps.", gaps)
    return text


def of_fleet(words: Words, page: Fleet) -> str:
    """How many gateways are silent, of all pages of the table."""
    _ = words._
    running, silent, look = page.gateways_total, page.gateways_silent, page.gateways_look
    if not running:
        return _("No gateway is registered yet.")
    if not silent:
        said = _.count("The gateway is reporting.", "All %(n)s gateways are reporting.", running)
    else:
        said = _.count(
            "%(n)s of %(all)s gateways is silent.",
            "%(n)s of %(all)s gateways are silent.",
            silent,
            all=_.number(running),
        )
    if not look:
        return said
    return f"{said} {_.count('%(n)s needs a look.', '%(n)s need a look.', look)}"
