"""Tables as CSV: units in the header, full precision, UTC."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from starlette.responses import Response

from ingest_service.web.rendering import utc

__all__ = ["answer", "utc"]

_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def answer(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A download. Texts that a spreadsheet would run as a formula are made plain."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA_SIGNS):
        return "'" + value
    return value
