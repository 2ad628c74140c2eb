"""The exposure kinds that rules may judge, and the unit of each."""

from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from osh_domain.coverage import CAPTURE
from osh_domain.quantities import QUANTITIES

# The part before the first dot names a quantity of the table, but for what is computed from several.
_COMPUTED: Final = {"wbgt_eff": "Cel", "heat_index": "Cel"}
_WHOLE: Final = {"la.niosh_dose": "%", "la.osha_dose": "%", "la.osha_hc_dose": "%", "ta.rise10": "K"}


def _unit(kind: str) -> str:
    stem = kind.partition(".")[0]
    if kind in _WHOLE:
        return _WHOLE[kind]
    return _COMPUTED[stem] if stem in _COMPUTED else QUANTITIES[stem].unit


UNITS: Final = MappingProxyType({kind: _unit(kind) for kind in CAPTURE})
_DECIMALS: Final = {"Cel": 1, "dB": 1, "K": 1, "m/s": 2, "%": 0, "ppm": 0, "ppb": 0, "ug/m3": 1, "%RH": 0}


def decimals(kind: str) -> int:
    """Decimals that a page or a message shows of this kind."""
    return _DECIMALS.get(UNITS.get(kind, ""), 1)


def near(kind: str) -> str:
    """A hint for a kind that does not exist."""
    found = get_close_matches(kind, UNITS, n=3)
    return f"Did you mean {', '.join(found)}?" if found else f"Kinds: {', '.join(sorted(UNITS))}."
