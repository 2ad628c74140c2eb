"""The rules in force at a site or in a country: what judges, what is only shown, what law leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from alert_rules.exposures import UNITS, decimals
from alert_rules.layers import Effective, Place, PlacedGap
from alert_rules.pack_limits import limit_value
from alert_rules.pack_model import ExposureRule, NamedLimit, OwnLimit, Pack, Rule
from ingest_service.auth.access import Action
from ingest_service.queries.rule_models import (
    ClassLimit,
    GapLine,
    PlaceChoice,
    ProfileLine,
    RuleExplained,
    RuleLine,
    RulesInForce,
)
from ingest_service.queries.view import NotHere, View
from ingest_service.register.entries import Site
from osh_domain.limits import METABOLIC_CLASSES, UnknownLimitError, limit

HAZARDS: Final = ("heat", "noise", "air", "silence", "device")
_BY_CLASS: Final = frozenset({"iso7243", "niosh_heat", "niosh_rel"})


class _Chosen(NamedTuple):
    place: Place
    day: date
    site: Site | None
    country: str


def rules_in_force(view: View, site_id: str = "", country: str = "") -> RulesInForce:
    """The rules at a site, or in a country at large; without either the international ones.

    Raises NotHere for a site outside the person's scope, and for a country of which nothing is known.
    Rules of a site or a sector are shown with a site only.
    """
    sites = view.sites(Action.READ_SITE)
    chosen = _chosen(view, sites, site_id, country)
    standing = view.limits.rules_at(chosen.place, chosen.day)
    lines = [_line(one) for one in standing]
    return RulesInForce(
        now=view.now,
        day=chosen.day.isoformat(),
        site=chosen.site.id if chosen.site else "",
        site_name=chosen.site.name if chosen.site else "",
        country=chosen.country,
        sector=chosen.site.sector if chosen.site else "",
        judged=tuple(sorted((one for one in lines if one.judged), key=_order)),
        shown=tuple(sorted((one for one in lines if not one.judged and not one.optional), key=_order)),
        gaps=tuple(_gap(one, standing) for one in view.limits.gaps_at(chosen.place, chosen.day)),
        profiles=tuple(_profiles(standing)),
        sites=tuple(PlaceChoice(id=one.id, name=one.name) for one in sites),
        countries=tuple(_countries(view, sites)),
    )


def explained(view: View, pack_id: str, rule_id: str) -> RuleExplained:
    """One rule with everything that it compares; its table where the limit goes by class of work. NotHere."""
    pack, rule = rule_named(view, pack_id, rule_id)
    return RuleExplained(line=_of(pack, rule, judged=True, why=""), table=tuple(_table(rule)))


def rule_named(view: View, pack_id: str, rule_id: str) -> tuple[Pack, Rule]:
    """A rule of a general pack, or of the pack of a site that the person may see. Raises NotHere."""
    found = view.limits.rule(pack_id, rule_id)
    if found is None:
        raise NotHere("There is no such rule.")
    own = found[0].site
    if own is not None:
        view.site(own, Action.READ_SITE)
    return found


def _chosen(view: View, sites: list[Site], site_id: str, country: str) -> _Chosen:
    if site_id:
        site = view.site(site_id, Action.READ_SITE)
        return _Chosen(view.limits.place(site), _day(view, site.timezone), site, site.country)
    if country and country not in _countries(view, sites):
        raise NotHere(f"No rules are known for the country {country!r}.")
    timezone = next((one.timezone for one in sites if one.country == country), "UTC")
    return _Chosen(Place(country=country), _day(view, timezone), None, country)


def _countries(view: View, sites: list[Site]) -> list[str]:
    return sorted({*view.limits.countries(), *(site.country for site in sites)})


def _day(view: View, timezone: str) -> date:
    return datetime.fromtimestamp(view.now, ZoneInfo(timezone)).date()


def _order(line: RuleLine) -> tuple[int, str, float, str]:
    value = line.limits[0].acclimatised if line.limits else None
    return HAZARDS.index(line.hazard), line.kind, value or 0.0, line.rule


def _line(one: Effective) -> RuleLine:
    line = _of(one.pack, one.rule, judged=one.judged, why=one.why)
    confirmed = one.confirmation
    return line.model_copy(
        update={
            "replaces": one.replaced,
            "confirmed_by": f"{confirmed.by}, {confirmed.on}" if confirmed else "",
            "confirmed_reference": confirmed.reference if confirmed else "",
        }
    )


def _of(pack: Pack, rule: Rule, *, judged: bool, why: str) -> RuleLine:
    source = pack.source_of(rule)
    exposure = rule if isinstance(rule, ExposureRule) else None
    kind = exposure.exposure if exposure else ""
    return RuleLine(
        rule=rule.id,
        pack=pack.pack,
        version=pack.version,
        title=rule.title,
        hazard=rule.hazard,
        severity=rule.severity,
        layer=pack.layer,
        judged=judged,
        why=why,
        optional=pack.optional,
        kind=kind,
        unit=UNITS.get(kind, ""),
        decimals=decimals(kind),
        compare=exposure.compare if exposure else "",
        limits=tuple(_limits(exposure)) if exposure else (),
        instrument=source.instrument,
        clause=source.clause,
        confidence=source.confidence,
        valid_from=pack.valid_from.isoformat(),
        valid_to=pack.valid_to.isoformat() if pack.valid_to else "",
        looser=rule.looser.reason if rule.looser else "",
        country=pack.country or "",
        sector=pack.sector or "",
    )


def _limits(rule: ExposureRule) -> Iterator[ClassLimit]:
    """One number, or the least and the greatest class of work where the number goes by it."""
    table = list(_table(rule))
    if table:
        yield from table
        return
    found = limit_value(rule.limit, 2, acclimatised=True)
    if found is not None:
        yield ClassLimit(number=None, title="", low_w=None, high_w=None, acclimatised=found.value,
                         not_acclimatised=found.value)  # fmt: skip


def _table(rule: Rule) -> Iterator[ClassLimit]:
    """The limit of each class of work; nothing for limits that are one number for all."""
    if not isinstance(rule, ExposureRule) or isinstance(rule.limit, OwnLimit):
        return
    if isinstance(rule.limit, NamedLimit) and rule.limit.name not in _BY_CLASS:
        return
    for row in METABOLIC_CLASSES:
        values = [_value(rule, row.number, acclimatised=one) for one in (True, False)]
        if values == [None, None]:
            continue
        yield ClassLimit(
            number=row.number,
            title=row.title,
            low_w=row.low_w,
            high_w=row.high_w,
            acclimatised=values[0],
            not_acclimatised=values[1],
            band=_band(rule, row.number),
        )


def _value(rule: ExposureRule, number: int, *, acclimatised: bool) -> float | None:
    try:
        found = limit_value(rule.limit, number, acclimatised=acclimatised)
    except UnknownLimitError:
        return None
    return None if found is None else found.value


def _band(rule: ExposureRule, number: int) -> tuple[float, float] | None:
    """What the limit runs over in the class, for the people the rule is about."""
    if not isinstance(rule.limit, NamedLimit):
        return None
    acclimatised = rule.limit.people != "not_acclimatised"
    return limit(rule.limit.name, metabolic_class=number, acclimatised=acclimatised).band


def _gap(one: PlacedGap, standing: tuple[Effective, ...]) -> GapLine:
    """A gap with the rules that judge instead: those of that name, or of the pack of that name."""
    filling = [
        other
        for other in standing
        if other.judged
        and other.rule.hazard == one.gap.hazard
        and one.gap.falls_back_to in {other.rule.id, other.pack.pack}
    ]
    source = one.gap.source or one.pack.source
    return GapLine(
        hazard=one.gap.hazard,
        what=one.gap.what,
        note=one.gap.note,
        layer=one.layer,
        pack=one.pack.pack,
        falls_back_to=one.gap.falls_back_to,
        filled_by=tuple(_line(other) for other in filling),
        instrument=source.instrument,
        clause=source.clause,
        confidence=source.confidence,
    )


def _profiles(standing: tuple[Effective, ...]) -> Iterator[ProfileLine]:
    """The optional packs of the place, each once, with whether it was selected."""
    packs = {one.pack.pack: one.pack for one in standing if one.pack.optional}
    for pack in packs.values():
        rules = [one for one in standing if one.pack.pack == pack.pack]
        yield ProfileLine(
            pack=pack.pack,
            title=pack.title,
            selected=any(one.judged for one in rules),
            instrument=pack.source.instrument,
            confidence=pack.source.confidence,
            rules=tuple(_line(one) for one in rules),
        )
