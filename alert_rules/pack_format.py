"""Reads rule packs. All mistakes are reported at once, each with file, rule, key and a way out."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from alert_rules.exposures import UNITS
from alert_rules.pack_checks import Problem, header_problems, inherited_problems, rule_problems
from alert_rules.pack_mistakes import Mistake as Mistake  # noqa: PLC0414 - others take it from here
from alert_rules.pack_mistakes import PackError as PackError  # noqa: PLC0414 - others take it from here
from alert_rules.pack_model import FORMAT, LAYERS, ExposureRule, Pack, Rule, SilenceRule, WatchRule
from alert_rules.pack_together import Placed, superseded, together
from alert_rules.pack_yaml import in_words, read_yaml

PACKS: Final = Path(__file__).parent / "packs"
_NEW_IN_HEADER: Final = frozenset(
    {"layer", "country", "sector", "site", "optional", "selects", "confirmations", "gaps"}
)
_NEW_IN_RULE: Final = frozenset({"replaces", "looser", "watch"})


def shipped() -> tuple[Path, ...]:
    """The packs that come with the program, by name."""
    return packs_in(PACKS)


def packs_in(folder: Path) -> tuple[Path, ...]:
    """The packs in a folder, by name; the tests of packs are none."""
    return tuple(sorted(path for path in folder.glob("*.yaml") if not path.name.endswith(".test.yaml")))


def load_packs(files: Iterable[Path] | None = None, *, packs_dir: Path | None = None) -> tuple[Pack, ...]:
    """Read packs, or the shipped ones, and those of an installation's folder.

    Layers, confirmations and gaps may speak of the shipped packs whatever is read. A pack of the installation
    takes the place of an optional one of the same name. Raises `PackError` with every mistake in all of them.
    """
    mistakes: list[Mistake] = []
    placed = [_placed(path, mistakes) for path in (shipped() if files is None else files)]
    if packs_dir is not None:
        if not packs_dir.is_dir():
            mistakes.append(
                Mistake(str(packs_dir), "", "packs_dir", "is no folder", "Make it or mend the setting.")
            )
        placed += [_placed(path, mistakes) for path in packs_in(packs_dir)]
    found = [one for one in placed if one is not None]
    known = found if files is None else [*found, *_beside(found)]
    found, known = superseded(found), superseded(known)
    mistakes += together(found, known)
    if mistakes:
        raise PackError(mistakes)
    return tuple(sorted((one.pack for one in found), key=_order))


def _order(pack: Pack) -> tuple[int, str, date]:
    """The broadest layer first, then by name, older versions before newer ones."""
    return LAYERS.index(pack.layer), pack.pack, pack.valid_from


def _placed(path: Path, mistakes: list[Mistake]) -> Placed | None:
    pack, found = read_pack(path)
    mistakes += found
    return None if pack is None else Placed(str(path), pack, _is_shipped(path))


def _is_shipped(path: Path) -> bool:
    return path.resolve().parent == PACKS.resolve()


def _beside(found: list[Placed]) -> list[Placed]:
    """The shipped packs that were not asked for, as far as they can be read."""
    names = {one.pack.pack for one in found}
    return [one for one in _shipped_packs() if one.pack.pack not in names]


@lru_cache(maxsize=1)
def _shipped_packs() -> tuple[Placed, ...]:
    return tuple(one for path in shipped() if (one := _placed(path, [])) is not None)


def read_pack(path: Path) -> tuple[Pack | None, list[Mistake]]:
    """Read one pack: what could be made of it, and every mistake in it alone."""
    raw, mistakes = read_yaml(path)
    if raw is None:
        return None, mistakes
    file = str(path)
    old = raw.get("format") == 1
    entries = _entries(raw, file, mistakes)
    rules = _read_rules(entries, file, mistakes, old=old)
    if old:
        mistakes += [_newer(file, "", key) for key in sorted(_NEW_IN_HEADER.intersection(raw))]
    try:
        header = Pack.model_validate(raw)
    except ValidationError as error:
        return None, [*in_words(error, Pack, file, ""), *mistakes]
    mistakes += _mistakes(file, "", header_problems(header, len(entries)))
    mistakes += [Mistake(file, rule, *problem) for rule, problem in inherited_problems(header, rules)]
    return header.model_copy(update={"format": FORMAT, "rules": tuple(rules)}), mistakes


def _entries(raw: dict[str, Any], file: str, mistakes: list[Mistake]) -> list[Any]:
    entries = raw.pop("rules", [])
    if isinstance(entries, list):
        return entries
    mistakes.append(Mistake(file, "", "rules", "it is not a list", "Write a list of rules under it."))
    return []


def _read_rules(entries: list[Any], file: str, mistakes: list[Mistake], *, old: bool) -> list[Rule]:
    rules: list[Rule] = []
    seen: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        name = _rule_name(entry, number)
        if old and isinstance(entry, dict):
            mistakes += [_newer(file, name, key) for key in sorted(_NEW_IN_RULE.intersection(entry))]
        rule, problems = _read_rule(entry, file, name)
        mistakes += problems
        if rule is not None:
            if rule.id in seen:
                mistakes.append(Mistake(file, name, "id", "two rules have this id", "Rename one of them."))
            seen.add(rule.id)
            rules.append(rule)
    return rules


def _newer(file: str, rule: str, key: str) -> Mistake:
    return Mistake(file, rule, key, f"format 1 has no key '{key}'", f"Write 'format: {FORMAT}'.")


def _rule_name(entry: Any, number: int) -> str:
    if isinstance(entry, dict) and isinstance(entry.get("id"), str):
        return str(entry["id"])
    return f"number {number}"


def _read_rule(entry: Any, file: str, name: str) -> tuple[Rule | None, list[Mistake]]:
    if not isinstance(entry, dict) or not all(isinstance(key, str) for key in entry):
        return None, [
            Mistake(file, name, "rule", "it is not a mapping of keys", "Begin it with '- id: NAME'.")
        ]
    model: type[ExposureRule | SilenceRule | WatchRule] = ExposureRule
    if "silence" in entry or "watch" in entry:
        model = SilenceRule if "silence" in entry else WatchRule
    try:
        rule = model.model_validate(entry)
    except ValidationError as error:
        return None, in_words(error, model, file, name)
    return rule, _mistakes(file, name, rule_problems(rule))


def _mistakes(file: str, rule: str, problems: Iterable[Problem]) -> list[Mistake]:
    return [Mistake(file, rule, *problem) for problem in problems]


def exposure_kinds(packs: Iterable[Pack]) -> frozenset[str]:
    """The exposure kinds that these packs judge."""
    return frozenset(
        rule.exposure for pack in packs for rule in pack.rules if isinstance(rule, ExposureRule)
    ) & frozenset(UNITS)
