"""What must fit together between packs: layers, versions, confirmations, gaps, profiles."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import combinations
from typing import NamedTuple

from alert_rules.pack_mistakes import Mistake
from alert_rules.pack_model import CONFIRMED, LAYERS, Hazard, Pack, Rule
from alert_rules.pack_strictness import comparable, looser


class Placed(NamedTuple):
    """A pack, the file it stands in, and whether it came with the program."""

    file: str
    pack: Pack
    shipped: bool


def superseded(found: Sequence[Placed]) -> list[Placed]:
    """Leave out optional packs of the program where the installation has its own edition for every place."""
    own = {one.pack.pack for one in found if not one.shipped and one.pack.optional and _everywhere(one.pack)}
    return [one for one in found if not (one.shipped and one.pack.optional and one.pack.pack in own)]


def _everywhere(pack: Pack) -> bool:
    return pack.country is None and pack.sector is None and pack.site is None


def together(found: Sequence[Placed], known: Sequence[Placed]) -> list[Mistake]:
    """Every mistake in how the packs `found` go together with each other and with all that is `known`."""
    index = _Index(known)
    mistakes = [*_names(found, known), *_versions(found), *_same_ids(found), *_same_place(found, known)]
    for one in found:
        for rule in one.pack.rules:
            if rule.replaces is not None:
                mistakes += index.replacing(one, rule, rule.replaces)
        mistakes += [*index.gaps(one), *index.confirmations(one), *index.selections(one)]
    return mistakes


def _overlap(one: Pack, other: Pack) -> bool:
    first, second = sorted((one, other), key=lambda pack: pack.valid_from)
    return first.valid_to is None or second.valid_from <= first.valid_to


def _versions(found: Sequence[Placed]) -> Iterator[Mistake]:
    for one, other in combinations(found, 2):
        if one.pack.pack != other.pack.pack or one.shipped != other.shipped:
            continue
        if one.pack.version == other.pack.version:
            problem = f"{one.file} is version {one.pack.version} of this pack too"
            way_out = "Give the newer one another version, or its own name."
            yield Mistake(other.file, "", "version", problem, way_out)
        elif _overlap(one.pack, other.pack):
            problem = f"it holds on days on which version {one.pack.version} in {one.file} holds too"
            way_out = (
                "End the older one with 'valid_to', the day before; a layer of its own needs its own name."
            )
            yield Mistake(other.file, "", "valid_from", problem, way_out)


def _same_ids(found: Sequence[Placed]) -> Iterator[Mistake]:
    owner: dict[str, Placed] = {}
    for one in found:
        for rule in one.pack.rules:
            other = owner.setdefault(rule.id, one)
            if other.pack.pack != one.pack.pack:
                problem = f"{other.file} has a rule of this id"
                yield Mistake(one.file, rule.id, "id", problem, "Rename one.")


def _same_place(found: Sequence[Placed], known: Sequence[Placed]) -> Iterator[Mistake]:
    """Two packs of one layer and place that replace the same rule: neither would be the narrower."""
    files = {one.file for one in found}
    replacing: dict[tuple[object, ...], list[tuple[Placed, Rule]]] = {}
    for one in sorted(known, key=lambda placed: placed.file in files):
        pack = one.pack
        for rule in pack.rules:
            if rule.replaces is None:
                continue
            key = (pack.layer, pack.country, pack.sector, pack.site, rule.replaces)
            others = replacing.setdefault(key, [])
            clash = next((o for o, r in others if r.id != rule.id and _overlap(o.pack, pack)), None)
            if clash is not None and one.file in files:
                problem = f"{clash.file} has a rule that replaces {rule.replaces} at the same place already"
                yield Mistake(one.file, rule.id, "replaces", problem, "Keep one, or replace that rule's id.")
            others.append((one, rule))


def _names(found: Sequence[Placed], known: Sequence[Placed]) -> Iterator[Mistake]:
    """Packs of an installation with the name of one of the program that they do not take the place of."""
    program = {one.pack.pack for one in known if one.shipped}
    for one in found:
        if not one.shipped and one.pack.pack in program:
            problem = f"the program has a pack called {one.pack.pack}"
            way_out = "Give it another name; an edition of an optional pack is optional and of no place."
            yield Mistake(one.file, "", "pack", problem, way_out)


class _Index:
    """Every rule and every pack by name."""

    def __init__(self, known: Sequence[Placed]) -> None:
        self._rules: dict[str, list[tuple[Placed, Rule]]] = {}
        self._packs: dict[str, list[Placed]] = {}
        for one in known:
            self._packs.setdefault(one.pack.pack, []).append(one)
            for rule in one.pack.rules:
                self._rules.setdefault(rule.id, []).append((one, rule))

    def replacing(self, one: Placed, rule: Rule, name: str) -> Iterator[Mistake]:
        """Mistakes of a rule that takes the place of another."""
        circle = self._circle(rule)
        if circle:
            problem = f"it ends where it began: {' replaces '.join(circle)}"
            yield Mistake(one.file, rule.id, "replaces", problem, "Let one of them replace nothing.")
            return
        every = self._rules.get(name, [])
        if not every:
            yield Mistake(one.file, rule.id, "replaces", f"no rule is called {name!r}", self._near_rule(name))
            return
        # Each version that holds while this pack does; a looser old one excuses nothing.
        met = [target for target in every if _overlap(one.pack, target[0].pack)] or every
        refusals = [why for target in met if (why := _refusal(one, rule, *target))]
        if refusals:
            yield Mistake(one.file, rule.id, "replaces", *refusals[0])
            return
        found = list(dict.fromkeys(text for _, before in met for text in looser(rule, before)))
        if found and rule.looser is None:
            problem = f"it is looser than {name}: {'; '.join(found)}"
            way_out = "A layer may only be stricter: mend it, or add 'looser: {reason: ...}'."
            yield Mistake(one.file, rule.id, "replaces", problem, way_out)
        if not found and rule.looser is not None:
            yield Mistake(one.file, rule.id, "looser", f"it is as strict as {name}", "Remove 'looser'.")

    def gaps(self, one: Placed) -> Iterator[Mistake]:
        """Gaps that fall back to nothing that judges this hazard there."""
        for number, gap in enumerate(one.pack.gaps):
            name, key = gap.falls_back_to, f"gaps.{number}.falls_back_to"
            if name not in self._rules and name not in self._packs:
                yield Mistake(one.file, "", key, f"no rule or pack is called {name!r}", self._near_any(name))
            elif not any(_judges(gap.hazard, one.pack, *target) for target in self._meant(name)):
                problem = f"{name} judges no {gap.hazard} at the place of this pack"
                yield Mistake(one.file, "", key, problem, f"Name what does: intl-{gap.hazard}, say.")
            if gap.filled_by is None:
                continue
            filling = one.pack.rule(gap.filled_by)
            if filling is None or filling.hazard != gap.hazard:
                problem = f"the pack has no rule about {gap.hazard} called {gap.filled_by!r}"
                yield Mistake(one.file, "", f"gaps.{number}.filled_by", problem, "Name one of its own.")

    def _meant(self, name: str) -> list[tuple[Placed, Rule]]:
        """The rules that a name stands for: those of a pack, or the versions of one rule."""
        packs = [(one, rule) for one in self._packs.get(name, []) for rule in one.pack.rules]
        return [*packs, *self._rules.get(name, [])]

    def confirmations(self, one: Placed) -> Iterator[Mistake]:
        """Confirmations of what does not exist, needs none, or lies elsewhere."""
        for number, confirmation in enumerate(one.pack.confirmations):
            key = f"confirmations.{number}"
            targets = self._rules.get(confirmation.rule, [])
            if not targets:
                problem = f"no rule is called {confirmation.rule!r}"
                yield Mistake(one.file, "", key, problem, self._near_rule(confirmation.rule))
                continue
            other, rule = targets[-1]
            if other.pack.source_of(rule).confidence in CONFIRMED:
                yield Mistake(one.file, "", key, f"{rule.id} needs no confirmation", "Remove it.")
            elif one.shipped:
                way_out = "Set the confidence of the rule's source, with what was read."
                yield Mistake(one.file, "", key, "only an installation confirms", way_out)
            elif not _reaches(one.pack, other.pack):
                problem = f"{rule.id} holds elsewhere than this pack"
                yield Mistake(one.file, "", key, problem, "Confirm it in a pack of its own place.")

    def selections(self, one: Placed) -> Iterator[Mistake]:
        """Optional profiles that do not exist, are not optional, or are chosen by the program."""
        for number, name in enumerate(one.pack.selects):
            key = f"selects.{number}"
            targets = self._packs.get(name, [])
            if not targets:
                yield Mistake(one.file, "", key, f"no pack is called {name!r}", self._near_any(name))
            elif not targets[-1].pack.optional:
                yield Mistake(one.file, "", key, f"{name} judges anyway: it is not optional", "Remove it.")
            elif one.shipped:
                yield Mistake(one.file, "", key, "only an installation selects profiles", "Remove it.")

    def _circle(self, rule: Rule) -> list[str]:
        seen = [rule.id]
        following = rule.replaces
        while following is not None:
            seen.append(following)
            if following == rule.id:
                return seen
            targets = self._rules.get(following)
            following = targets[-1][1].replaces if targets and following not in seen[:-1] else None
        return []

    def _near_rule(self, name: str) -> str:
        found = get_close_matches(name, self._rules, n=1)
        return f"Did you mean {found[0]}?" if found else "`oshwatch rules list` names them all."

    def _near_any(self, name: str) -> str:
        found = get_close_matches(name, [*self._packs, *self._rules], n=1)
        return f"Did you mean {found[0]}?" if found else "`oshwatch rules list` names them all."


def _reaches(one: Pack, other: Pack) -> bool:
    """Whether there can be a place that both packs are for."""
    pairs = ((one.country, other.country), (one.sector, other.sector), (one.site, other.site))
    return all(a is None or b is None or a == b for a, b in pairs)


def _refusal(one: Placed, rule: Rule, other: Placed, before: Rule) -> tuple[str, str] | None:
    """Why a rule can never take the place of another, and the way out; None where it can."""
    if LAYERS.index(one.pack.layer) <= LAYERS.index(other.pack.layer):
        problem = f"{before.id} is of the layer '{other.pack.layer}', this pack of '{one.pack.layer}'"
        return problem, "Only a rule of a broader layer can be replaced: write the rule beside it."
    if not _reaches(one.pack, other.pack):
        return f"{before.id} holds elsewhere than this pack", "Write it without 'replaces'."
    why = comparable(rule, before)
    if why:
        problem = f"it cannot take the place of {before.id}: {why}"
        return problem, "Write it beside that rule, without 'replaces'."
    return None


def _judges(hazard: Hazard, pack: Pack, other: Placed, rule: Rule) -> bool:
    """Whether a rule of another pack judges a hazard where a pack holds, without anybody confirming it."""
    sure = other.pack.layer == "international" or other.pack.source_of(rule).confidence in CONFIRMED
    return rule.hazard == hazard and sure and not other.pack.optional and _reaches(pack, other.pack)
