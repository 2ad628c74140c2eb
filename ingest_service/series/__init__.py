"""The time-series projection of the ledger: rebuildable."""
