"""Which rules hold at a place on a day: layers over layers, and what is shown but does not judge.

Every layer adds rules; a rule that `replaces` one of a broader layer takes its place. A rule is judged where
its number is confirmed: read in its source, or confirmed by a pack of the installation. International
reference values are judged also while they wait for confirmation, with that word beside them: a protective
value claims no law, and a ceiling of carbon monoxide that nobody watches protects nobody. Optional profiles
judge where a pack of the installation selects them. Pure; callers keep the answer for a place and a day.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from alert_rules.pack_model import CONFIRMED, LAYERS, Confirmation, Gap, Layer, Pack, Rule


@dataclass(frozen=True, slots=True)
class Place:
    """Where rules are asked for; an empty part leaves that layer out. `country` is a path word (`bd`)."""

    country: str = ""
    sector: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class Effective:
    """A rule at a place on a day. `replaced`: the broader rules whose place it takes, the nearest first.

    `why` says what makes it judge, or why it does not. `confirmation`: who stands for its number here.
    """

    pack: Pack
    rule: Rule
    layer: Layer
    replaced: tuple[str, ...]
    judged: bool
    why: str
    confirmation: Confirmation | None = None


@dataclass(frozen=True, slots=True)
class PlacedGap:
    """A gap of a layer, with the pack that names it."""

    pack: Pack
    gap: Gap
    layer: Layer


def applies(pack: Pack, place: Place) -> bool:
    """Whether a pack is for a place."""
    wanted = ((pack.country, place.country), (pack.sector, place.sector), (pack.site, place.site))
    return all(asked is None or asked == there for asked, there in wanted)


def packs_at(packs: Iterable[Pack], place: Place, day: date | None = None) -> tuple[Pack, ...]:
    """The packs at a place on a day, the broadest layer first; without a day the newest versions."""
    there = [pack for pack in packs if applies(pack, place)]
    if day is not None:
        there = [pack for pack in there if pack.in_force(day)]
    newest: dict[str, Pack] = {}
    for pack in there:
        before = newest.get(pack.pack)
        if before is None or before.valid_from <= pack.valid_from:
            newest[pack.pack] = pack
    return tuple(sorted(newest.values(), key=lambda pack: (LAYERS.index(pack.layer), pack.pack)))


def effective(packs: Iterable[Pack], place: Place, day: date | None = None) -> tuple[Effective, ...]:
    """Every rule at a place on a day, judged or not, the broadest layer first."""
    there = packs_at(packs, place, day)
    selected = {name for pack in there for name in pack.selects}
    confirmed = {
        one.rule: one for pack in there for one in pack.confirmations if day is None or one.on <= day
    }
    found = [_standing(pack, rule, selected, confirmed) for pack in there for rule in pack.rules]
    return tuple(_layered(found))


def judging(packs: Iterable[Pack], place: Place, day: date | None = None) -> tuple[Effective, ...]:
    """The rules that judge at a place on a day."""
    return tuple(one for one in effective(packs, place, day) if one.judged)


def gaps_of(packs: Iterable[Pack], place: Place, day: date | None = None) -> tuple[PlacedGap, ...]:
    """What the law of a place does not say and no rule that judges there fills, with what judges instead."""
    every = tuple(packs)
    judged = {one.rule.id for one in judging(every, place, day)}
    return tuple(
        PlacedGap(pack, gap, pack.layer)
        for pack in packs_at(every, place, day)
        for gap in pack.gaps
        if gap.filled_by is None or gap.filled_by not in judged
    )


def _standing(pack: Pack, rule: Rule, selected: set[str], confirmed: Mapping[str, Confirmation]) -> Effective:
    """One rule on its own, before narrower layers are looked at."""
    confidence = pack.source_of(rule).confidence
    confirmation = confirmed.get(rule.id)
    judged = True
    if pack.optional and pack.pack not in selected:
        judged, why = False, "an optional profile that no pack of the installation selects here"
    elif confidence in CONFIRMED:
        why = f"its number is {confidence}"
    elif confirmation is not None:
        why = f"confirmed by {confirmation.by} on {confirmation.on}: {confirmation.reference}"
    elif pack.layer == "international":
        why = f"an international reference value; its number is {confidence.replace('_', ' ')}"
    else:
        judged, why = (
            False,
            f"its number is {confidence.replace('_', ' ')}: shown, not judged until confirmed",
        )
    return Effective(pack, rule, pack.layer, (), judged, why, confirmation)


def _layered(found: Sequence[Effective]) -> Iterator[Effective]:
    """Let the judged rules of narrower layers take the place of the rules that they replace."""
    taken: dict[str, Effective] = {}
    for one in found:
        if one.judged and one.rule.replaces is not None:
            taken[one.rule.replaces] = one
    for one in found:
        successor = taken.get(one.rule.id)
        if successor is not None:
            why = f"replaced by {successor.rule.id} ({successor.layer})"
            yield replace(one, judged=False, why=why)
        elif one.judged:
            yield replace(one, replaced=tuple(_chain(one.rule, found)))
        else:
            yield one


def _chain(rule: Rule, found: Sequence[Effective]) -> Iterator[str]:
    """The rules of this place that a rule takes the place of, the nearest first; a cycle ends where it began.

    What an unconfirmed rule would replace is still judged, so the chain ends there.
    """
    by_id = {one.rule.id: one for one in found}
    seen = {rule.id}
    following = rule.replaces
    while following is not None and following not in seen and following in by_id:
        yield following
        seen.add(following)
        before = by_id[following]
        following = before.rule.replaces if before.judged else None
