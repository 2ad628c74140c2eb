"""Numbers and strings as SenML wants them written (RFC 8428 section 4.3)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Final

_LONGEST_MANTISSA: Final = 18

string_text = json.JSONEncoder(ensure_ascii=False).encode


def number_text(number: float) -> str:
    """A number in JSON: the shortest text that reads back as the same double.

    The mantissa stays under 19 and the exponent under 5 characters; a whole number has no point.
    ``ValueError`` for NaN and infinity.
    """
    if number - number != 0.0:
        raise ValueError("NaN and infinity cannot be written")
    if abs(number) < 1e15 and number == int(number):
        return str(int(number))
    text = repr(float(number))
    mantissa, _, exponent = text.partition("e")
    if len(mantissa) <= _LONGEST_MANTISSA:
        return f"{mantissa}e{int(exponent)}" if exponent else mantissa
    sign, digits, shift = Decimal(text).as_tuple()
    return f"{'-' if sign else ''}{''.join(map(str, digits))}e{shift}"
