"""What must fit together within one pack and one rule, beyond the form of each key."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

from alert_rules.advice import ADVICE
from alert_rules.exposures import UNITS, near
from alert_rules.pack_limits import NamedLimit
from alert_rules.pack_model import ExposureRule, Layer, Pack, Rule, SilenceRule
from osh_domain.limits import LIMIT_NAMES, MEANT_FOR, UnknownLimitError, limit
from osh_domain.quantities import QUANTITIES

Problem = tuple[str, str, str]
"""Key, problem, way out."""

_BOTH_SIDES = frozenset({"committee.worker", "committee.management"})
_NEEDED: Final[dict[Layer, tuple[str, ...]]] = {
    "international": (),
    "country": ("country",),
    "sector": ("sector",),
    "site": ("site",),
}
_ALLOWED: Final[dict[Layer, tuple[str, ...]]] = {**_NEEDED, "sector": ("country", "sector")}


def header_problems(pack: Pack, rules: int) -> Iterator[Problem]:
    """Every mistake in how the keys of a pack go together; `rules` is how many it lists."""
    if not (rules or pack.gaps or pack.confirmations or pack.selects):
        yield "rules", "there are no rules", "Write a list of rules, or of 'gaps', under it."
    if pack.valid_to is not None and pack.valid_to < pack.valid_from:
        yield "valid_to", "it is before valid_from", "Mend one of the dates."
    for key in _NEEDED[pack.layer]:
        if getattr(pack, key) is None:
            yield key, f"a pack of the layer '{pack.layer}' needs it", f"Add '{key}'."
    for key in ("country", "sector", "site"):
        if getattr(pack, key) is not None and key not in _ALLOWED[pack.layer]:
            way_out = f"Write 'layer: {key}', or remove '{key}'."
            yield key, f"a pack of the layer '{pack.layer}' speaks of no {key}", way_out
    seen: set[str] = set()
    for number, one in enumerate(pack.confirmations):
        if one.rule in seen:
            yield f"confirmations.{number}", f"{one.rule} is confirmed twice", "Keep one of them."
        seen.add(one.rule)


def inherited_problems(pack: Pack, rules: Iterable[Rule]) -> Iterator[tuple[str, Problem]]:
    """Rules, by id, that take over from the pack that no number was found."""
    for rule in rules:
        if isinstance(rule, ExposureRule) and rule.source is None and pack.source.confidence == "none_found":
            way_out = "Give the rule its own source, or name what is missing under 'gaps'."
            yield rule.id, ("source", "the pack's source says that no number was found", way_out)


def rule_problems(rule: Rule) -> list[Problem]:
    """Every mistake in how the keys of a rule go together."""
    problems = [*_advice_problems(rule), *_recipient_problems(rule)]
    if rule.looser is not None and rule.replaces is None:
        problems.append(("looser", "it replaces nothing that it could be looser than", "Remove it."))
    if isinstance(rule, ExposureRule):
        return [*problems, *_own_hazard(rule), *_exposure_problems(rule)]
    hazard = "silence" if isinstance(rule, SilenceRule) else "device"
    if rule.hazard != hazard:
        key = "silence" if isinstance(rule, SilenceRule) else "watch"
        problems.append(("hazard", f"a rule with the key '{key}' has the hazard '{hazard}'", "Write that."))
    return problems


def _own_hazard(rule: ExposureRule) -> Iterator[Problem]:
    if rule.hazard in ("silence", "device"):
        key = "silence" if rule.hazard == "silence" else "watch"
        yield "hazard", f"'{rule.hazard}' belongs to rules with the key '{key}'", "Name the hazard."
    elif rule.exposure in UNITS and rule.hazard != _hazard_of(rule.exposure):
        meant = _hazard_of(rule.exposure)
        yield "hazard", f"{rule.exposure} is about {meant}, not {rule.hazard}", f"Write 'hazard: {meant}'."


def _hazard_of(exposure: str) -> str:
    """The hazard that a kind of exposure is about; what is computed from several quantities is heat."""
    stem = exposure.partition(".")[0]
    return QUANTITIES[stem].hazard if stem in QUANTITIES else "heat"


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
    if rule.source is not None and rule.source.confidence == "none_found":
        way_out = "Name what is missing under 'gaps'; nothing is invented."
        yield "source.confidence", "where no number was found there is none to judge", way_out
    yield from _limit_problems(rule, unit)
    yield from _clear_problems(rule, unit)


def _clear_problems(rule: ExposureRule, unit: str) -> Iterator[Problem]:
    key, sign, wrong = ("below", "-", "above") if rule.upward else ("above", "+", "below")
    if getattr(rule.clear, wrong) is not None:
        problem = f"a rule that compares {rule.compare.replace('_', ' ')} clears {key} a line"
        yield f"clear.{wrong}", problem, f"Write '{key}: limit {sign} NUMBER'."
        return
    offset = getattr(rule.clear, key)
    if offset is None:
        yield f"clear.{key}", "it is missing", f"Add '{key}: limit {sign} NUMBER'."
        return
    if offset.sign not in {"", sign}:
        problem = "the clearing line lies on the wrong side of the limit"
        yield f"clear.{key}", problem, f"Write 'limit {sign} {offset.value:g}'."
    if offset.unit and offset.unit != unit:
        problem = f"its unit is {offset.unit!r}, but {rule.exposure} is in {unit!r}"
        yield f"clear.{key}", problem, f"Write {unit}."


def _limit_problems(rule: ExposureRule, unit: str) -> Iterator[Problem]:
    if isinstance(rule.limit, NamedLimit):
        yield from _named_problems(rule, rule.limit, unit)
        return
    if rule.limit.unit != unit:
        problem = f"its unit is {rule.limit.unit!r}, but {rule.exposure} is in {unit!r}"
        yield "limit", problem, f"Write the value in {unit}."
    if rule.source is None:
        yield "source", "a number of the pack's own needs its source", "Add instrument, clause, confidence."


def _named_problems(rule: ExposureRule, named: NamedLimit, unit: str) -> Iterator[Problem]:
    try:
        entry = limit(named.name, metabolic_class=1, acclimatised=True)
    except UnknownLimitError as error:
        found = get_close_matches(named.name, LIMIT_NAMES, n=1)
        yield "limit", str(error), f"Write {found[0]}." if found else "Or write a value with its unit."
        return
    if entry.unit != unit or rule.exposure not in MEANT_FOR[named.name]:
        problem = f"{named.name} ({entry.label}) is no limit for {rule.exposure}"
        yield "limit", problem, "Quantities of different kinds are never compared: choose another limit."
    if not rule.upward or entry.strict != rule.strict:
        meant = "above" if entry.strict else "at_or_above"
        yield "compare", f"{named.name} is exceeded {meant.replace('_', ' ')}", f"Write 'compare: {meant}'."
