"""Reads one YAML file of a rule pack as a mapping, and puts pydantic's words into the pack's."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Final, get_args

import yaml
from pydantic import BaseModel, ValidationError

from alert_rules.pack_limits import LIMIT_FORMS
from alert_rules.pack_mistakes import Mistake
from alert_rules.strict_yaml import Loader, UniqueKeys, load

_BOOL: Final = "tag:yaml.org,2002:bool"
_MOST_BYTES: Final = 4_000_000


class _Words(UniqueKeys):
    """Only `true` and `false` are truth values: the key `on` and the country `no` are words."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
        first: [one for one in found if one[0] != _BOOL or first in "tTfF"]
        for first, found in Loader.yaml_implicit_resolvers.items()
    }


def read_yaml(path: Path) -> tuple[dict[str, Any] | None, list[Mistake]]:
    """The mapping in a YAML file, or the mistake that keeps it from being read."""
    file = str(path)
    try:
        if path.exists() and not path.is_file():
            return None, [Mistake(file, "", "file", "is no regular file", "Name a file NAME.yaml.")]
        with path.open("rb") as opened:
            found = opened.read(_MOST_BYTES + 1)
        if len(found) > _MOST_BYTES:
            problem = f"is larger than {_MOST_BYTES // 1_000_000} MB"
            return None, [Mistake(file, "", "file", problem, "Make several packs of it.")]
        raw = load(found.decode("utf-8"), _Words)
    except OSError as error:
        return None, [Mistake(file, "", "file", f"cannot be read ({error.strerror})", "Check its name.")]
    except UnicodeDecodeError:
        return None, [Mistake(file, "", "file", "is not UTF-8 text", "Save it as UTF-8.")]
    except (yaml.YAMLError, ValueError) as error:
        problem = " ".join(str(error).split())
        return None, [Mistake(file, "", "file", f"is not YAML: {problem}", "Mend that place.")]
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        return None, [Mistake(file, "", "file", "is not a mapping of keys", "Begin with 'format: 2'.")]
    return raw, []


def in_words(error: ValidationError, model: type[BaseModel], file: str, rule: str) -> list[Mistake]:
    """What pydantic found, as mistakes of a rule (empty: of the file)."""
    return [_mistake(detail, model, file, rule) for detail in error.errors()]


def _mistake(detail: Any, model: type[BaseModel], file: str, rule: str) -> Mistake:
    parts = [part for part in detail["loc"] if part not in LIMIT_FORMS]
    key = ".".join(str(part) for part in parts) or "rule"
    last = str(parts[-1]) if parts else ""
    if detail["type"] == "missing":
        return Mistake(file, rule, key, "it is missing", f"Add '{last}'; docs/rule-packs.md shows how.")
    if detail["type"] == "extra_forbidden":
        near = get_close_matches(last, list(_keys(model)), n=1)
        hint = f"Did you mean '{near[0]}'?" if near else "Remove it; docs/rule-packs.md lists the keys."
        return Mistake(file, rule, key, "unknown key", hint)
    problem = str(detail["msg"]).removeprefix("Value error, ")
    given = detail.get("input")
    if isinstance(given, (str, int, float, bool)) and repr(given) not in problem:
        problem += f" (it says {given!r})"
    return Mistake(file, rule, key, problem, "Mend it; docs/rule-packs.md shows how it is written.")


def _keys(model: type[BaseModel]) -> Iterator[str]:
    """Every key of a model and of the models inside it, as they are written."""
    for name, field in model.model_fields.items():
        yield field.alias or name
        for part in _models(field.annotation):
            yield from _keys(part)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        if not isinstance(part, str):
            yield from _models(part)
