"""How a rule pack writes a limit: by name, as a number with its unit, or as a table by class of work."""

import re
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
)

from osh_domain.limits import limit

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
ClassOfWork = Annotated[int, Field(ge=0, le=4)]

_NUMBER_AND_UNIT: Final = re.compile(r"\s*(-?[0-9]+(?:\.[0-9]+)?)\s*([^\s0-9]\S*)\s*")
_OFFSET: Final = re.compile(r"\s*limit(?:\s*([-+])\s*([0-9]+(?:\.[0-9]+)?)\s*(\S*))?\s*")
_TABLE: Final = frozenset({"unit", "by_class", "not_acclimatised"})


class Part(BaseModel):
    """A part of a pack: unknown keys are mistakes, and nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class NamedLimit(Part):
    """A limit of `osh_domain.limits` by name. `people` chooses whose, where it depends on acclimatisation."""

    name: Text
    people: Literal["zone", "acclimatised", "not_acclimatised"] = "zone"


class OwnLimit(Part):
    """A number that stands in the pack itself."""

    value: float
    unit: Text


class TableLimit(Part):
    """Numbers of the pack by class of work (0-4); `not_acclimatised` where the law has a column for them.

    A class that the table leaves out has no limit by this rule.
    """

    unit: Text
    by_class: dict[ClassOfWork, float] = Field(min_length=1)
    not_acclimatised: dict[ClassOfWork, float] = Field(default_factory=dict)

    def value(self, metabolic_class: int, *, acclimatised: bool) -> float | None:
        """The number for a class of work; None where the table has none."""
        column = self.by_class if acclimatised or not self.not_acclimatised else self.not_acclimatised
        return column.get(metabolic_class)


def _read_limit(raw: Any) -> Any:
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        raise ValueError(f"{raw} has no unit; write it like '35 ppm'")  # noqa: TRY004 - pydantic collects it
    if not isinstance(raw, str):
        return raw
    own = _NUMBER_AND_UNIT.fullmatch(raw)
    if own:
        return OwnLimit(value=float(own[1]), unit=own[2])
    if re.fullmatch(r"\s*-?[0-9.]+\s*", raw):
        raise ValueError(f"{raw!r} has no unit; write it like '35 ppm'")
    return NamedLimit(name=raw)


def _form(raw: Any) -> str:
    if isinstance(raw, OwnLimit) or (isinstance(raw, dict) and "value" in raw):
        return "OwnLimit"
    if isinstance(raw, TableLimit) or (isinstance(raw, dict) and not _TABLE.isdisjoint(raw)):
        return "TableLimit"
    return "NamedLimit"


LIMIT_FORMS: Final = frozenset({"NamedLimit", "OwnLimit", "TableLimit"})
"""What pydantic calls the forms in the place of a mistake; it means nothing to the writer of a pack."""

Limit = Annotated[
    Annotated[NamedLimit, Tag("NamedLimit")]
    | Annotated[OwnLimit, Tag("OwnLimit")]
    | Annotated[TableLimit, Tag("TableLimit")],
    Discriminator(_form),
    BeforeValidator(_read_limit),
]


class Offset(Part):
    """How far from the limit, on its safe side, a raised rule clears. `sign` is as it was written."""

    value: float = Field(ge=0.0)
    unit: str = ""
    sign: Literal["", "-", "+"] = ""


def read_offset(raw: Any) -> Any:
    """Read `limit`, `limit - 0.5` or `limit + 0.5`."""
    form = _OFFSET.fullmatch(raw) if isinstance(raw, str) else None
    if form is None:
        raise ValueError(f"{raw!r} is not 'limit' or 'limit - NUMBER'; write it like 'limit - 0.5'")
    return Offset.model_validate(
        {"value": float(form[2] or 0.0), "unit": form[3] or "", "sign": form[1] or ""}
    )


class LimitValue(NamedTuple):
    """A limit for one class of work: value, and its name for people (empty: the rule's own title)."""

    value: float
    label: str


def limit_value(
    limit_: NamedLimit | OwnLimit | TableLimit, metabolic_class: int, *, acclimatised: bool
) -> LimitValue | None:
    """The limit for a class of work and a state; None where the pack's table has no number for it.

    UnknownLimitError: a name that does not exist, or a class that a named limit does not know.
    """
    if isinstance(limit_, OwnLimit):
        return LimitValue(limit_.value, "")
    if isinstance(limit_, TableLimit):
        value = limit_.value(metabolic_class, acclimatised=acclimatised)
        return None if value is None else LimitValue(value, "")
    if limit_.people != "zone":
        acclimatised = limit_.people == "acclimatised"
    entry = limit(limit_.name, metabolic_class=metabolic_class, acclimatised=acclimatised)
    return LimitValue(entry.value, entry.label)
