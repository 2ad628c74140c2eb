"""``oshwatch ingest``: the part that takes in and computes, without pages and alerts."""

from oshwatch.commands.serve import Config, supervise


def command(config: Config = None) -> None:
    """Run only intake and projector: take batches in, keep them, compute series and exposures."""
    supervise(config, ("intake", "projector"))
