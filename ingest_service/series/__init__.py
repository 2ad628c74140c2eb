"""Time-series projection of the ledger: rebuildable at any time, so it may be fast rather than careful."""
