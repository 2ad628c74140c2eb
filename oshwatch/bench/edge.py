"""The edge benchmark: what a gateway writes and takes, how fast a backlog drains, how soon all goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from oshwatch.bench.edge_backlog import backlog
from oshwatch.bench.edge_ledger import ledger_commits
from oshwatch.bench.edge_outbox import outbox_day
from oshwatch.bench.edge_process import agent_process
from oshwatch.bench.edge_recovery import KILLED, recoveries
from oshwatch.bench.figures import machine, medians

Tell = Callable[[str], None]

DEFAULT_RATE: Final = 5.0
UNLIMITED_RATE: Final = 1000.0
"""The highest a server may allow."""
AIM_MEMORY_MB: Final = 45.0
AIM_CPU_SHARE: Final = 0.01
AIM_RECOVERY_S: Final = 5.0
AIM_FRESH_MS: Final = 5000.0
DRAINED_WITHIN_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked: channels of the gateway, simulated hours of the outbox, seconds of the agent at its
    usual rate, days of backlog, seconds it drains at the default rate, runs of each part."""

    channels: int = 24
    hours: float = 4.0
    seconds: float = 180.0
    days: float = 3.0
    default_rate_s: float = 20.0
    ledger_s: float = 3.0
    group: int = 200
    runs: int = 3


def measured(mosquitto: str, folder: Path, work: Workload, tell: Tell) -> dict[str, Any]:
    """Every part in turn, as one document. Raises `BenchError` when a process does not do its part."""
    parts: dict[str, Callable[[Path], dict[str, Any]]] = {
        "outbox": lambda at: outbox_day(mosquitto, at, work.hours, work.channels),
        "agent": lambda at: agent_process(mosquitto, at, work.seconds, work.channels),
        "backlog": lambda at: backlog(
            mosquitto, at, days=work.days, readings=work.channels, rate=UNLIMITED_RATE, fresh=5,
            within_s=DRAINED_WITHIN_S,
        ),
        "backlog_at_default_rate": lambda at: backlog(
            mosquitto, at, days=0.5, readings=work.channels, rate=DEFAULT_RATE, fresh=5,
            within_s=work.default_rate_s,
        ),
        "ledger": lambda at: ledger_commits(at, work.ledger_s, work.channels, work.group),
        "recovery_s": lambda at: dict(recoveries(mosquitto, at)),
    }  # fmt: skip
    document: dict[str, Any] = {
        "benchmark": "edge",
        "workload": asdict(work),
        "machine": machine(mosquitto),
        "median": {},
        "runs": {},
    }
    for name, part in parts.items():
        runs = []
        for number in range(1, work.runs + 1):
            tell(f"{name.replace('_', ' ')}, run {number} of {work.runs}")
            at = folder / f"{name}-{number}"
            at.mkdir()
            runs.append(part(at))
            shutil.rmtree(at, ignore_errors=True)
        document["runs"][name] = runs
        document["median"][name] = medians(runs)
    return document | {"load_average_after": machine()["load_average"]}


def report(document: dict[str, Any]) -> list[str]:
    """The medians as people read them."""
    found = document["median"]
    outbox, agent, ledger = found["outbox"], found["agent"], found["ledger"]
    before, after = document["machine"]["load_average"][0], document["load_average_after"][0]
    groups = f"of {ledger['group']} batches ({ledger['batches_per_second_in_groups']:,} batches)"
    lines = [
        f"medians of {document['workload']['runs']} runs; load of the machine {before} before, {after} after",
        f"outbox, {outbox['channels']} channels a minute, a day:",
        _line(f"{outbox['commits_per_day']:,}", "synced commits"),
        _line(f"{outbox['written_mb_per_day']:.1f} MB", "handed to write calls"),
        _line(f"{outbox['to_storage_mb_per_day']:.1f} MB", "sent to storage"),
        "agent process at that rate:",
        _line(f"{agent['memory_mb']:.1f} MB", f"resident (aim: under {AIM_MEMORY_MB:g})"),
        _line(f"{agent['memory_of_its_own_mb']:.1f} MB", "of it shared with no other process"),
        _line(f"{agent['cpu_share_of_one_core']:.2%}", f"of one core (aim: under {AIM_CPU_SHARE:.0%})"),
        _line(f"{agent['cpu_seconds_per_hour']:.1f} s", "of processor time an hour"),
    ]
    for name, title in (
        ("backlog", "backlog, rate not limited:"),
        ("backlog_at_default_rate", "backlog, default rate:"),
    ):
        lines += [title, *_backlog_lines(found[name])]
    lines += [
        "ledger, every commit synced:",
        _line(f"{ledger['commits_per_second']:,.0f}", "commits a second of one batch"),
        _line(f"{ledger['commits_per_second_of_groups']:,.0f}", f"commits a second {groups}"),
        f"work goes on after SIGKILL (aim: under {AIM_RECOVERY_S:g} s):",
        *(_line(f"{found['recovery_s'][name]:.1f} s", name) for name in KILLED),
    ]
    return lines


def _backlog_lines(found: dict[str, Any]) -> list[str]:
    fresh = found["fresh_to_series_ms"] or {"p50": 0.0, "max": 0.0}
    memory = ", ".join(f"{name} {mb:.0f} MB" for name, mb in found["memory_mb"].items())
    return [
        _line(f"{found['drained_per_second']:,.0f}", f"batches a second, of {found['backlog_batches']:,}"),
        _line(
            f"{fresh['p50'] / 1e3:.1f} s",
            f"from a fresh reading to the series, at most {fresh['max'] / 1e3:.1f} s "
            f"(aim: under {AIM_FRESH_MS / 1e3:g}; up to a second of it before the seal)",
        ),
        _line("", f"most memory: {memory}"),
    ]


def _line(value: str, meaning: str) -> str:
    return f"{value:>14}  {meaning}"
