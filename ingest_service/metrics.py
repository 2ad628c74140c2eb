"""Every Prometheus metric of the service, in one table.

The runners are processes of their own: with PROMETHEUS_MULTIPROC_DIR set before this module is imported (the
supervisor does it) their numbers meet in that directory and `exposition` adds them up.
"""

import os
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import REGISTRY

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

BATCHES: Final = Counter("oshwatch_batches", "Batches received, by verdict.", ["verdict"])
READINGS: Final = Counter("oshwatch_readings", "Readings in accepted batches.")
LEDGER_COMMIT: Final = Histogram(
    "oshwatch_ledger_commit_seconds", "Time of one synced ledger commit.", buckets=_SECONDS
)
QUARANTINED: Final = Counter("oshwatch_quarantined", "Payloads put into quarantine, by code.", ["code"])
ACKNOWLEDGEMENTS: Final = Counter("oshwatch_acknowledgements", "Acknowledgements sent to gateways.")
PROJECTED_ROWS: Final = Counter("oshwatch_projected_rows", "Ledger rows projected to the series.")
PROJECTOR_LAG: Final = Gauge(
    "oshwatch_projector_lag_rows", "Ledger rows not yet projected.", multiprocess_mode="livemostrecent"
)
ROLLUP: Final = Histogram("oshwatch_rollup_seconds", "Time of one rollup cycle.", buckets=_SECONDS)
EXPOSURES: Final = Counter("oshwatch_exposures", "Exposure values computed.")
CASES_OPEN: Final = Gauge("oshwatch_cases_open", "Cases open now.", multiprocess_mode="livemostrecent")
NOTICES: Final = Counter("oshwatch_notices", "Attempts to deliver a notice, by outcome.", ["outcome"])
HTTP_REQUESTS: Final = Counter(
    "oshwatch_http_requests", "HTTP requests answered.", ["method", "route", "status"]
)
HTTP_SECONDS: Final = Histogram(
    "oshwatch_http_request_seconds", "Time to answer an HTTP request.", ["route"], buckets=_SECONDS
)


def exposition() -> bytes:
    """All metrics as Prometheus text: of every runner when they share a directory, else of this process."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def forget_runner(pid: int, folder: Path) -> None:
    """Take the gauges of a runner that has ended out of the sums in ``folder``; its starter calls this."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
