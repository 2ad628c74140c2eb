"""``oshwatch alerts``: the part that judges and tells."""

from oshwatch.commands.serve import Config, supervise


def command(config: Config = None) -> None:
    """Run only the alerts: judge exposures by the rule packs, keep cases, deliver notices."""
    supervise(config, ("alerts",))
