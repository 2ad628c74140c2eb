"""What InfluxDB's troubles mean and what to do, in sentences."""

from __future__ import annotations

import re

from ingest_service.series.influx.where import Where
from ingest_service.series.port import SeriesError

_LATER = "nothing is lost, the ledger has it, and the series catches up by itself"


def unreachable(where: Where, error: Exception) -> SeriesError:
    """No answer at all, or not in time."""
    reason = str(error) or type(error).__name__
    slow = "timed out" in reason.lower() or "timeout" in type(error).__name__.lower()
    if slow:
        return SeriesError(
            f"InfluxDB at {where.url} does not answer in time ({reason}): see whether it has too much to "
            f"do or a slow disk; {_LATER}"
        )
    return SeriesError(
        f"InfluxDB at {where.url} cannot be reached ({reason}): start it, or mend influx_url; {_LATER}"
    )


def explained(where: Where, status: int, message: str) -> SeriesError:
    """An answer that is a refusal."""
    told = message.strip().replace("\n", " ")[:300]
    low = told.lower()
    for pattern, cause in _CAUSES:
        if re.search(pattern, low):
            return SeriesError(cause.format(where=where, told=told, later=_LATER))
    if status in (401, 403):
        return SeriesError(_NOT_LET_IN.format(where=where, told=told, later=_LATER))
    if status == 429 or status >= 500:
        return SeriesError(_ITS_OWN.format(where=where, told=told, status=status, later=_LATER))
    return SeriesError(f"InfluxDB refused a request for {where!r} ({status}): {told}")


_NOT_LET_IN = (
    "InfluxDB at {where.url} does not accept the token for bucket {where.bucket} ({told}): "
    "make one with `oshwatch admin influx-setup` and set influx_token or influx_token_file; {later}"
)
_ITS_OWN = "InfluxDB at {where.url} has trouble of its own ({status}: {told}): see its log; {later}"
_TYPE = (
    "InfluxDB will not take a number for a field that is of another type in bucket {where.bucket} ({told}): "
    "another program has written there. Give OSHWatch a bucket of its own (influx_bucket), or empty this one "
    "with `oshwatch admin influx-setup --clear`; {later}"
)
_FULL = "InfluxDB at {where.url} has no room to write ({told}): free some space on its disk; {later}"
_TOO_OLD = (
    "bucket {where.bucket} drops what is older than its retention ({told}): let it keep everything "
    "(`oshwatch admin influx-setup` sets that); what is too old is deleted by OSHWatch itself; {later}"
)
_NO_BUCKET = (
    "there is no bucket {where.bucket} in organisation {where.org} at {where.url}, or InfluxQL does not find "
    "it ({told}): run `oshwatch admin influx-setup`, or mend influx_bucket and influx_org; {later}"
)
_NO_ORG = "there is no organisation {where.org} in InfluxDB at {where.url} ({told}): mend influx_org; {later}"
_CAUSES = (
    (r"field type conflict", _TYPE),
    (r"no space left|disk quota|cache-max-memory-size exceeded|engine is closed", _FULL),
    (r"(beyond|outside) retention policy", _TOO_OLD),
    (r"organi[sz]ation .*not found|organi[sz]ation name", _NO_ORG),
    (
        r"database not found|bucket.* not found|(could not|failed to) find bucket|retention policy not|dbrp",
        _NO_BUCKET,
    ),
    (r"unauthorized|insufficient permissions|authorization failed|parse authentication", _NOT_LET_IN),
)
