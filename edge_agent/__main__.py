"""`python -m edge_agent FILE`: the agent alone, without the project's command line, for small machines."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from edge_agent import journal, memory
from edge_agent.identity import IdentityError
from edge_agent.outbox.opening import OutboxError
from edge_agent.runner import Runner
from edge_agent.settings_apart import UncheckedError, load_apart
from edge_agent.tls import TlsError
from osh_domain.settings_report import SettingsError

TRY_AGAIN = 1
UNUSABLE = 2


def run(config: Path | None) -> int:
    """Measure and deliver until SIGTERM or SIGINT; answers the exit code."""
    journal.configure()
    memory.one_arena()
    try:
        runner = Runner(load_apart(config))
    except (SettingsError, IdentityError, OutboxError, TlsError, PermissionError) as error:
        sys.stderr.write(f"oshwatch agent: {error}\n")
        return UNUSABLE
    except UncheckedError as error:
        sys.stderr.write(f"oshwatch agent: {error}\n")
        return TRY_AGAIN
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: runner.stop())
    memory.give_back()
    runner.run()
    return 0


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
