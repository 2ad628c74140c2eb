"""A bucket carries a mark that says whose it is, so that nobody writes into another's by mistake."""

from __future__ import annotations

from typing import Final

from ingest_service.series.influx import ql
from ingest_service.series.influx.lines import text
from ingest_service.series.influx.link import Link
from ingest_service.series.port import SeriesError

MARK: Final = "oshwatch_installation"
SCHEMA: Final = 1
"""Number of the measurements' form, described in docs/series-schema.md."""
MEASUREMENTS: Final = (
    "reading", "reading_text", "minute", "quarter_hour", "hour", "day", "exposure", "summary", "quality",
)  # fmt: skip
CLOCK_OFF_S: Final = 60.0


def read_mark(link: Link) -> tuple[str, int] | None:
    """Whose bucket it is and of which form; None when nobody marked it. Raises SeriesError."""
    answered = link.ask_one(ql.select('"id", "schema"', MARK, ["time = 0"]))
    if not answered or not answered[0].values:
        return None
    _, name, schema = answered[0].values[0]
    return str(name), int(schema or 0)


def check(link: Link, installation: str) -> None:
    """Raises SeriesError when a bucket is another's, or of a newer form, or holds what nobody marked."""
    found = read_mark(link)
    where = link.where
    if found is not None:
        refusal = _refusal(link, found, installation)
        if refusal is not None:
            raise SeriesError(refusal)
        return
    strange = [str(row[0]) for one in link.ask_one("SHOW MEASUREMENTS") for row in one.values]
    if strange:
        raise SeriesError(
            f"bucket {where.bucket} at {where.url} holds what OSHWatch did not write "
            f"({', '.join(sorted(strange)[:5])}): give OSHWatch a bucket of its own (influx_bucket, "
            "`oshwatch admin influx-setup` makes it)"
        )


def mark(link: Link, installation: str) -> None:
    """Say whose bucket it is. Raises SeriesError."""
    if read_mark(link) is None:
        link.write([f"{MARK} id={text(installation)},schema={SCHEMA}.0 0"])


def trouble_of(link: Link, installation: str) -> str | None:
    """What is wrong with a server and bucket. Raises SeriesError when they cannot be asked."""
    found = read_mark(link)
    if found is None:
        return (
            f"bucket {link.where.bucket} at {link.where.url} was never written by this installation, or was "
            "emptied by somebody: run `oshwatch admin rebuild-series`, which fills it from the ledger"
        )
    refusal = _refusal(link, found, installation)
    if refusal is not None:
        return refusal
    off = link.clock_off()
    if off is not None and abs(off) > CLOCK_OFF_S:
        way = "ahead of" if off > 0 else "behind"
        return (
            f"the clock of InfluxDB at {link.where.url} is {abs(off):.0f} s {way} this machine's: set both "
            "by NTP, or its retention and what is called `now` in dashboards are wrong"
        )
    return None


def _refusal(link: Link, found: tuple[str, int], installation: str) -> str | None:
    name, schema = found
    where = link.where
    if name != installation:
        return (
            f"bucket {where.bucket} at {where.url} belongs to another installation ({name}, this one is "
            f"{installation}): set influx_bucket to this one's; if its bookkeeping was lost, empty the "
            "bucket with `oshwatch admin influx-setup --clear`, and it is filled again from the ledger"
        )
    if schema > SCHEMA:
        return (
            f"bucket {where.bucket} at {where.url} has form {schema}, this program writes {SCHEMA}: start "
            "the newer program"
        )
    return None
