"""What must fit together within one rule, beyond the form of each key."""

from collections.abc import Iterator
from difflib import get_close_matches

from alert_rules.advice import ADVICE
from alert_rules.exposures import UNITS, near
from alert_rules.pack_model import ExposureRule, NamedLimit, OwnLimit, Rule, SilenceRule
from osh_domain.limits import LIMIT_NAMES, UnknownLimitError, limit

Problem = tuple[str, str, str]
"""Key, problem, way out."""

# What a named limit is about, by the beginning of its name; equal units do not make equal quantities.
_MEANT_FOR = {
    "iso7243": ("wbgt_eff.",),
    "niosh_heat": ("wbgt_eff.",),
    "niosh_rel": ("wbgt_eff.",),
    "niosh_ral": ("wbgt_eff.",),
    "osha_heat_index": ("heat_index.",),
    "niosh_noise": ("la.lex8h", "la.projected_lex8h"),
    "niosh_dose": ("la.niosh_dose",),
    "eu_": ("la.lex8h", "la.projected_lex8h"),
    "who_pm2_5": ("pm2_5.mean24h",),
    "who_pm10": ("pm10.mean24h",),
    "co_": ("co.",),
    "co2_": ("co2.",),
}
_BOTH_SIDES = frozenset({"committee.worker", "committee.management"})


def rule_problems(rule: Rule) -> list[Problem]:
    """Every mistake in how the keys of a rule go together."""
    problems = [*_advice_problems(rule), *_recipient_problems(rule)]
    if isinstance(rule, SilenceRule):
        if rule.hazard != "silence":
            problems.append(("hazard", "a rule of silence has the hazard 'silence'", "Write that."))
        return problems
    if rule.hazard == "silence":
        problems.append(("hazard", "'silence' belongs to rules with the key 'silence'", "Name the hazard."))
    return [*problems, *_exposure_problems(rule)]


def _advice_problems(rule: Rule) -> Iterator[Problem]:
    for number, one in enumerate(rule.advice):
        if one not in ADVICE:
            found = get_close_matches(one, ADVICE, n=1)
            hint = f"Did you mean {found[0]}?" if found else f"There are: {', '.join(ADVICE)}."
            yield f"advice.{number}", f"no advice is called {one!r}", hint


def _recipient_problems(rule: Rule) -> Iterator[Problem]:
    groups = [("tell", rule.tell), *((f"escalate.{n}.to", one.to) for n, one in enumerate(rule.escalate))]
    for key, told in groups:
        if len(_BOTH_SIDES.intersection(told)) == 1:
            yield key, "only one side of the committee is told", "Both sides hear the same: name both."
    if rule.severity != "notice" and not rule.tell:
        yield "tell", f"nobody is told of a {rule.severity}", "Name both sides of the committee."
    if rule.escalate and not rule.tell:
        yield "escalate", "it escalates a case that nobody is told of", "Add 'tell', or remove it."


def _exposure_problems(rule: ExposureRule) -> Iterator[Problem]:
    unit = UNITS.get(rule.exposure)
    if unit is None:
        yield "exposure", f"no exposure is called {rule.exposure!r}", near(rule.exposure)
        return
    yield from _limit_problems(rule, unit)
    offset = rule.clear.below
    if offset.unit and offset.unit != unit:
        yield (
            "clear.below",
            f"its unit is {offset.unit!r}, but {rule.exposure} is in {unit!r}",
            f"Write {unit}.",
        )


def _limit_problems(rule: ExposureRule, unit: str) -> Iterator[Problem]:
    if isinstance(rule.limit, OwnLimit):
        if rule.limit.unit != unit:
            problem = f"its unit is {rule.limit.unit!r}, but {rule.exposure} is in {unit!r}"
            yield "limit", problem, f"Write the value in {unit}."
        if rule.source is None:
            yield (
                "source",
                "a number of the pack's own needs its source",
                "Add instrument, clause, confidence.",
            )
        return
    yield from _named_problems(rule, rule.limit, unit)


def _named_problems(rule: ExposureRule, named: NamedLimit, unit: str) -> Iterator[Problem]:
    try:
        entry = limit(named.name, metabolic_class=1, acclimatised=True)
    except UnknownLimitError as error:
        found = get_close_matches(named.name, LIMIT_NAMES, n=1)
        yield "limit", str(error), f"Write {found[0]}." if found else "Or write a value with its unit."
        return
    if entry.unit != unit or not rule.exposure.startswith(_meant_for(named.name)):
        problem = f"{named.name} ({entry.label}) is no limit for {rule.exposure}"
        yield "limit", problem, "Quantities of different kinds are never compared: choose another limit."
    if entry.strict != (rule.compare == "above"):
        meant = "above" if entry.strict else "at_or_above"
        yield "compare", f"{named.name} is exceeded {meant.replace('_', ' ')}", f"Write 'compare: {meant}'."


def _meant_for(name: str) -> tuple[str, ...]:
    for beginning, exposures in _MEANT_FOR.items():
        if name.startswith(beginning):
            return exposures
    return ("",)
