"""What a run of a fleet is and where it has got to; knows nothing of agents, so it is quick to ask."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.faults import FaultRequest
from firmware_sim.fleet import DEFAULT_PERIOD_S
from firmware_sim.truth import last_instant

STATE_FILE = "fleet.json"


class FleetError(Exception):
    """A run that cannot begin; the sentence says why and what to do."""


@dataclass(frozen=True)
class Plan:
    """What to run. `folder` keeps the outboxes and where the run is; `part` (1, 4) is a first quarter."""

    folder: Path
    fleet: str = "demo"
    seed: int = 7
    period_s: float = DEFAULT_PERIOD_S
    part: tuple[int, int] = (1, 1)
    truth: Path | None = None
    faults: Sequence[FaultRequest] = ()


@dataclass(frozen=True)
class Progress:
    """Where a run has got to: begun at `start`, everything until `until` is done."""

    start: float
    until: float


def progress(plan: Plan) -> Progress | None:
    """Where the run in this folder has got to; None for a new one. Raises FleetError."""
    path = plan.folder / STATE_FILE
    try:
        held = json.loads(path.read_text("utf-8"))
        found = Progress(float(held["start"]), float(held["until"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FleetError(f"{path} cannot be read ({error}). Delete the folder to begin afresh.") from None
    wanted = signature(plan)
    if held.get("run") != wanted:
        raise FleetError(
            f"{plan.folder} holds another run ({held.get('run')}, not {wanted}). "
            "Give the same fleet, seed and period, or another folder."
        )
    told = None if plan.truth is None else last_instant(plan.truth)
    return found if told is None else Progress(found.start, max(found.until, told))


def signature(plan: Plan) -> str:
    """What tells one run from another, in words."""
    part = "" if plan.part == (1, 1) else f", part {plan.part[0]}/{plan.part[1]}"
    return f"fleet {plan.fleet}, seed {plan.seed}, period {plan.period_s:g} s{part}"
