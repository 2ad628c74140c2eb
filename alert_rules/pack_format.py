"""Reads rule packs. All mistakes are reported at once, each with file, rule, key and a way out."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from pydantic import BaseModel, ValidationError

from alert_rules.exposures import UNITS
from alert_rules.pack_checks import rule_problems
from alert_rules.pack_model import ExposureRule, Pack, Rule, SilenceRule

PACKS: Final = Path(__file__).parent / "packs"
_NO_RULE: Final = ""


class Mistake(NamedTuple):
    """One mistake in a pack: `rule` is empty where the whole file is meant."""

    file: str
    rule: str
    key: str
    problem: str
    way_out: str

    def __str__(self) -> str:
        place = f"{self.file}: rule {self.rule}" if self.rule else self.file
        return f"{place}: {self.key}: {self.problem}. {self.way_out}"


class PackError(Exception):
    """Packs that cannot be used; ``mistakes`` holds every reason."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        heading = f"{count} mistake{'s' if count != 1 else ''} in the rule packs:"
        super().__init__("\n  ".join([heading, *map(str, self.mistakes)]))


class _UniqueKeys(yaml.SafeLoader):
    """YAML keeps the last of two equal keys and says nothing; here that is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands here twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def shipped() -> tuple[Path, ...]:
    """The packs that come with the program, by name."""
    return tuple(sorted(path for path in PACKS.glob("*.yaml") if not path.name.endswith(".test.yaml")))


def load_packs(files: Iterable[Path] | None = None) -> tuple[Pack, ...]:
    """Read packs, or the shipped ones. Raises `PackError` with every mistake in all of them."""
    packs: list[Pack] = []
    mistakes: list[Mistake] = []
    owner: dict[str, str] = {}
    for path in shipped() if files is None else files:
        pack, found = read_pack(path)
        mistakes += found
        if pack is None:
            continue
        packs.append(pack)
        for rule in pack.rules:
            other = owner.setdefault(rule.id, str(path))
            if other != str(path):
                mistakes.append(
                    Mistake(str(path), rule.id, "id", f"{other} has a rule of this id", "Rename one.")
                )
    if mistakes:
        raise PackError(mistakes)
    return tuple(packs)


def read_pack(path: Path) -> tuple[Pack | None, list[Mistake]]:
    """Read one pack: what could be made of it, and every mistake in it."""
    raw, mistakes = read_yaml(path)
    if raw is None:
        return None, mistakes
    file = str(path)
    rules: list[Rule] = []
    for number, entry in enumerate(_entries(raw.pop("rules", None), file, mistakes), start=1):
        name = _rule_name(entry, number)
        rule, problems = _read_rule(entry, file, name)
        mistakes += problems
        if rule is not None:
            if any(rule.id == other.id for other in rules):
                mistakes.append(Mistake(file, name, "id", "two rules have this id", "Rename one of them."))
            rules.append(rule)
    try:
        header = Pack.model_validate(raw)
    except ValidationError as error:
        return None, [*_from_pydantic(error, Pack, file, _NO_RULE), *mistakes]
    mistakes += _pack_mistakes(header, file)
    return header.model_copy(update={"rules": tuple(rules)}), mistakes


def read_yaml(path: Path) -> tuple[dict[str, Any] | None, list[Mistake]]:
    """The mapping in a YAML file, or the mistake that keeps it from being read."""
    file = str(path)
    try:
        raw = yaml.load(path.read_text("utf-8"), _UniqueKeys)  # noqa: S506 - a SafeLoader
    except OSError as error:
        return None, [
            Mistake(file, _NO_RULE, "file", f"cannot be read ({error.strerror})", "Check its name.")
        ]
    except UnicodeDecodeError:
        return None, [Mistake(file, _NO_RULE, "file", "is not UTF-8 text", "Save it as UTF-8.")]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        return None, [Mistake(file, _NO_RULE, "file", f"is not YAML: {problem}", "Mend that place.")]
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        return None, [Mistake(file, _NO_RULE, "file", "is not a mapping of keys", "Begin with 'format: 1'.")]
    return raw, []


def _entries(raw: Any, file: str, mistakes: list[Mistake]) -> list[Any]:
    if isinstance(raw, list) and raw:
        return raw
    mistakes.append(Mistake(file, _NO_RULE, "rules", "there are no rules", "Write a list of rules under it."))
    return []


def _rule_name(entry: Any, number: int) -> str:
    if isinstance(entry, dict) and isinstance(entry.get("id"), str):
        return str(entry["id"])
    return f"number {number}"


def _read_rule(entry: Any, file: str, name: str) -> tuple[Rule | None, list[Mistake]]:
    if not isinstance(entry, dict) or not all(isinstance(key, str) for key in entry):
        return None, [
            Mistake(file, name, "rule", "it is not a mapping of keys", "Begin it with '- id: NAME'.")
        ]
    model: type[ExposureRule | SilenceRule] = SilenceRule if "silence" in entry else ExposureRule
    try:
        rule = model.model_validate(entry)
    except ValidationError as error:
        return None, _from_pydantic(error, model, file, name)
    return rule, [Mistake(file, name, *problem) for problem in rule_problems(rule)]


def _pack_mistakes(pack: Pack, file: str) -> list[Mistake]:
    if pack.valid_to is not None and pack.valid_to < pack.valid_from:
        return [Mistake(file, _NO_RULE, "valid_to", "it is before valid_from", "Mend one of the dates.")]
    return []


def _from_pydantic(error: ValidationError, model: type[BaseModel], file: str, rule: str) -> list[Mistake]:
    return [_mistake(detail, model, file, rule) for detail in error.errors()]


def _mistake(detail: Any, model: type[BaseModel], file: str, rule: str) -> Mistake:
    parts = [part for part in detail["loc"] if not _is_branch(part)]
    key = ".".join(str(part) for part in parts) or "rule"
    last = str(parts[-1]) if parts else ""
    if detail["type"] == "missing":
        return Mistake(file, rule, key, "it is missing", f"Add '{last}'; docs/rule-packs.md shows how.")
    if detail["type"] == "extra_forbidden":
        known = _keys(model)
        near = get_close_matches(last, known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else "Remove it; docs/rule-packs.md lists the keys."
        return Mistake(file, rule, key, "unknown key", hint)
    problem = str(detail["msg"]).removeprefix("Value error, ")
    given = detail.get("input")
    if isinstance(given, (str, int, float, bool)) and repr(given) not in problem:
        problem += f" (it says {given!r})"
    return Mistake(file, rule, key, problem, "Mend it; docs/rule-packs.md shows how it is written.")


def _is_branch(part: Any) -> bool:
    """Pydantic names the tried class of a union in the place; that means nothing to the writer of a pack."""
    return isinstance(part, str) and part in {"NamedLimit", "OwnLimit"}


def _keys(model: type[BaseModel]) -> list[str]:
    """Every key of a model and of the models inside it, as they are written."""
    keys = [field.alias or name for name, field in model.model_fields.items()]
    for field in model.model_fields.values():
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                keys += _keys(part)
    return keys


def exposure_kinds(packs: Iterable[Pack]) -> frozenset[str]:
    """The exposure kinds that these packs judge."""
    return frozenset(
        rule.exposure for pack in packs for rule in pack.rules if isinstance(rule, ExposureRule)
    ) & frozenset(UNITS)
