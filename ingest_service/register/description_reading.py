"""Walking through a document of mappings and lists, and collecting every mistake in it."""

from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from ingest_service.register.description_format import GatewayItem, Item, SeasonItem, SiteItem

_Kind = TypeVar("_Kind", bound=Item)
SITE_LISTS = ("zones", "shifts", "days_off", "overtime", "seasons", "gateways", "people")
GATEWAY_LISTS = ("sensors", "names")
_LISTS: dict[type[Item], tuple[str, ...]] = {
    SiteItem: SITE_LISTS,
    GatewayItem: GATEWAY_LISTS,
    SeasonItem: ("shifts",),
}
_SECRET = ("url", "key")  # contact addresses may hold a password: never shown


class Mistake(NamedTuple):
    """One mistake: where in the document, what is wrong, what to do."""

    where: str
    problem: str
    way_out: str

    def __str__(self) -> str:
        stop = "" if self.problem.endswith((".", "?")) else "."
        return f"{self.where}: {self.problem}{stop} {self.way_out}".rstrip()


class DescriptionError(Exception):
    """The description cannot be used; `mistakes` holds every reason."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(mistakes)
        heading = f"{count} mistake{'s' if count != 1 else ''} in the site description:"
        super().__init__("\n  ".join([heading, *map(str, mistakes)]))


class DocumentReader:
    """Reads parts of a document; what is wrong goes into `mistakes`."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def mistake(self, where: str, problem: str, way_out: str = "") -> None:
        self.mistakes.append(Mistake(where, problem, way_out))

    def all(self, kind: type[_Kind], where: str, raw: Any) -> list[_Kind]:
        found = (self.item(kind, place, entry) for place, entry in self.entries(where, raw))
        return [item for item in found if item is not None]

    def item(self, kind: type[_Kind], where: str, raw: Any) -> _Kind | None:
        try:
            return kind.model_validate(raw)
        except ValidationError as error:
            keys = [info.alias or name for name, info in kind.model_fields.items()]
            keys += _LISTS.get(kind, ())
            for detail in error.errors():
                self._detail(where, detail, keys)
            return None

    def _detail(self, where: str, detail: Any, keys: list[str]) -> None:
        place = ".".join([where, *(str(part) for part in detail["loc"] if part != "[key]")])
        secret = bool(detail["loc"]) and detail["loc"][-1] in _SECRET
        given = "what is given" if secret else f"{detail['input']!r:.80}"
        if detail["type"] == "extra_forbidden":
            self.unknown(where, str(detail["loc"][-1]), keys)
        elif detail["type"] == "missing":
            self.mistake(place, "is missing", "Add it.")
        elif detail["type"] == "string_pattern_mismatch":
            rule = detail["ctx"]["pattern"].strip("^$")
            self.mistake(place, f"{given} has another form", f"It is {rule}.")
        else:
            problem = detail["msg"].removeprefix("Value error, ")
            shown = "" if detail["type"] == "value_error" else f" (got {given})"
            self.mistake(place, problem + shown, "")

    def unknown(self, where: str, key: object, known: list[str] | tuple[str, ...]) -> None:
        near = get_close_matches(str(key), known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."
        self.mistake(where, f"unknown key {key!r}", hint)

    def mapping(self, where: str, raw: Any) -> dict[Any, Any]:
        if isinstance(raw, dict):
            return raw
        self.mistake(where, f"is {_noun(raw)}, not a mapping of keys", "See the sample description.")
        return {}

    def entries(self, where: str, raw: Any) -> Iterator[tuple[str, Any]]:
        if raw is None:
            return
        if not isinstance(raw, list):
            self.mistake(where, f"is {_noun(raw)}, not a list", "Begin each entry with '- '.")
            return
        for number, entry in enumerate(raw):
            name = get(entry, "id") or get(entry, "login") or get(entry, "name") or number + 1
            yield f"{where} {name}", entry

    def doubles(self, where: str, ids: list[str]) -> None:
        for double, count in Counter(ids).items():
            if count > 1 and double != "None":
                self.mistake(where, f"{double!r} is there {count} times", "Give each an id of its own.")


def get(raw: Any, key: str) -> Any:
    return raw.get(key) if isinstance(raw, dict) else None


def items(raw: Any, key: str) -> list[Any]:
    found = get(raw, key)
    return found if isinstance(found, list) else []


def _noun(raw: Any) -> str:
    return "empty" if raw is None else f"a {type(raw).__name__}"
