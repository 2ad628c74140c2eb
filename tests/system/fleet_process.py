"""A simulated fleet in a process of its own: ``python -m tests.system.fleet_process``, its order as JSON on
standard input. It ends on SIGTERM, when everything is acknowledged or `patience_s` is over."""

import base64
import json
import signal
import sys
import threading
from pathlib import Path

from firmware_sim.faults import parse
from firmware_sim.gateway import Delivery
from firmware_sim.progress import Plan
from firmware_sim.runner import FleetRunner
from osh_domain.scaled_time import ScaledTime


def main() -> None:
    order = json.loads(sys.stdin.readline())
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    folder = Path(order["folder"])
    plan = Plan(
        folder / "fleet",
        order["fleet"],
        order["seed"],
        order["period_s"],
        truth=folder / "truth.jsonl",
        faults=[parse(text) for text in order["faults"]],
    )
    pace = ScaledTime.parse(order["clock"])
    delivery = Delivery(port=order["port"], server_key=base64.b64decode(order["server_key"]))
    runner = FleetRunner(plan, delivery, pace.time_start)
    try:
        runner.run(stop, pace=pace)
    finally:
        runner.close(patience_s=order["patience_s"])


if __name__ == "__main__":
    main()
