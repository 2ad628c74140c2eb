"""How a gateway delivers, as the fleet page says it: what waits, what was lost, who else uses its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from ingest_service.calibration import Calibrations
from ingest_service.cases.delivery_doubts import of_system
from ingest_service.clone_suspicion import Suspicion
from ingest_service.ledger.port import QuarantineEntry
from ingest_service.queries.view import View
from ingest_service.register.entries import Gateway
from ingest_service.series.port import ChannelEntry

OLD_S: Final = 6 * 3600.0
FULL_SHARE: Final = 0.9
_MOST_KNOWN: Final = 10_000


class Known(NamedTuple):
    """What is read once for all gateways: suspected copies, and unsettled entries of the quarantine."""

    clones: Mapping[str, Suspicion]
    unsettled: Mapping[str, int]


class Delivery(NamedTuple):
    """The part of a `GatewayLine` that is about delivery."""

    backlog_age_s: float | None
    lost: str
    clone: tuple[str, ...]
    refused_now: int
    calibration_due: float | None
    troubles: tuple[str, ...]


# A configuration is known by its hash, so what is read in one holds for ever.
_due: dict[str, float | None] = {}


def unsettled(entries: Iterable[QuarantineEntry]) -> Counter[str]:
    """How many payloads of each gateway wait for somebody; remarks are about batches in the ledger."""
    return Counter(one.gateway for one in entries if not one.settled and one.ledger_row is None)


def delivery_of(
    view: View, gateway: Gateway, system: Mapping[str, ChannelEntry], known: Known, configuration: str
) -> Delivery:
    """Everything about one gateway; `system` holds its own channels by quantity."""
    doubts = {}
    for entry in system.values():
        doubt = of_system(entry, entry.last_time, view.now) if entry.last_time is not None else None
        if doubt is not None:
            doubts[doubt.what] = doubt
    backlog, disk, gap = doubts.get("backlog"), doubts.get("disk"), doubts.get("lost")
    age = backlog.amount if backlog else 0.0 if "backlog_age" in system else None
    clone, due = known.clones.get(gateway.id), calibration_due(view, configuration)
    refused = known.unsettled.get(gateway.id, 0)
    found = {
        "clone": clone is not None,
        "lost": gap is not None,
        "backlog": age is not None and age > OLD_S,
        "disk": disk is not None and disk.amount is not None and disk.amount > FULL_SHARE,
        "refused": refused > 0,
        "calibration": due is not None and due <= view.now,
    }
    return Delivery(
        backlog_age_s=age,
        lost=gap.detail["said"] if gap else "",
        clone=tuple(clone.kinds) if clone else (),
        refused_now=refused,
        calibration_due=due,
        troubles=tuple(name for name, there in found.items() if there),
    )


def calibration_due(view: View, configuration: str) -> float | None:
    """Until when [s] the first of the gateway's sensors is calibrated; None where nothing is known of it."""
    if not configuration:
        return None
    if configuration not in _due:
        if len(_due) >= _MOST_KNOWN:
            _due.clear()
        until = Calibrations(view.ledger.configuration).due(configuration)
        if not until and view.ledger.configuration(configuration) is None:
            return None  # not stored yet
        _due[configuration] = min(until.values(), default=None)
    return _due[configuration]
